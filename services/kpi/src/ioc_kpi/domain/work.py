"""Work that waits: one value to compute, not before a moment, caused by an event whose trace it continues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ioc_kpi.domain.definitions import Definitions
from ioc_kpi.domain.indicator import Subject, subjects_of, touched_periods
from ioc_kpi.domain.period import Period
from ioc_kpi.domain.series import Activity, parse_key


@dataclass(frozen=True, slots=True)
class Work:
    """One (tenant, indicator, subject, period); `traceparent` may be empty."""

    tenant: str
    indicator: str
    subject: Subject
    period: Period
    due_at: datetime
    traceparent: str = ""

    @property
    def key(self) -> tuple[str, str, str, datetime]:
        """What makes it one: everything but when and why."""
        return self.tenant, self.indicator, self.subject.key, self.period.start


@dataclass(frozen=True, slots=True)
class Claim:
    """Work held under a lease. `generation` tells whether it was touched again while it was held."""

    work: Work
    lease: str
    generation: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long work waits, so that a burst is one computation, and when a running period begins to count."""

    settle: timedelta
    settle_running: timedelta
    provisional_after: timedelta

    def due_at(self, period: Period, now: datetime) -> datetime:
        """When the value of a period that was touched now is to be computed.

        A period that has not begun is touched because it will look back on this one: it is computed when it is over,
        or earlier, when readings of its own touch it.
        """
        if now >= period.end:
            return now + self.settle
        if now < period.start:
            return period.end + self.settle
        return max(now + self.settle_running, period.start + self.provisional_after)


def work_from(
    definitions: Definitions, activities: Iterable[Activity], pace: Pace, now: datetime, traceparent: str
) -> list[Work]:
    """Every value that the activities touch, once, in order of key."""
    found: dict[tuple[str, str, str, datetime], Work] = {}
    for activity in activities:
        for each in _touched(definitions, activity, pace, now, traceparent):
            found.setdefault(each.key, each)
    return [found[key] for key in sorted(found)]


def _touched(
    definitions: Definitions, activity: Activity, pace: Pace, now: datetime, traceparent: str
) -> Iterator[Work]:
    series = parse_key(activity.tenant, activity.series_key)
    for indicator, source in definitions.fed_by(series.source, series.measure):
        earliest = Period.containing(indicator.period, activity.first_at)
        latest = Period.containing(indicator.period, activity.newest_at)
        for subject in subjects_of(indicator, source, series):
            for period in touched_periods(source, earliest, latest):
                if indicator.is_valid_in(period):
                    due_at = pace.due_at(period, now)
                    yield Work(activity.tenant, indicator.id, subject, period, due_at, traceparent)
