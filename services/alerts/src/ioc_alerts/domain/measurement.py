"""A measured or computed number as rules see it, whichever service it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ioc_alerts.domain.judgement import Mark
from ioc_alerts.domain.subject import Subject
from ioc_alerts.domain.text import NAMELESS, LocalizedText


class PeriodKind(StrEnum):
    """What the time of a measurement means: a moment, or the start of a period in Asia/Ho_Chi_Minh."""

    INSTANT = "instant"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class TargetStatus(StrEnum):
    """How an indicator value stands against its target."""

    UNKNOWN = "unknown"
    """It is held against no target, or the target is awaited."""
    MET = "met"
    WITHIN_MARGIN = "within-margin"
    """Short of the target by no more than its warning margin."""
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value of one subject and period. `value` None: there is no number.

    `is_reliable` is False for a stale or grey number, which says nothing about the world and so is never judged.
    """

    watched: str
    """`<set>/<code>` of the indicator, or `<source>/<measure>` of the reading: what a rule watches."""
    origin: str
    """`<set>/<code>` of the indicator, or the series key: what a reader follows back."""
    subject: Subject
    mark: Mark
    """The moment, or the period's start, aware, UTC; and which computation of it."""
    value: float | None
    unit: str = ""
    """UCUM code; empty for a reading, whose event does not carry it."""
    place: LocalizedText = NAMELESS
    """Name of the thing or area for people; empty when only its code is known."""
    period_kind: PeriodKind = PeriodKind.INSTANT
    value_id: str = ""
    is_reliable: bool = True
    target: float | None = None
    target_status: TargetStatus = TargetStatus.UNKNOWN

    def told_by(self, fact: SeriesFact) -> Measurement:
        """The measurement with the unit and the place that the registry knows of its series."""
        return replace(self, unit=fact.unit or self.unit, place=fact.place if fact.place.vi else self.place)


@dataclass(frozen=True, slots=True)
class SeriesFact:
    """What the registry tells of a series and its readings do not: unit by UCUM code, name of the place."""

    unit: str = ""
    place: LocalizedText = NAMELESS
