"""Times as people and devices write them, to microseconds since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ioc_ingest.domain.contract import PeriodKind
from ioc_ingest.domain.terms import to_us

RFC3339 = "2026-11-23T08:00:00+07:00"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.IGNORECASE | re.ASCII)
_PERIOD = re.compile(
    r"(?P<year>\d{4})(?:-(?:Q(?P<quarter>[1-4])|S(?P<half>[12])|W(?P<week>\d\d)|M?(?P<month>\d\d)(?:-(?P<day>\d\d))?))?",
    re.ASCII,
)
_EXAMPLES = {
    PeriodKind.INSTANT: RFC3339,
    PeriodKind.HOUR: RFC3339,
    PeriodKind.DAY: "2026-11-23",
    PeriodKind.WEEK: "2026-W48",
    PeriodKind.MONTH: "2026-11",
    PeriodKind.QUARTER: "2026-Q4",
    PeriodKind.YEAR: "2026",
}
_VIET_NAM = timedelta(hours=7)


def expected_form(kind: PeriodKind) -> str:
    """An example of how a time is written for the kind of period."""
    return _EXAMPLES[kind]


def moment_us(text: str) -> int | None:
    """An RFC 3339 time with its offset; None for anything else, a time without offset among them."""
    if not _RFC3339.fullmatch(text):
        return None
    # Python reads at most six digits of a fraction.
    trimmed = re.sub(r"(\.\d{6})\d+", r"\1", text.upper())
    try:
        return to_us(datetime.fromisoformat(trimmed).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def period_us(text: str, kind: PeriodKind) -> int | None:
    """The start of an SDMX time period of exactly that kind, in Viet Nam time; None where it cannot be read as one."""
    if kind in (PeriodKind.INSTANT, PeriodKind.HOUR):
        return moment_us(text)
    match = _PERIOD.fullmatch(text)
    if match is None:
        return moment_us(text)
    parts = {name: int(part) for name, part in match.groupdict().items() if part is not None}
    shape = {
        frozenset({"year"}): PeriodKind.YEAR,
        frozenset({"year", "quarter"}): PeriodKind.QUARTER,
        frozenset({"year", "month"}): PeriodKind.MONTH,
        frozenset({"year", "week"}): PeriodKind.WEEK,
        frozenset({"year", "month", "day"}): PeriodKind.DAY,
    }.get(frozenset(parts))
    if shape is not kind:
        return None
    try:
        if kind is PeriodKind.WEEK:
            start = datetime.fromisocalendar(parts["year"], parts["week"], 1)
        else:
            month = parts.get("month", (parts.get("quarter", 1) - 1) * 3 + 1)
            start = datetime(parts["year"], month, parts.get("day", 1))  # noqa: DTZ001  # local; shifted below
    except ValueError:
        return None
    return to_us(start.replace(tzinfo=UTC) - _VIET_NAM)
