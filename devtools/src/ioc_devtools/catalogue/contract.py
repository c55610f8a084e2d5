"""Data contracts: what a source may send for a tenant, through which door, in which shape, into which series."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ioc_devtools.catalogue.entry import AreaCode, Citation, Code, Entry, Named, PeriodKind, Text, UnitCode, Validity
from ioc_devtools.catalogue.tenant import TenantCode

Door = Literal["mqtt", "grpc", "sdmx-csv"]
# MQTT client id, NATS subject token and topic level at once: ASCII, no spaces, no wildcards, no dots.
ThingCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Thing(Entry):
    """What measures: a station at a place (degrees, WGS 84); `device` is its log-in at the MQTT door, if it has one."""

    code: ThingCode
    area: AreaCode
    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-90, le=90)]
    device: ThingCode | None = None
    name_vi: Text
    name_en: Text


class Measure(Named):
    """What is measured: its code stands in payloads and files. `resolution` is the smallest step that counts."""

    unit: UnitCode
    minimum: float
    maximum: float
    resolution: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if self.minimum >= self.maximum:
            raise ValueError("minimum has to be below maximum")
        return self


class Dimension(Named):
    """A way in which figures are split; `codelist` names the register that the codes come from."""

    codelist: Literal["agencies"]
    codes: Annotated[tuple[Code, ...], Field(min_length=1)]


class SdmxColumn(Entry):
    """One column of a file: what it means, or the one value (`constant`) that it has to have."""

    column: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
    role: Literal["area", "dimension", "measure", "time", "value", "unit", "constant"]
    dimension: Code | None = None
    constant: Text | None = None

    @model_validator(mode="after")
    def _role_has_what_it_needs(self) -> Self:
        if (self.role == "dimension") != (self.dimension is not None):
            raise ValueError("a column with role: dimension names its dimension, and no other does")
        if (self.role == "constant") != (self.constant is not None):
            raise ValueError("a column with role: constant names its constant, and no other does")
        return self


class SdmxFile(Entry):
    """The shape of an SDMX-CSV file; ACTION, which every such file has, is not among the columns."""

    version: Literal["2.0"]
    actions: Annotated[tuple[Literal["A", "I", "R"], ...], Field(min_length=1)]
    delimiter: Literal[",", ";"]
    decimal: Literal["."]
    columns: tuple[SdmxColumn, ...]

    @model_validator(mode="after")
    def _every_role_has_its_column(self) -> Self:
        roles = [column.role for column in self.columns]
        for role in ("area", "measure", "time", "value", "unit"):
            if roles.count(role) != 1:
                raise ValueError(f"exactly one column has the role {role!r}, found {roles.count(role)}")
        return self


class Series(Entry):
    """One series that a contract makes: its key is unique within the tenant."""

    key: str
    measure: str
    area: str
    thing: str | None
    dimensions: tuple[tuple[str, str], ...]
    unit: str
    period: PeriodKind | None


class Contract(Validity):
    """What one source sends for one tenant. Durations are ISO 8601 in the file."""

    contract: Code
    version: Annotated[int, Field(ge=1)]
    kind: Literal["readings", "statistics"]
    tenant: TenantCode
    source: Code
    agency: Code
    name_vi: Text
    name_en: Text
    doors: Annotated[tuple[Door, ...], Field(min_length=1)]
    period: PeriodKind | None = None
    cadence: timedelta
    allowed_lateness: timedelta
    clock_skew: timedelta
    retention: timedelta
    cite: Citation
    things: tuple[Thing, ...] = ()
    areas: tuple[AreaCode, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    measures: Annotated[tuple[Measure, ...], Field(min_length=1)]
    sdmx: SdmxFile | None = None

    @model_validator(mode="after")
    def _kind_and_parts_agree(self) -> Self:
        if self.kind == "readings" and (not self.things or self.areas or self.period):
            raise ValueError("a contract of readings has things, and neither areas nor a period")
        if self.kind == "statistics" and (self.things or not self.areas or not self.period):
            raise ValueError("a contract of statistics has areas and a period, and no things")
        if ("sdmx-csv" in self.doors) != (self.sdmx is not None):
            raise ValueError("the door sdmx-csv and the part sdmx go together")
        if "mqtt" in self.doors and not any(thing.device for thing in self.things):
            raise ValueError("the door mqtt needs at least one thing with a device")
        return self

    def series(self) -> tuple[Series, ...]:
        """Every series the contract makes: things (or areas) by measures by codes of each dimension."""
        places: list[tuple[str, str | None]] = [(thing.area, thing.code) for thing in self.things]
        places += [(area, None) for area in self.areas]
        splits = [[(dimension.code, code) for code in dimension.codes] for dimension in self.dimensions]
        return tuple(
            Series(
                key=series_key(self.source, measure.code, area, thing, dimensions),
                measure=measure.code,
                area=area,
                thing=thing,
                dimensions=dimensions,
                unit=measure.unit,
                period=self.period,
            )
            for (area, thing), measure, dimensions in product(places, self.measures, product(*splits))
        )


def series_key(source: str, measure: str, area: str, thing: str | None, dimensions: tuple[tuple[str, str], ...]) -> str:
    """`<source>/<measure>/<area>[/<thing>][/<DIM>=<code>...]`, dimensions in the order of the contract."""
    parts = [source, measure, area, *([thing] if thing else []), *(f"{name}={code}" for name, code in dimensions)]
    return "/".join(parts)
