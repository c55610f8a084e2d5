"""What is read back: readings of the ledger, windows of them, the state of sources, quarantined rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_WINDOWS = 10_000


@dataclass(frozen=True, slots=True)
class Observation:
    """A row of the ledger. `revision` counts from 1; `position` is that of its batch in the log."""

    tenant: str
    series_key: str
    unit: str
    at: datetime
    revision: int
    value: float
    quality: int
    received_at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one series: from `start` inclusive to `end` exclusive."""

    series_key: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What a window holds, each reading by its newest revision; bad ones are only counted. None: no readings."""

    count: int = 0
    bad_count: int = 0
    expected: int = 0
    mean: float | None = None
    sum: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    last: float | None = None
    last_at: datetime | None = None
    position: int = 0
    contract_version: int = 0


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source is doing, by what really arrived."""

    tenant: str
    source: str
    series_count: int
    last_observed_at: datetime | None
    last_received_at: datetime | None
    cadence: timedelta
    stored_24h: int
    quarantined_24h: int
    is_stale: bool


PATIENCE = 3
"""A source is stale when nothing came for so many times its cadence: one late delivery is no alarm."""


def is_stale(last_received_at: datetime | None, cadence: timedelta, now: datetime) -> bool:
    """True when nothing came for longer than the cadence allows, or ever."""
    return last_received_at is None or now - last_received_at > cadence * PATIENCE


@dataclass(frozen=True, slots=True)
class QuarantineItem:
    """A refused row as it is kept. Its place in the log, `position` and `ordinal`, is its id."""

    position: int
    ordinal: int
    tenant: str
    source: str
    door: str
    origin: str
    received_at: datetime
    row: int
    field: str
    rule: str
    reason_vi: str
    reason_en: str
    remedy_vi: str
    remedy_en: str
    original: bytes
    original_bytes: int
    trace_id: str

    @property
    def item_id(self) -> str:
        """`<position>-<ordinal>` in hexadecimal of fixed width: ids grow with time."""
        return f"{self.position:016x}-{self.ordinal:06x}"


def read_item_id(item_id: str) -> tuple[int, int] | None:
    """The place in the log that an id names; None for what is no id."""
    position, dash, ordinal = item_id.partition("-")
    if len(position) != 16 or len(ordinal) != 6 or not dash:
        return None
    try:
        place = int(position, 16), int(ordinal, 16)
    except ValueError:
        return None
    return place if place[0] < 2**63 else None
