"""Formulas as data: CEL expressions over named inputs, type-checked when they are defined.

Numbers are doubles (`1` is refused where `1.0` is meant), and a result that is no finite number is no result.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from cel_expr_python import cel

from ioc_kpi.domain.computation import InputValues, Result
from ioc_kpi.domain.errors import FormulaRefused
from ioc_kpi.domain.indicator import Indicator, Input
from ioc_kpi.domain.text import LocalizedText

_DOUBLE = cel.Type.DOUBLE
_DOUBLES = cel.Type.List(_DOUBLE)
_PLACE = re.compile(r"ERROR: <input>:(\d+:\d+): ([^\n]*)")
MAX_LENGTH = 2000


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _over_list(name: str, function: object) -> cel.FunctionDecl:
    return cel.FunctionDecl(name, [cel.Overload(f"{name}_list", _DOUBLE, [_DOUBLES], False, function)])


_FUNCTIONS = [
    _over_list("sum", math.fsum),
    _over_list("mean", _mean),
    _over_list("least", min),
    _over_list("most", max),
]


class Expression:
    """A checked expression. Implements `CompiledFormula`."""

    def __init__(self, indicator: Indicator) -> None:
        """Raises FormulaRefused, with line and column of what is wrong."""
        if len(indicator.formula) > MAX_LENGTH:
            raise FormulaRefused(indicator.id, f"is longer than {MAX_LENGTH} characters")
        self._inputs = indicator.inputs
        variables = {each.name: _DOUBLES if each.is_list else _DOUBLE for each in indicator.inputs}
        environment = cel.NewEnv(variables=variables, functions=_FUNCTIONS)
        try:
            self._program = environment.compile(indicator.formula)
        except RuntimeError as error:
            found = _PLACE.search(str(error))
            place, problem = found.groups() if found else ("", str(error).splitlines()[0])
            raise FormulaRefused(indicator.id, problem, place) from error
        returns = self._program.return_type()
        if returns != _DOUBLE:
            raise FormulaRefused(indicator.id, f"gives {returns.name()}, expected DOUBLE")

    def evaluate(self, inputs: InputValues) -> Result:
        """The number, or why there is none: an input is missing, or the arithmetic has no finite result."""
        data: dict[str, float | list[float]] = {}
        for each in self._inputs:
            known = [value for value in inputs[each.name] if value is not None]
            if not known and each.is_required:
                return Result(None, _missing(each))
            data[each.name] = known if each.is_list else known[0]
        answer = self._program.eval(data=data)
        value = answer.plain_value()
        if answer.type() != _DOUBLE or not isinstance(value, float):
            return Result(None, LocalizedText("công thức không tính được", f"the formula fails: {value}"))
        if not math.isfinite(value):
            return Result(
                None,
                LocalizedText("kết quả không phải là số hữu hạn (chia cho 0?)", "no finite result (divided by zero?)"),
            )
        return Result(value)


def _missing(source: Input) -> LocalizedText:
    return LocalizedText(f"thiếu số liệu đầu vào {source.name}", f"input {source.name} is missing")
