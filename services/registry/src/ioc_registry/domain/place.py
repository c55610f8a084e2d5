"""Tenants, areas and agencies: effective-dated, never rewritten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ioc_registry.domain.text import LocalizedText


@dataclass(frozen=True, slots=True)
class Tenant:
    """A centre that joins with its own data and people; `parent` is empty for the province."""

    tenant: str
    name: LocalizedText
    parent: str = ""
    areas: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """An administrative unit for a time; centre in degrees WGS 84. Codes live in one space across the years."""

    code: str
    name: LocalizedText
    kind: str
    parent: str = ""
    centre_lon: float | None = None
    centre_lat: float | None = None
    area_km2: float | None = None
    population: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    predecessors: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency of the plan; `succeeded_by` since `succeeded_on`, as sure as `is_verified` says."""

    code: str
    name: LocalizedText
    parent: str = ""
    is_group: bool = False
    succeeded_by: str = ""
    succeeded_on: date | None = None
    is_verified: bool = False
    area: str = ""
    note: str = ""
    valid_from: date | None = None
    valid_to: date | None = None


def is_valid_on(thing: Tenant | Area | Agency, day: date) -> bool:
    """True when `day` lies in the thing's validity; the end is exclusive, an open end has none."""
    return (thing.valid_from is None or thing.valid_from <= day) and (thing.valid_to is None or day < thing.valid_to)
