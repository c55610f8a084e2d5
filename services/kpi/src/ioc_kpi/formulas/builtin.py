"""Formulas that stand in code because a decision prescribes more than an expression can say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ioc_kpi.domain.computation import InputValues, Result
from ioc_kpi.domain.errors import FormulaRefused
from ioc_kpi.domain.indicator import Indicator
from ioc_kpi.domain.text import LocalizedText
from ioc_kpi.formulas import vn_aqi
from ioc_kpi.formulas.vn_aqi import PARTICLES, Parameter

PREFIX = "builtin:"
_NAME = re.compile(r"builtin:([a-z][a-z0-9_]*)(?:@(\d+))?")


class Builtin:
    """A built-in formula of one version. Implements `CompiledFormula`."""

    def __init__(self, indicator: Indicator) -> None:
        """Raises FormulaRefused for a name or version that is not built in, or inputs that it does not take."""
        found = _NAME.fullmatch(indicator.formula)
        name, version = (found[1], int(found[2] or 1)) if found else (indicator.formula, 0)
        try:
            self._compute, names, windows = _BUILTINS[name, version]
        except KeyError:
            known = ", ".join(f"{each}@{number}" for each, number in sorted(_BUILTINS))
            raise FormulaRefused(indicator.id, f"is not built in; there is {known}") from None
        for each in indicator.inputs:
            if each.name not in names:
                raise FormulaRefused(indicator.id, f"takes no input {each.name!r}; it takes {', '.join(names)}")
            if each.periods != windows.get(each.name, 1):
                needed = windows.get(each.name, 1)
                raise FormulaRefused(indicator.id, f"needs {needed} periods of {each.name!r}, not {each.periods}")

    def evaluate(self, inputs: InputValues) -> Result:
        """The number, or why there is none."""
        return self._compute(inputs)


def _vn_aqi_hourly(inputs: InputValues) -> Result:
    particles = {each: inputs.get(each.value, ()) for each in PARTICLES}
    gases = {each: next(iter(inputs.get(each.value, ())), None) for each in Parameter if each not in PARTICLES}
    found = vn_aqi.hourly(particles, gases)
    if found is None:
        return Result(
            None,
            LocalizedText(
                "cần PM2.5 hoặc PM10 của ít nhất 2 trong 3 giờ gần nhất",
                "PM2.5 or PM10 of at least two of the last three hours is needed",
            ),
        )
    return Result(
        float(found.index),
        components={parameter.value: index for parameter, index in found.sub_indices.items()},
        dominant=found.dominant.value,
    )


# Name and version to: the function, its inputs, how many periods it looks back where that is more than one.
# A decision that changes a table gets a new version; the old one stays, since old values are proved with it.
_BUILTINS: Mapping[tuple[str, int], tuple[Callable[[InputValues], Result], tuple[str, ...], Mapping[str, int]]] = {
    ("vn_aqi_hourly", 1): (
        _vn_aqi_hourly,
        tuple(each.value for each in Parameter),
        {each.value: vn_aqi.NOWCAST_HOURS for each in PARTICLES},
    )
}
