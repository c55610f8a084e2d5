"""Times that a report may carry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD: Final = timedelta(minutes=15)


class BadTime(ValueError):
    """The text is no time, names no zone, or is one that cannot be true; the message says which."""


def parse_time(text: str, now: datetime) -> datetime:
    """An ISO 8601 time with zone, in UTC. Raises BadTime.

    A clock that was never set (before 2000) or runs ahead would put incidents where nobody looks for them, so it is
    refused; a late delivery of old events is not.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadTime("is not an ISO 8601 time") from None
    if at.tzinfo is None:
        raise BadTime("names no time zone: send an offset or Z")
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise BadTime("is outside the calendar") from None
    if at < EARLIEST:
        raise BadTime("is before 2000: the sensor's clock is not set")
    if at > now + AHEAD:
        raise BadTime(f"is more than {AHEAD.seconds // 60} minutes ahead: check the sensor's clock")
    return at
