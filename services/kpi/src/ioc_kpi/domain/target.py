"""Targets: what a value is held against, by whom it was set, and how far a value may stay behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ioc_kpi.domain.errors import TargetInvalid
from ioc_kpi.domain.period import VIETNAM, Period
from ioc_kpi.domain.text import Citation

_MONTHS_A_YEAR = 12


class Comparator(StrEnum):
    """How a value has to stand to the target."""

    AT_LEAST = "at-least"
    AT_MOST = "at-most"


class Path(StrEnum):
    """How a year's target is spread: the same in every period, or reached in equal monthly steps."""

    CONSTANT = "constant"
    LINEAR_IN_YEAR = "linear-in-year"


class Basis(StrEnum):
    """Who set the number."""

    CITED = "cited"
    OURS = "ours"
    AWAITED = "awaited"


@dataclass(frozen=True, slots=True)
class Target:
    """A target of an indicator in an area (empty: in all). An awaited one has no value and names who has to set it."""

    code: str
    set_code: str
    indicator_code: str
    comparator: Comparator
    value: float | None
    basis: Basis
    area: str = ""
    margin: float = 0.0
    path: Path = Path.CONSTANT
    awaited_from: str = ""
    note: str = ""
    citation: Citation | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    version: int = 0

    @property
    def indicator(self) -> str:
        """Id of the indicator that it belongs to."""
        return f"{self.set_code}/{self.indicator_code}"

    def is_valid_in(self, period: Period) -> bool:
        """True when it holds on the day on which the period starts; the end is exclusive."""
        day = period.start.astimezone(VIETNAM).date()
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)

    def value_in(self, period: Period) -> float | None:
        """The number to reach by the end of the period: on a linear path m/12 of the year's; None when awaited."""
        if self.value is None or self.path is Path.CONSTANT:
            return self.value
        return self.value * period.month / _MONTHS_A_YEAR

    def shortfall(self, value: float, period: Period) -> float | None:
        """How far the value is on the wrong side, in the unit; zero or less when it is reached. None when awaited."""
        aim = self.value_in(period)
        if aim is None:
            return None
        return aim - value if self.comparator is Comparator.AT_LEAST else value - aim


def target_for(targets: tuple[Target, ...], area: str, period: Period) -> Target | None:
    """The target in force for an area and period: one for that very area comes before one for all areas.

    Of several the one that came into force last; targets are given in order of code, so that ties are stable.
    """
    fitting = [each for each in targets if each.area in ("", area) and each.is_valid_in(period)]
    return max(fitting, key=lambda each: (bool(each.area), each.valid_from or date.min), default=None)


def check(target: Target) -> None:
    """Raises TargetInvalid for a target that says a number it has not, or has one it does not say the source of."""
    for field, is_wrong, problem in (
        ("target_id", not target.code, "must be given"),
        (
            "value",
            (target.value is None) != (target.basis is Basis.AWAITED),
            "must be given, unless the target is awaited; then it must not",
        ),
        ("awaited_from", target.basis is Basis.AWAITED and not target.awaited_from, "must name who has to set it"),
        ("citation", target.basis is Basis.CITED and target.citation is None, "must say where the number stands"),
        ("warning_margin", not target.margin >= 0, "must not be negative"),
    ):
        if is_wrong:
            raise TargetInvalid(target.code, field, problem)
