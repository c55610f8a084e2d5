"""Text in the two languages, where a fact comes from, and text that is safe to show."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date

from ioc_kit.errors import InvalidInput

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that show nothing, or hide or reorder what stands around them."""


@dataclass(frozen=True, slots=True)
class LocalizedText:
    """Vietnamese first; English may be empty."""

    vi: str
    en: str = ""


NAMELESS = LocalizedText("")


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in an instrument of law; sure as `verified`, `secondary`, `general-knowledge` or `unverified` say."""

    instrument: str
    article: str = ""
    issued_on: date | None = None
    text: str = ""
    verification: str = "unverified"


def printable(text: str) -> str:
    """The text on one line, without control characters and without those that hide or reorder what follows.

    >>> printable("Vinh" + chr(0) + chr(10) + " 2")
    'Vinh 2'
    """
    kept = (" " if letter in "\r\n\t" else letter for letter in text if _is_shown(letter))
    return " ".join("".join(kept).split())


def check_free(field: str, text: str, limit: int) -> None:
    """Raises InvalidInput for a person's text that is too long or holds control characters other than line breaks."""
    if len(text) > limit:
        raise InvalidInput.field(field, f"is longer than {limit:,} characters")
    if any(letter not in "\r\n\t" and unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise InvalidInput.field(field, "holds control characters")


def _is_shown(letter: str) -> bool:
    return letter in "\r\n\t" or unicodedata.category(letter) not in _HIDDEN
