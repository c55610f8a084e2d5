"""Indicators as data: what is computed, from which series, for which subjects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from ioc_kpi.domain.errors import IndicatorInvalid
from ioc_kpi.domain.period import VIETNAM, Period, PeriodKind
from ioc_kpi.domain.series import Series
from ioc_kpi.domain.text import Citation, LocalizedText

MAX_PERIODS = 366
DEFAULT_COMPLETENESS = 0.75
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Aggregate(StrEnum):
    """What is made of the observations in a window."""

    MEAN = "mean"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    LAST = "last"
    COUNT = "count"


class Direction(StrEnum):
    """Which way is better."""

    UP = "up"
    DOWN = "down"
    NEITHER = "neither"


class SubjectKind(StrEnum):
    """What one value speaks of. A dimension gives a value for each of its codes and one for the area's total."""

    AREA = "area"
    THING = "thing"
    DIMENSION = "dimension"


@dataclass(frozen=True, slots=True)
class Input:
    """A named input: one measure in the indicator's period and the `periods - 1` before it.

    A built-in formula sees every window. An expression sees a number when `periods` is 1 and the input is required,
    otherwise the list of what is there, newest first.
    """

    name: str
    source: str
    measure: str
    aggregate: Aggregate
    periods: int = 1
    is_required: bool = True

    @property
    def is_list(self) -> bool:
        """True when an expression sees a list, False when it sees one number."""
        return self.periods > 1 or not self.is_required


@dataclass(frozen=True, slots=True)
class Band:
    """A named range of values up to and including `upper`; `colour` is #RRGGBB."""

    code: str
    upper: float
    colour: str
    name: LocalizedText


@dataclass(frozen=True, slots=True)
class IndicatorSet:
    """A set of indicators with its instrument; an empty one waits for its official annex."""

    code: str
    name: LocalizedText
    citation: Citation | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Indicator:
    """A definition, valid for every tenant. `version` is raised by the service whenever the content changes."""

    set_code: str
    code: str
    name: LocalizedText
    formula: str
    """A CEL expression over the inputs, or `builtin:<name>`, or `builtin:<name>@<version>`."""
    inputs: tuple[Input, ...]
    period: PeriodKind
    subject: SubjectKind
    dimension: str = ""
    unit: str = ""
    direction: Direction = Direction.NEITHER
    decimals: int = 2
    lead: str = ""
    share_class: str = ""
    citation: Citation | None = None
    bands: tuple[Band, ...] = ()
    stale_after: timedelta | None = None
    """Age from which a value is stale; None leaves it to the service, by cadence and period."""
    minimum_completeness: float = DEFAULT_COMPLETENESS
    valid_from: date | None = None
    valid_to: date | None = None
    version: int = 0

    @property
    def id(self) -> str:
        """The code that is unique over all sets, e.g. `VN-AQI/vn_aqi_hourly`."""
        return f"{self.set_code}/{self.code}"

    def is_valid_in(self, period: Period) -> bool:
        """True when the definition holds on the day on which the period starts; the end is exclusive."""
        day = period.start.astimezone(VIETNAM).date()
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)

    def band_of(self, value: float) -> Band | None:
        """The band in which a value lies; None above the last one, or without bands."""
        return next((band for band in self.bands if value <= band.upper), None)


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What one value is about: an area, a thing in it, or one code of a dimension in it."""

    area: str
    thing: str = ""
    dimension_code: str = ""

    @property
    def key(self) -> str:
        """`<area>[/<thing>][/=<code>]`, unique within tenant and indicator."""
        return "/".join(
            [
                self.area,
                *([self.thing] if self.thing else []),
                *([f"={self.dimension_code}"] if self.dimension_code else []),
            ]
        )


def subjects_of(indicator: Indicator, source: Input, series: Series) -> tuple[Subject, ...]:
    """The subjects whose values a series feeds through an input; none when it is another measure.

    There is no roll-up from areas below: a value says only what was delivered for its own area.
    """
    if (series.source, series.measure) != (source.source, source.measure):
        return ()
    if indicator.subject is SubjectKind.THING:
        return (Subject(series.area, series.thing),) if series.thing else ()
    total = Subject(series.area)
    if indicator.subject is SubjectKind.AREA:
        return (total,)
    code = dict(series.dimensions).get(indicator.dimension)
    return (total, Subject(series.area, "", code)) if code else ()


def windows_of(source: Input, period: Period) -> tuple[Period, ...]:
    """The windows that an input reads for a period, newest first."""
    return tuple(period.shifted(-age) for age in range(source.periods))


def touched_periods(source: Input, earliest: Period, latest: Period) -> Iterator[Period]:
    """The periods whose values read a window from `earliest` to `latest`, oldest first."""
    return earliest.until(latest.shifted(source.periods - 1))


def check(indicator: Indicator) -> None:
    """Raises IndicatorInvalid for a definition that contradicts itself; the formula is checked by its compiler."""
    names = [each.name for each in indicator.inputs]
    limits = [band.upper for band in indicator.bands]
    for field, value in (("set", indicator.set_code), ("code", indicator.code)):
        if not _CODE.fullmatch(value):
            raise IndicatorInvalid(indicator.id, field, "must be letters, digits, `_`, `.`, `-` (1 to 64)")
    for field, is_wrong, problem in (
        ("name.vi", not indicator.name.vi.strip(), "is missing: Vietnamese comes first"),
        ("inputs", not indicator.inputs, "names none; a number comes from something"),
        ("inputs", len(set(names)) != len(names), "names one twice"),
        ("bands", limits != sorted(set(limits)), "must rise"),
        ("decimals", not 0 <= indicator.decimals <= 9, "must be 0 to 9"),
        ("minimum_completeness", not 0 <= indicator.minimum_completeness <= 1, "must be 0 to 1"),
        (
            "dimension",
            (indicator.subject is SubjectKind.DIMENSION) != bool(indicator.dimension),
            "must be given exactly when the subject is one",
        ),
        (
            "stale_after",
            indicator.stale_after is not None and indicator.stale_after <= timedelta(0),
            "must be positive",
        ),
    ):
        if is_wrong:
            raise IndicatorInvalid(indicator.id, field, problem)
    for each in indicator.inputs:
        if not each.name.isidentifier():
            raise IndicatorInvalid(indicator.id, f"inputs[{each.name}]", "must be letters, digits and underscores")
        if not 1 <= each.periods <= MAX_PERIODS:
            raise IndicatorInvalid(indicator.id, f"inputs[{each.name}].periods", f"must be 1 to {MAX_PERIODS}")
