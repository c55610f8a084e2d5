"""A clock that moves only when told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FixedClock:
    """Implements `ioc_kit.clock.Clock`; starts at 2026-11-23 08:00 in Vinh unless told otherwise."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def advance(self, by: timedelta) -> None:
        """Moves the clock forward, or back with a negative span."""
        self._at += by

    def set(self, at: datetime) -> None:
        """Puts the clock to a moment."""
        self._at = at
