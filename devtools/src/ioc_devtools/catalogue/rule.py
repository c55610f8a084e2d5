"""Rules: when a number, a reading or a missed target becomes an alert, and when it ends."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ioc_devtools.catalogue.entry import Basis, Citation, Code, Entry, Text, UnitCode
from ioc_devtools.catalogue.target import IndicatorRef

Severity = Literal["info", "warning", "severe", "critical"]
FIELDS = frozenset({"value", "threshold", "unit", "place", "period"})
_FIELD = re.compile(r"\{([^{}]*)\}")
_OPPOSITE = {"above": "at-or-below", "below": "at-or-above"}


class Raise(Entry):
    """The limit that raises."""

    comparator: Literal["above", "below"]
    value: float


class Resolve(Entry):
    """The limit that resolves: on the other side, at a distance (hysteresis) or at the same value."""

    comparator: Literal["at-or-below", "at-or-above"]
    value: float


class _Rule(Entry):
    """What every rule has; titles and messages hold fields in braces, filled in when the alert is raised."""

    code: Code
    name_vi: Text
    name_en: Text
    severity: Severity
    enabled: bool
    basis: Basis
    cite: Citation | None = None
    title_vi: Text
    title_en: Text
    message_vi: Text
    message_en: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _texts_hold_known_fields(self) -> Self:
        for text in (self.title_vi, self.title_en, self.message_vi, self.message_en):
            unknown = set(_FIELD.findall(text)) - FIELDS
            if unknown:
                raise ValueError(f"{text!r} has {', '.join(sorted(unknown))}: known are {', '.join(sorted(FIELDS))}")
        return self


class _ThresholdRule(_Rule):
    raise_at: Raise = Field(alias="raise")
    resolve_at: Resolve = Field(alias="resolve")

    @model_validator(mode="after")
    def _resolves_on_the_other_side(self) -> Self:
        if self.resolve_at.comparator != _OPPOSITE[self.raise_at.comparator]:
            raise ValueError(
                f"what is raised {self.raise_at.comparator} resolves {_OPPOSITE[self.raise_at.comparator]}"
            )
        distance = self.raise_at.value - self.resolve_at.value
        if (distance if self.raise_at.comparator == "above" else -distance) < 0:
            raise ValueError("the alert would resolve before it is raised: move resolve to the calm side of raise")
        return self


class IndicatorThresholdRule(_ThresholdRule):
    """Raises when an indicator's value crosses a limit; one open alert per series of the indicator."""

    kind: Literal["indicator-threshold"]
    indicator: IndicatorRef


class ReadingThresholdRule(_ThresholdRule):
    """Raises when a single reading crosses a limit; one open alert per series."""

    kind: Literal["reading-threshold"]
    source: Code
    measure: Code
    unit: UnitCode


class BehindTargetRule(_Rule):
    """Raises when an indicator misses its target by more than the target's margin; resolves within it."""

    kind: Literal["behind-target"]
    indicator: IndicatorRef


Rule = Annotated[IndicatorThresholdRule | ReadingThresholdRule | BehindTargetRule, Field(discriminator="kind")]


class RuleFile(Entry):
    """rules/*.yaml"""

    rules: tuple[Rule, ...]
