"""All that is defined at a moment, and what applying a new set of definitions changes."""

from __future__ import annotations

from dataclasses import dataclass

from ioc_kpi.domain.indicator import Indicator, IndicatorSet, Input
from ioc_kpi.domain.target import Target


@dataclass(frozen=True, slots=True)
class Definitions:
    """Newest versions of indicators and targets, each in order of code."""

    indicators: tuple[Indicator, ...]
    targets: tuple[Target, ...]

    def indicator(self, indicator_id: str) -> Indicator | None:
        """The indicator of that id, or None."""
        return next((each for each in self.indicators if each.id == indicator_id), None)

    def fed_by(self, source: str, measure: str) -> list[tuple[Indicator, Input]]:
        """The inputs that read a measure."""
        return [
            (indicator, each)
            for indicator in self.indicators
            for each in indicator.inputs
            if (each.source, each.measure) == (source, measure)
        ]

    def targets_of(self, indicator_id: str) -> tuple[Target, ...]:
        """The targets of an indicator, in order of code."""
        return tuple(each for each in self.targets if each.indicator == indicator_id)


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody asks to be defined."""

    sets: tuple[IndicatorSet, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What was changed, or would be: `set <code>`, `indicator <set>/<code>`, `target <id>`; and how much was not."""

    changed: tuple[str, ...]
    unchanged: int


def measures_of(indicator: Indicator) -> list[tuple[str, str]]:
    """The (source, measure) pairs that an indicator reads."""
    return sorted({(each.source, each.measure) for each in indicator.inputs})
