"""What all entries of the catalogue share: strict frozen models, names in two languages, citations, how sure we are."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
AreaCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,5}$")]
UnitCode = Annotated[str, StringConstraints(min_length=1, max_length=16)]


class Entry(BaseModel):
    """A piece of the catalogue: a field that is not known, or of the wrong type, is a mistake, never ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


class Verification(StrEnum):
    """How sure an entry is; the mark travels with the data, so that an official can correct it."""

    CONFIRMED = "confirmed"
    SECONDARY = "secondary"
    GENERAL_KNOWLEDGE = "general-knowledge"
    UNVERIFIED = "unverified"


class Basis(StrEnum):
    """Whose word a value is: an instrument's, ours as a working default, or nobody's yet."""

    CITED = "cited"
    OURS = "ours"
    AWAITED = "awaited"


class PeriodKind(StrEnum):
    """The length of an indicator's or a statistic's period; periods are cut in Asia/Ho_Chi_Minh."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class ShareClass(StrEnum):
    """Who may see a number: everybody, the province and its centres, or only the agency that leads."""

    PUBLIC = "public"
    PROVINCE = "province"
    AGENCY = "agency"


class Citation(Entry):
    """A place in an instrument; `verification` says otherwise than the instrument's own entry where it must."""

    instrument: Code
    at: Text | None = None
    note: Text | None = None
    verification: Verification | None = None


class Named(Entry):
    """An entry with a code and its names, Vietnamese first."""

    code: Code
    name_vi: Text
    name_en: Text


class Years(Entry):
    """A period of the plan: years, its outlook ("định hướng"), or whenever a change is asked for."""

    since: Annotated[int, Field(ge=2000, le=2100)] | None = Field(default=None, alias="from")
    to: Annotated[int, Field(ge=2000, le=2100)] | None = None
    outlook: Annotated[int, Field(ge=2000, le=2100)] | None = None
    on_demand: bool = False


class Validity(Entry):
    """The days for which an entry holds: from `valid_from`, until and without `valid_to`."""

    valid_from: date
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether the entry holds on that day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def overlaps(self, other: Validity) -> bool:
        """Whether there is a day on which both hold."""
        return (other.valid_to is None or self.valid_from < other.valid_to) and (
            self.valid_to is None or other.valid_from < self.valid_to
        )
