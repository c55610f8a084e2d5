"""Domain objects as JSON documents and back, without loss: floats keep every bit, times their zone."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

from ioc_kpi.domain.indicator import Indicator, IndicatorSet
from ioc_kpi.domain.series import Series
from ioc_kpi.domain.target import Target
from ioc_kpi.domain.value import IndicatorValue

T = TypeVar("T", Indicator, IndicatorSet, Target, Series, IndicatorValue)
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Indicator, IndicatorSet, Target, Series, IndicatorValue)
}


def dump(thing: object) -> dict[str, Any]:
    """The document of a domain object."""
    document: dict[str, Any] = _ADAPTERS[type(thing)].dump_python(thing, mode="json")
    return document


def load(kind: type[T], document: dict[str, Any]) -> T:
    """The domain object of a document."""
    found: T = _ADAPTERS[kind].validate_python(document)
    return found
