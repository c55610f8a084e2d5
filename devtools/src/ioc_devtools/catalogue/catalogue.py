"""The whole catalogue, checked: frozen lists by noun, and look-ups by code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ioc_devtools.catalogue.agency import Agency
from ioc_devtools.catalogue.area import Area, Succession
from ioc_devtools.catalogue.contract import Contract
from ioc_devtools.catalogue.indicator import Indicator, IndicatorSet
from ioc_devtools.catalogue.instrument import Instrument, Unit
from ioc_devtools.catalogue.plan import Plan
from ioc_devtools.catalogue.rule import Rule
from ioc_devtools.catalogue.source import Source
from ioc_devtools.catalogue.target import Target
from ioc_devtools.catalogue.tenant import Tenant


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


T = TypeVar("T", bound=_Coded)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that `catalog/` says; what it names, it holds. Look-ups raise KeyError for an unknown code."""

    instruments: tuple[Instrument, ...]
    units: tuple[Unit, ...]
    areas: tuple[Area, ...]
    successions: tuple[Succession, ...]
    agencies: tuple[Agency, ...]
    tenants: tuple[Tenant, ...]
    sources: tuple[Source, ...]
    plan: Plan
    contracts: tuple[Contract, ...]
    indicator_sets: tuple[IndicatorSet, ...]
    targets: tuple[Target, ...]
    rules: tuple[Rule, ...]

    def area(self, code: str) -> Area:
        """The area of that code."""
        return _by_code(self.areas, code)

    def agency(self, code: str) -> Agency:
        """The agency of that code."""
        return _by_code(self.agencies, code)

    def source(self, code: str) -> Source:
        """The source of that code."""
        return _by_code(self.sources, code)

    def tenant(self, code: str) -> Tenant:
        """The tenant of that code."""
        return _by_code(self.tenants, code)

    def instrument(self, code: str) -> Instrument:
        """The instrument of that code."""
        return _by_code(self.instruments, code)

    def unit(self, code: str) -> Unit:
        """The unit of that code."""
        return _by_code(self.units, code)

    def contract(self, tenant: str, code: str) -> Contract:
        """The tenant's contract of that code."""
        for contract in self.contracts:
            if (contract.tenant, contract.contract) == (tenant, code):
                return contract
        raise KeyError(f"{tenant}/{code}")

    def indicator(self, ref: str) -> Indicator:
        """The indicator `<set>/<code>`."""
        set_code, _, code = ref.partition("/")
        for one in self.indicator_sets:
            if one.set == set_code:
                return _by_code(one.indicators, code)
        raise KeyError(ref)

    def successors(self, area: str) -> tuple[str, ...]:
        """The codes of the areas that stand on an area's ground since it ended; empty while it stands."""
        return tuple(one.successor for one in self.successions if one.predecessor == area)


def _by_code(entries: Iterable[T], code: str) -> T:
    for entry in entries:
        if entry.code == code:
            return entry
    raise KeyError(code)
