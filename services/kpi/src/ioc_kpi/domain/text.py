"""Text in the two languages, and where a fact comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class LocalizedText:
    """Vietnamese first; English may be empty."""

    vi: str = ""
    en: str = ""


NO_TEXT = LocalizedText()


class Verification(StrEnum):
    """How sure a fact is."""

    UNSPECIFIED = "unspecified"
    VERIFIED = "verified"
    SECONDARY = "secondary"
    GENERAL_KNOWLEDGE = "general-knowledge"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in an instrument of law; `issued_on` is "YYYY-MM-DD" or empty when unknown."""

    instrument: str
    article: str = ""
    issued_on: str = ""
    text: str = ""
    verification: Verification = Verification.UNSPECIFIED
