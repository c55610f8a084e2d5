"""A measured or computed number as rules see it, whichever service it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ioc_alerts.domain.subject import Subject


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
    """No target is in force, or it is awaited."""
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
    """Code of the indicator, or of the measure."""
    subject: Subject
    period: datetime
    """The moment, or the period's start; aware, UTC."""
    value: float | None
    unit: str
    period_kind: PeriodKind = PeriodKind.INSTANT
    is_reliable: bool = True
    target: float | None = None
    target_status: TargetStatus = TargetStatus.UNKNOWN
