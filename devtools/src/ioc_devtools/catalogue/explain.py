"""What pydantic found, in the words of whoever edits the catalogue: what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_LONGEST_SHOWN = 60
_WRONG_TYPE = {
    "string_type": ("text", 'put it in quotes: "{input}"'),
    "int_type": ("a whole number", "write it without quotes and without a decimal point"),
    "int_from_float": ("a whole number", "write it without a decimal point"),
    "int_parsing": ("a whole number", "write digits only"),
    "float_type": ("a number", "write it without quotes, with a decimal point"),
    "float_parsing": ("a number", "write it with a decimal point"),
    "bool_type": ("true or false", "write true or false, without quotes"),
    "tuple_type": ("a list", "write [a, b], or one entry a line after a dash"),
    "model_type": ("fields with values", "write {field: value}, or one field a line"),
}


def told(error: ValidationError) -> list[ErrorDetails]:
    """The errors worth telling: a list that is too short only because its entries are wrong is not told on top."""
    errors = error.errors(include_url=False)
    places = [one["loc"] for one in errors]
    return [
        one
        for one in errors
        if one["type"] != "too_short"
        or not any(len(place) > len(one["loc"]) and place[: len(one["loc"])] == one["loc"] for place in places)
    ]


def explain(error: ErrorDetails, kind: type[BaseModel]) -> tuple[str, str]:
    """Message and remedy of one error found in a `kind`."""
    name, given, context = error["type"], error["input"], error.get("ctx", {})
    given = given if len(repr(given)) <= _LONGEST_SHOWN else f"{str(given)[:_LONGEST_SHOWN]}…"
    last = str(error["loc"][-1]) if error["loc"] else ""
    if name == "missing":
        return "is missing", "add it"
    if name == "extra_forbidden":
        known = _fields_at(kind, error["loc"][:-1])
        close = get_close_matches(last, known, n=1)
        return "is not a known field", f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
    if name in ("literal_error", "enum"):
        return f"{given!r} is not a choice here", f"choose {context['expected']}"
    if name in ("union_tag_invalid", "union_tag_not_found"):
        return "the kind is missing or not known", f"choose {context.get('expected_tags', 'a kind')}"
    if name == "string_pattern_mismatch":
        return (
            f"{given!r} does not have the form of a {last if last else 'code'}",
            f"it has to match {context['pattern']}",
        )
    if name.startswith(("date", "time_delta")):
        right = "a day: 2024-08-22" if name.startswith("date") else "an ISO 8601 duration: PT5M, PT72H, P30D"
        return f"{given!r} is not {right.partition(':')[0]}", f"write it like{right.partition(':')[2]}"
    if name == "value_error":
        return str(context["error"]), "change what contradicts"
    if name in _WRONG_TYPE:
        wanted, remedy = _WRONG_TYPE[name]
        return f"{given!r} is not {wanted}", remedy.format(input=given)
    return f"{given!r}: {error['msg'][0].lower()}{error['msg'][1:]}", "correct the value"


def _fields_at(kind: type[BaseModel], where: Sequence[str | int]) -> list[str]:
    """The names, as the file writes them, of the fields that the model at that place has."""
    here: list[Any] = [kind]
    for part in where:
        here = [inner for one in here for inner in _inside(one, part)] or here
    models = [one for one in here if isinstance(one, type) and issubclass(one, BaseModel)]
    return sorted({info.alias or name for one in models for name, info in one.model_fields.items()})


def _inside(kind: Any, part: str | int) -> list[Any]:
    """The types that a part of a place leads to: through a field by name, through a list by index."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        found = [info.annotation for name, info in kind.model_fields.items() if part in (name, info.alias)]
        return [inner for one in found for inner in _flatten(one)]
    return []


def _flatten(kind: Any) -> list[Any]:
    """A type, or the types inside its unions, lists and annotations."""
    inner = [one for one in get_args(kind) if one is not Ellipsis]
    return [leaf for one in inner for leaf in _flatten(one)] if inner else [kind]
