"""Values: what was known of an indicator, from when to when, and everything it followed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ioc_kpi.domain.grade import Grades, grade_live
from ioc_kpi.domain.indicator import Subject
from ioc_kpi.domain.period import Period
from ioc_kpi.domain.target import Basis
from ioc_kpi.domain.text import NO_TEXT, LocalizedText


class Status(StrEnum):
    """How a value stands: on target, behind within the margin, behind by more, or not to be relied upon."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class LineageInput:
    """One window that was read: its figures as the ledger gave them, up to the ledger position `position`.

    `value` is None where the window held nothing. `expected` 0: nothing was promised, or the promise is not known.
    """

    name: str
    series_key: str
    window: Period
    aggregate: str
    count: int
    expected: int
    value: float | None
    position: int
    contract_version: int = 0


@dataclass(frozen=True, slots=True)
class Lineage:
    """What is needed to compute the number again. `as_of_position` is the ledger position that was read."""

    inputs: tuple[LineageInput, ...]
    formula: str
    indicator_version: int
    as_of_position: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The value held against a target: `expected` by the period's end, `difference` = value - expected.

    None where the target is awaited or there is no value.
    """

    target: str
    target_version: int
    basis: Basis
    target_value: float | None
    expected: float | None
    difference: float | None


@dataclass(frozen=True, slots=True)
class IndicatorValue:
    """One version of a value: known from `known_from` until `known_to` (None: still). `revision` counts from 1.

    `value` None: it was computable before, or its inputs are there and give no number; `missing_reason` says why.
    """

    id: str
    tenant: str
    indicator: str
    subject: Subject
    period: Period
    revision: int
    value: float | None
    unit: str
    status: Status
    grades: Grades
    lineage: Lineage
    known_from: datetime
    known_to: datetime | None = None
    missing_reason: LocalizedText = NO_TEXT
    comparison: Comparison | None = None
    band: str = ""
    components: Mapping[str, float] = field(default_factory=dict)
    dominant: str = ""
    is_provisional: bool = False
    observed_at: datetime | None = None
    place_name: LocalizedText = NO_TEXT
    trace_id: str = ""

    def says_the_same_as(self, other: IndicatorValue) -> bool:
        """True when nothing that a reader acts on differs: the number to the bit, how it stands, by which definitions.

        What moves behind the number (counts, parts below a whole) is no news.
        """
        return _said(self) == _said(other)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh the inputs of one subject are: the newest observation, and the age from which they are stale."""

    newest_at: datetime
    stale_after: timedelta


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as it is shown at a moment: the newest of its subject turns grey when its inputs have grown old."""

    value: IndicatorValue
    status: Status
    grades: Grades
    age: timedelta
    is_stale: bool = False


def show(value: IndicatorValue, freshness: Freshness | None, now: datetime) -> Shown:
    """The value as shown at `now`. `freshness` is given for the newest value of a subject, None for an earlier one.

    An earlier value is history: it is shown as it was judged when it became known.
    """
    if freshness is None:
        observed_at = value.observed_at or value.period.end
        return Shown(value, value.status, value.grades, max(now - observed_at, timedelta(0)))
    age = max(now - freshness.newest_at, timedelta(0))
    grades = replace(value.grades, live=grade_live(age, freshness.stale_after))
    is_stale = grades.live.is_poor
    return Shown(value, Status.GREY if is_stale else value.status, grades, age, is_stale)


def _said(value: IndicatorValue) -> tuple[object, ...]:
    comparison = value.comparison
    return (
        _bits(value.value),
        value.status,
        value.missing_reason,
        value.is_provisional,
        value.dominant,
        {name: round(part) for name, part in value.components.items()},
        comparison and (comparison.target, comparison.target_version, _bits(comparison.expected)),
        value.lineage.indicator_version,
        value.place_name,
    )


def _bits(number: float | None) -> str:
    return "" if number is None else number.hex()
