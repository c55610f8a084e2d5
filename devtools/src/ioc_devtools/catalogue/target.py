"""Targets: what an indicator is held against, on whose word, and for how long."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ioc_devtools.catalogue.entry import AreaCode, Basis, Citation, Code, Entry, Text, UnitCode, Validity

IndicatorRef = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+/[a-z][a-z0-9_]*$")]


class Target(Validity):
    """One target; `indicator` is `<set>/<code>`. An awaited one has no value, and names who has to set it."""

    code: Code
    indicator: IndicatorRef
    area: AreaCode
    comparator: Literal["at-least", "at-most"]
    value: float | None
    relative_to: Text | None = None
    unit: UnitCode
    path: Literal["flat", "linear"]
    margin: Annotated[float, Field(ge=0)] = 0.0
    basis: Basis
    awaited_from: Code | None = None
    cite: Citation | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _basis_is_kept(self) -> Self:
        if self.basis is Basis.AWAITED:
            if self.value is not None or self.awaited_from is None:
                raise ValueError("an awaited target has no value, and awaited_from names who has to set it")
        elif self.value is None:
            raise ValueError("a target that is not awaited has a value")
        if self.basis is Basis.CITED and self.cite is None:
            raise ValueError("a cited target says where (cite)")
        return self

    def value_at(self, month: int) -> float | None:
        """What the path asks for at the end of that month of the year (1 to 12); None while awaited."""
        if self.value is None or self.path == "flat":
            return self.value
        return self.value * month / 12


class TargetFile(Entry):
    """targets.yaml"""

    targets: tuple[Target, ...]
