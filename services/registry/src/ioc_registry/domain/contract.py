"""Data contracts: what a source may deliver for a tenant, and the series that follow from it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from ioc_kit.errors import FieldViolation, InvalidInput
from ioc_registry.domain.series import Series
from ioc_registry.domain.text import Citation, LocalizedText

MAX_SERIES = 1_000_000


class Mode(StrEnum):
    """What happens to data that break the contract."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


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
    """A quantity: unit by UCUM-like code, inclusive range, the smallest step that means something (0 = any)."""

    measure: str
    unit: str
    name: LocalizedText
    minimum: float | None = None
    maximum: float | None = None
    resolution: float = 0.0


@dataclass(frozen=True, slots=True)
class Thing:
    """A station, vehicle or the like; `device_id` is set when it speaks for itself over MQTT."""

    thing: str
    area: str
    name: LocalizedText
    device_id: str = ""
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, slots=True)
class Dimension:
    """A further key of a series with its closed list of codes."""

    name: str
    codes: tuple[str, ...]
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Contract:
    """One version of an agreement between a source and a tenant. Series follow from things or areas times measures."""

    contract: str
    version: int
    tenant: str
    source: str
    name: LocalizedText
    measures: tuple[Measure, ...]
    things: tuple[Thing, ...] = ()
    areas: tuple[str, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    period_kind: PeriodKind = PeriodKind.INSTANT
    cadence: timedelta = timedelta(minutes=1)
    allowed_lateness: timedelta = timedelta(days=3)
    clock_skew: timedelta = timedelta(minutes=5)
    retention: timedelta = timedelta(days=3650)
    privacy_k: int = 0
    mode: Mode = Mode.ENFORCE
    columns: dict[str, str] = field(default_factory=dict)
    """Column of a file to field of the contract, for sources that deliver files."""
    constants: dict[str, str] = field(default_factory=dict)
    valid_from: date | None = None
    valid_to: date | None = None
    citation: Citation | None = None


def series_of(contract: Contract) -> tuple[Series, ...]:
    """Every series that a contract allows, in a stable order. Raises InvalidInput when they are too many or none."""
    places = [(thing.area, thing.thing, thing.name) for thing in contract.things] or [
        (area, "", LocalizedText("")) for area in contract.areas
    ]
    choices = [
        [(dimension.name, code) for code in dimension.codes] + ([] if dimension.is_required else [None])
        for dimension in contract.dimensions
    ]
    count = len(places) * len(contract.measures)
    for choice in choices:
        count *= len(choice)
    if not 0 < count <= MAX_SERIES:
        raise InvalidInput.field(
            "contract", f"describes {count} series; it must describe 1 to {MAX_SERIES}", contract=contract.contract
        )
    return tuple(
        Series.make(
            tenant=contract.tenant,
            source=contract.source,
            measure=measure.measure,
            unit=measure.unit,
            area=area,
            thing=thing,
            dimensions=tuple(part for part in combination if part is not None),
            period_kind=contract.period_kind.value,
            contract=contract.contract,
            contract_version=contract.version,
            name=name,
        )
        for (area, thing, name), measure, combination in itertools.product(
            places, contract.measures, itertools.product(*choices)
        )
    )


def check(contract: Contract) -> None:
    """Raises InvalidInput that names every field of the contract that cannot stand."""
    found: list[FieldViolation] = []
    if contract.version < 1:
        found.append(FieldViolation("version", "starts at 1"))
    if not contract.measures:
        found.append(FieldViolation("measures", "names none; a contract needs at least one"))
    for measure in contract.measures:
        if measure.minimum is not None and measure.maximum is not None and measure.minimum > measure.maximum:
            found.append(FieldViolation(f"measures.{measure.measure}", "has its minimum above its maximum"))
    for kind, names in (
        ("measures", [measure.measure for measure in contract.measures]),
        ("things", [thing.thing for thing in contract.things]),
        ("dimensions", [dimension.name for dimension in contract.dimensions]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            found.append(FieldViolation(kind, f"names {', '.join(twice)} twice"))
    if contract.cadence <= timedelta(0):
        found.append(FieldViolation("cadence", "must be longer than nothing"))
    if found:
        raise InvalidInput(f"contract {contract.contract!r} cannot stand", *found, contract=contract.contract)
