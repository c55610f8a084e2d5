"""A series: source, measure, area, optional thing, optional dimensions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ioc_kit.errors import InvalidInput
from ioc_registry.domain.text import LocalizedText

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Series:
    """What observations belong to. `key` is unique within the tenant."""

    key: str
    tenant: str
    source: str
    measure: str
    unit: str
    area: str
    thing: str
    dimensions: tuple[tuple[str, str], ...]
    period_kind: str
    contract: str
    contract_version: int
    name: LocalizedText

    @classmethod
    def make(
        cls,
        *,
        tenant: str,
        source: str,
        measure: str,
        unit: str,
        area: str,
        thing: str,
        dimensions: tuple[tuple[str, str], ...],
        period_kind: str,
        contract: str,
        contract_version: int,
        name: LocalizedText,
    ) -> Series:
        """A series whose key follows from its parts. Raises InvalidInput for a part that cannot stand in it."""
        ordered = tuple(sorted(dimensions))
        key = series_key(source, measure, area, thing, ordered)
        return cls(
            key, tenant, source, measure, unit, area, thing, ordered, period_kind, contract, contract_version, name
        )


def series_key(source: str, measure: str, area: str, thing: str, dimensions: tuple[tuple[str, str], ...]) -> str:
    """`<source>/<measure>/<area>[/<thing>][/<DIM>=<value>...]`, dimensions in order of name."""
    parts = [source, measure, area, *([thing] if thing else [])]
    for part in (*parts, *(word for pair in dimensions for word in pair)):
        if not _PART.fullmatch(part):
            raise InvalidInput.field(
                "series_key", f"{part!r} may hold letters, digits, `_`, `.`, `-` (1 to 64, a letter or digit first)"
            )
    return "/".join([*parts, *(f"{name}={value}" for name, value in dimensions)])
