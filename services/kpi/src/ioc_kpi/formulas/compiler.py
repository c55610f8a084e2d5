"""Compiles the formula of an indicator, whichever kind it is, once per version."""

from __future__ import annotations

from ioc_kpi.domain.indicator import Indicator
from ioc_kpi.formulas.builtin import PREFIX, Builtin
from ioc_kpi.formulas.expression import Expression

_KEPT = 1024


class FormulaCompiler:
    """Implements `Formulas`."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[object, ...], Builtin | Expression] = {}

    def compile(self, indicator: Indicator) -> Builtin | Expression:
        """Raises FormulaRefused. What was compiled is remembered by its text and inputs, not by its version."""
        key = (indicator.id, indicator.formula, indicator.inputs)
        if key not in self._compiled:
            compiled = Builtin(indicator) if indicator.formula.startswith(PREFIX) else Expression(indicator)
            if len(self._compiled) >= _KEPT:
                self._compiled.clear()
            self._compiled[key] = compiled
        return self._compiled[key]
