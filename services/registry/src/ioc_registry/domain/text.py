"""Text in the two languages, and where a fact comes from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class LocalizedText:
    """Vietnamese first; English may be empty."""

    vi: str
    en: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in an instrument of law; sure as `verified`, `secondary`, `general-knowledge` or `unverified` say."""

    instrument: str
    article: str = ""
    issued_on: date | None = None
    text: str = ""
    verification: str = "unverified"


def search_key(text: str) -> str:
    """Folds case and Vietnamese marks, so that `hoang mai` finds `Hoàng Mai`.

    >>> search_key("Đô Lương")
    'do luong'
    """
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
