"""Contracts as a door needs them: a read model of what the registry publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum


class Mode(StrEnum):
    """What happens to readings that break the contract."""

    ENFORCE = "enforce"
    OBSERVE = "observe"
    """Let through and counted, where they can be stored at all."""


class PeriodKind(StrEnum):
    """What an observation's time means: a moment, or the start of a period in Asia/Ho_Chi_Minh."""

    INSTANT = "instant"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity with its unit and inclusive bounds; None = no bound."""

    measure: str
    unit: str
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Thing:
    """A station or the like; `device_id` is its MQTT name, or empty."""

    thing: str
    area: str
    device_id: str = ""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A further key with its closed list of codes."""

    name: str
    codes: tuple[str, ...]
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Contract:
    """The version in force of one contract of one tenant."""

    contract: str
    version: int
    tenant: str
    source: str
    measures: tuple[Measure, ...]
    things: tuple[Thing, ...] = ()
    areas: tuple[str, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    period_kind: PeriodKind = PeriodKind.INSTANT
    cadence: timedelta = timedelta(minutes=1)
    allowed_lateness: timedelta = timedelta(days=3)
    clock_skew: timedelta = timedelta(minutes=5)
    retention: timedelta = timedelta(days=3650)
    mode: Mode = Mode.ENFORCE
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column of a file to `area`, `measure`, `time`, `value`, `unit`, `thing`, `quality` or a dimension's name."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Column of a file to the one value that it must have."""
    valid_from: date | None = None
    valid_to: date | None = None

    def measure_named(self, name: str) -> Measure | None:
        """The measure of that code, or None."""
        return next((measure for measure in self.measures if measure.measure == name), None)


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """A series that a contract allows. `series_id` is the ledger's own number for it."""

    series_id: int
    tenant: str
    key: str
    source: str
    measure: str
    unit: str
    area: str
    thing: str
    contract: str


def series_key(source: str, measure: str, area: str, thing: str, dimensions: Mapping[str, str]) -> str:
    """`<source>/<measure>/<area>[/<thing>][/<DIM>=<value>...]`, dimensions in order of name."""
    parts = [source, measure, area, *([thing] if thing else [])]
    return "/".join([*parts, *(f"{name}={value}" for name, value in sorted(dimensions.items()))])
