"""Computing a value again from its own record, and telling what differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ioc_kpi.domain.computation import InputValues, Result
from ioc_kpi.domain.indicator import Aggregate, Indicator, windows_of
from ioc_kpi.domain.period import Period
from ioc_kpi.domain.value import IndicatorValue, Lineage
from ioc_kpi.domain.window import Figures, Window, combine


@dataclass(frozen=True, slots=True)
class Proof:
    """The number on record, the number computed again, and what differs in words: nothing when it is proved."""

    recorded: float | None
    recomputed: float | None
    differences: tuple[str, ...] = ()

    @property
    def is_proved(self) -> bool:
        """True when every input and the number are the same, bit by bit."""
        return not self.differences


def windows_to_read(lineage: Lineage) -> list[Window]:
    """The windows on record, each once, in the order of the record."""
    return list(dict.fromkeys(Window(each.series_key, each.window) for each in lineage.inputs))


def prove(
    value: IndicatorValue,
    indicator: Indicator,
    figures: Mapping[Window, Figures],
    evaluate: Callable[[InputValues], Result],
) -> Proof:
    """Compares each input of the record with the ledger's figures of then, and the number with what follows."""
    differences = []
    if value.lineage.formula != indicator.formula:
        differences.append(f"formula: recorded {value.lineage.formula!r}, defined {indicator.formula!r}")
    for each in value.lineage.inputs:
        found = figures.get(Window(each.series_key, each.window), Figures())
        again = combine(Aggregate(each.aggregate), [found])
        where = f"{each.name} of {each.series_key} in {each.window}"
        if each.count != found.count:
            differences.append(f"{where}: recorded {each.count} readings, the ledger has {found.count}")
        if _bits(each.value) != _bits(again):
            differences.append(f"{where}: recorded {each.value!r}, the ledger gives {again!r}")
    result = evaluate(_inputs(value, indicator, figures))
    if _bits(result.value) != _bits(value.value):
        differences.append(f"value: recorded {value.value!r}, computed again {result.value!r}")
    return Proof(value.value, result.value, tuple(differences))


def _inputs(value: IndicatorValue, indicator: Indicator, figures: Mapping[Window, Figures]) -> InputValues:
    read: dict[tuple[str, Period], list[Figures]] = defaultdict(list)
    for each in value.lineage.inputs:
        read[each.name, each.window].append(figures.get(Window(each.series_key, each.window), Figures()))
    return {
        source.name: [
            combine(source.aggregate, read.get((source.name, window), []))
            for window in windows_of(source, value.period)
        ]
        for source in indicator.inputs
    }


def _bits(number: float | None) -> str:
    return "" if number is None else number.hex()
