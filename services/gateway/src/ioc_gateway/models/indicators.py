"""Indicators, targets and values."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from ioc.kpi.v1 import indicator_pb2, value_pb2
from ioc_gateway.models.shown import Citation, Grades, Page, Period, PeriodKind, Shown, Text

Aggregate = Literal["mean", "sum", "min", "max", "last", "count"]
TargetBasis = Literal["cited", "ours", "awaited"]


class IndicatorInput(Shown):
    """A named input of a formula."""

    proto = indicator_pb2.Input
    name: str
    source: str
    measure: str
    aggregate: Aggregate | None
    periods: int
    is_required: bool


class Band(Shown):
    """A band of values."""

    proto = indicator_pb2.Band
    code: str
    name: Text | None
    upper: float
    colour: str


class Indicator(Shown):
    """An indicator of a set."""

    proto = indicator_pb2.Indicator
    set: str
    code: str
    name: Text | None
    formula: str
    version: int
    inputs: list[IndicatorInput]
    unit: str
    direction: Literal["up", "down"] | None
    period_kind: PeriodKind | None
    subject: Literal["area", "thing", "dimension"] | None
    dimension: str
    lead_agency: str
    decimals: int
    bands: list[Band]
    stale_after_seconds: float | None
    share_class: str
    citation: Citation | None
    valid_from: str
    valid_to: str
    minimum_completeness: float


class IndicatorSet(Shown):
    """A set of indicators; an empty one waits for its official annex."""

    proto = indicator_pb2.IndicatorSet
    code: str
    name: Text | None
    citation: Citation | None
    note: str


class Target(Shown):
    """What a value should reach."""

    proto = indicator_pb2.Target
    target_id: str
    set: str
    code: str
    area: str
    value: float | None
    comparator: Literal["at-least", "at-most"] | None
    warning_margin: float
    path: Literal["constant", "linear-in-year"] | None
    basis: TargetBasis | None
    awaited_from: str
    citation: Citation | None
    valid_from: str
    valid_to: str
    version: int
    note: str


class TargetComparison(Shown):
    """The value held against its target."""

    proto = value_pb2.TargetComparison
    target_id: str
    target_version: int
    expected: float | None
    difference: float | None
    target: float | None
    basis: TargetBasis | None


class IndicatorValue(Shown):
    """A value of an indicator as known during [known_from, known_to)."""

    proto = value_pb2.IndicatorValue
    value_id: str
    tenant: str
    set: str
    code: str
    area: str
    thing: str
    dimension_code: str
    period: Period | None
    value: float | None = Field(description="null when it could not be computed; missing_reason says why")
    unit: str
    missing_reason: Text | None
    status: Literal["good", "warning", "bad", "grey"] | None = Field(description="Stale and incomplete are grey")
    band: str
    comparison: TargetComparison | None
    grades: Grades | None
    components: dict[str, float]
    dominant: str
    is_provisional: bool
    is_stale: bool
    observed_at: AwareDatetime | None
    age_seconds: float | None
    computed_at: AwareDatetime | None
    known_from: AwareDatetime | None
    known_to: AwareDatetime | None
    indicator_version: int
    place_name: Text | None


class ValueInput(Shown):
    """One input as it was used."""

    proto = value_pb2.ValueInput
    name: str
    series_key: str
    from_: AwareDatetime | None = Field(validation_alias="from", serialization_alias="from")
    to: AwareDatetime | None
    aggregate: Aggregate | None
    value: float | None
    count: int
    expected: int
    position: int
    contract_version: int


class Explanation(Shown):
    """Where a value came from."""

    proto = value_pb2.ExplainValueResponse
    value: IndicatorValue
    inputs: list[ValueInput]
    formula: str
    citation: Citation | None
    target: Target | None
    trace_id: str


class Proof(Shown):
    """Whether the record gives the same number again, bit by bit."""

    proto = value_pb2.ProveValueResponse
    is_proved: bool
    recorded: float | None
    recomputed: float | None
    differences: list[str]


class IndicatorPage(Page[Indicator]):
    """A page of indicators, in order of set and code."""


class IndicatorSetPage(Page[IndicatorSet]):
    """A page of sets, in order of code."""


class TargetPage(Page[Target]):
    """A page of targets, in order of id."""


class IndicatorValuePage(Page[IndicatorValue]):
    """A page of values."""
