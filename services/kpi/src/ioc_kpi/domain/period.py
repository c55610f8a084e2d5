"""Periods as people in Nghệ An count them: they begin and end in Vietnamese time, and are kept in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

# Asia/Ho_Chi_Minh has had this offset without change since 1975; a fixed offset needs no time zone files in an image.
VIETNAM = timezone(timedelta(hours=7), "+07")


class PeriodKind(StrEnum):
    """How long a period is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_MONTHS = {PeriodKind.MONTH: 1, PeriodKind.QUARTER: 3, PeriodKind.YEAR: 12}
_SPANS = {
    PeriodKind.HOUR: timedelta(hours=1),
    PeriodKind.DAY: timedelta(days=1),
    PeriodKind.WEEK: timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A stretch of the calendar; `start` and `end` are aware, UTC, the end exclusive."""

    start: datetime
    end: datetime
    kind: PeriodKind

    @classmethod
    def containing(cls, kind: PeriodKind, at: datetime) -> Period:
        """The period of that kind in which the moment lies. Raises ValueError for a time without zone."""
        if at.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        start = _floor(kind, at.astimezone(VIETNAM))
        return cls(start.astimezone(UTC), _step(kind, start, 1).astimezone(UTC), kind)

    def shifted(self, by: int) -> Period:
        """The period that many periods later, or earlier when negative."""
        start = _step(self.kind, self.start.astimezone(VIETNAM), by)
        return Period(start.astimezone(UTC), _step(self.kind, start, 1).astimezone(UTC), self.kind)

    def until(self, last: Period) -> Iterator[Period]:
        """This period and those that follow, up to and with `last`."""
        period = self
        while period.start <= last.start:
            yield period
            period = period.shifted(1)

    @property
    def month(self) -> int:
        """The calendar month, 1 to 12, in which the period ends."""
        return (self.end - timedelta(microseconds=1)).astimezone(VIETNAM).month

    def __str__(self) -> str:
        return f"{self.kind} {self.start.astimezone(VIETNAM).isoformat(timespec='minutes')}"


def _floor(kind: PeriodKind, local: datetime) -> datetime:
    if kind is PeriodKind.HOUR:
        return local.replace(minute=0, second=0, microsecond=0)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind is PeriodKind.DAY:
        return day
    if kind is PeriodKind.WEEK:
        return day - timedelta(days=day.weekday())
    months = _MONTHS[kind]
    return day.replace(day=1, month=(day.month - 1) // months * months + 1)


def _step(kind: PeriodKind, local: datetime, count: int) -> datetime:
    if kind in _SPANS:
        return local + _SPANS[kind] * count
    months = local.year * 12 + local.month - 1 + _MONTHS[kind] * count
    return local.replace(year=months // 12, month=months % 12 + 1)
