"""The catalogue as a whole: what an apply would change."""

from __future__ import annotations

from dataclasses import dataclass

from ioc_registry.domain.contract import Contract
from ioc_registry.domain.place import Agency, Area, Tenant
from ioc_registry.domain.source import Source


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that is to exist. What stands in the registry and not here is left alone."""

    tenants: tuple[Tenant, ...] = ()
    areas: tuple[Area, ...] = ()
    agencies: tuple[Agency, ...] = ()
    sources: tuple[Source, ...] = ()
    contracts: tuple[Contract, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that an apply adds or changes."""

    kind: str
    code: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did, or would do in a dry run."""

    changes: tuple[Change, ...]
    unchanged: int
