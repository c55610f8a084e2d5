"""What can go wrong with indicators, by name."""

from __future__ import annotations

from ioc_kit.errors import FieldViolation, Forbidden, InvalidInput, NotFound


class IndicatorNotFound(NotFound):
    """No indicator of that set and code."""

    reason = "INDICATOR_NOT_FOUND"

    def __init__(self, set_code: str, code: str) -> None:
        super().__init__(f"no indicator {code!r} in set {set_code!r}", set=set_code, code=code)


class ValueNotFound(NotFound):
    """No value of that id, or none that the caller may see."""

    reason = "VALUE_NOT_FOUND"

    def __init__(self, value_id: str) -> None:
        super().__init__(f"no value {value_id!r}", value_id=value_id)


class FormulaRefused(InvalidInput):
    """The formula does not parse, does not type-check or names an unknown input. `place` is `line:column`."""

    reason = "FORMULA_REFUSED"

    def __init__(self, indicator: str, problem: str, place: str = "") -> None:
        where = f" at {place}" if place else ""
        super().__init__(
            f"the formula of {indicator} cannot be used{where}: {problem}",
            FieldViolation(f"indicators[{indicator}].formula", f"{problem}{where}"),
            indicator=indicator,
            place=place,
        )


class IndicatorInvalid(InvalidInput):
    """A definition that cannot stand; the violation names the field."""

    def __init__(self, indicator: str, field: str, problem: str) -> None:
        violation = FieldViolation(f"indicators[{indicator}].{field}", problem)
        super().__init__(f"{indicator}: {field} {problem}", violation, indicator=indicator)


class TargetInvalid(InvalidInput):
    """A target that cannot stand; the violation names the field."""

    def __init__(self, target: str, field: str, problem: str) -> None:
        super().__init__(f"{target}: {field} {problem}", FieldViolation(f"targets[{target}].{field}", problem))


class SeriesKeyInvalid(InvalidInput):
    """A series key that does not name a source, a measure and an area."""

    def __init__(self, key: str) -> None:
        violation = FieldViolation("series_keys", "must be source/measure/area[/thing][/DIM=value]")
        super().__init__(f"{key!r} is not a series key", violation)


class ProvinceOnly(Forbidden):
    """Definitions are the province's: they hold for every tenant."""

    reason = "PROVINCE_ONLY"

    def __init__(self) -> None:
        super().__init__("only administrators of the province may do this")
