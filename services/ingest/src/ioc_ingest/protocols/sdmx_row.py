"""What the codes of a row say: its series, or why it is refused. Judged once for each combination of codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ioc_ingest.domain.columns import QUALITY_GOOD
from ioc_ingest.domain.contract import series_key
from ioc_ingest.domain.refusal import Rule
from ioc_ingest.protocols.sdmx_header import ACTION, Header

_ACTIONS = ("", "I", "A", "R", "M")
"""Information, append, replace, merge: all bring values. D would delete, which the ledger never does."""
_QUALITIES = {"": 1, "A": 1, "P": 4, "E": 2, "F": 2, "I": 2, "U": 2, "B": 2, "D": 2, "S": 3}
"""SDMX observation status (CL_OBS_STATUS) to ioc.type.v1.Quality: normal, provisional, doubtful, not to be used."""
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Verdict:
    """The series key of the codes; or, where it is empty, the rule that they break, and in which column."""

    key: str = ""
    quality: int = QUALITY_GOOD
    rule: Rule = Rule.NONE
    column: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    is_empty: bool = False
    """True when no cell says anything."""


class RowReader:
    """Judges codes by the contract of a header."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._contract = header.contract
        things = {thing.thing: thing.area for thing in header.contract.things}
        self._things = things
        self._areas = sorted({*header.contract.areas, *things.values()})

    def judge(self, raw: Mapping[str, str]) -> Verdict:
        """The verdict on one combination: column to code."""
        cells = {column: text.strip() for column, text in raw.items()}
        if not any(cells.values()):
            return Verdict(rule=Rule.NOT_READABLE, facts={"problem": "-", "expected": "SDMX-CSV 2.0"}, is_empty=True)
        action = cells.get(ACTION, "")
        if action.upper() not in _ACTIONS:
            return Verdict(rule=Rule.ACTION_UNSUPPORTED, column=ACTION, facts={"found": action})
        for column, expected in self._contract.constants.items():
            if column in cells and cells[column].casefold() != expected.casefold():
                facts = {"column": column, "found": cells[column], "expected": expected}
                return Verdict(rule=Rule.CONSTANT_WRONG, column=column, facts=facts)
        return self._series(cells)

    def _series(self, cells: Mapping[str, str]) -> Verdict:
        roles, contract = self._header.roles, self._contract
        only = contract.measures[0].measure if len(contract.measures) == 1 else ""
        name = cells[roles["measure"]] if "measure" in roles else only
        measure = contract.measure_named(name)
        if measure is None:
            allowed = _few([m.measure for m in contract.measures])
            return Verdict(
                rule=Rule.MEASURE_UNKNOWN, column=roles.get("measure", ""), facts={"found": name, "expected": allowed}
            )
        thing = cells[roles["thing"]] if "thing" in roles else ""
        if self._things and thing not in self._things:
            facts = {"found": thing, "dimension": "thing", "expected": _few(sorted(self._things))}
            return Verdict(rule=Rule.CODE_UNKNOWN, column=roles.get("thing", ""), facts=facts)
        area = cells[roles["area"]] if "area" in roles else self._things.get(thing, self._areas[0])
        if area not in self._areas:
            facts = {"found": area, "expected": _few(self._areas)}
            return Verdict(rule=Rule.AREA_UNKNOWN, column=roles.get("area", ""), facts=facts)
        dimensions = {}
        for dimension in contract.dimensions:
            column = roles.get(dimension.name, "")
            code = cells[column] if column else (dimension.codes[0] if len(dimension.codes) == 1 else "")
            if code in dimension.codes:
                dimensions[dimension.name] = code
            elif code or dimension.is_required:
                facts = {"found": code, "dimension": dimension.name, "expected": _few(dimension.codes)}
                return Verdict(rule=Rule.CODE_UNKNOWN, column=column, facts=facts)
        unit = cells[roles["unit"]] if "unit" in roles else measure.unit
        if unit != measure.unit:
            facts = {"found": unit, "expected": measure.unit}
            return Verdict(rule=Rule.UNIT_WRONG, column=roles["unit"], facts=facts)
        status = cells[roles["quality"]].upper() if "quality" in roles else ""
        if status not in _QUALITIES:
            facts = {"found": status, "dimension": "OBS_STATUS", "expected": _few(sorted(_QUALITIES))}
            return Verdict(rule=Rule.CODE_UNKNOWN, column=roles["quality"], facts=facts)
        key = series_key(contract.source, measure.measure, area, thing, dimensions)
        return Verdict(key=key, quality=_QUALITIES[status])


def _few(codes: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(code for code in codes[:_SHOWN] if code)
    return f"{shown}, …" if len(codes) > _SHOWN else shown
