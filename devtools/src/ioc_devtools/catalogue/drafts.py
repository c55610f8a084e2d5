"""A catalogue that was read but not yet checked: each file's document beside its model, or None where it failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ioc_devtools.catalogue.agency import AgencyFile
from ioc_devtools.catalogue.area import (
    Area,
    CommuneRow,
    DistrictRow,
    ProvinceRow,
    commune_area,
    district_area,
    province_area,
    successions,
)
from ioc_devtools.catalogue.catalogue import Catalogue
from ioc_devtools.catalogue.contract import Contract
from ioc_devtools.catalogue.document import Document
from ioc_devtools.catalogue.indicator import IndicatorSet
from ioc_devtools.catalogue.instrument import InstrumentFile, UnitFile
from ioc_devtools.catalogue.plan import Plan
from ioc_devtools.catalogue.rule import RuleFile
from ioc_devtools.catalogue.source import SourceFile
from ioc_devtools.catalogue.target import TargetFile
from ioc_devtools.catalogue.tenant import TenantFile

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Part(Generic[V]):
    """A file and what it says; `value` is None when the file has problems, and nothing is then concluded from it."""

    document: Document
    value: V | None


@dataclass(frozen=True, slots=True)
class Draft:
    """All files of a catalogue, as read."""

    province: Part[tuple[ProvinceRow, ...]]
    districts: Part[tuple[DistrictRow, ...]]
    communes: Part[tuple[CommuneRow, ...]]
    instruments: Part[InstrumentFile]
    units: Part[UnitFile]
    agencies: Part[AgencyFile]
    tenants: Part[TenantFile]
    sources: Part[SourceFile]
    plan: Part[Plan]
    contracts: tuple[Part[Contract], ...]
    indicator_sets: tuple[Part[IndicatorSet], ...]
    targets: Part[TargetFile]
    rules: tuple[Part[RuleFile], ...]

    @property
    def documents(self) -> tuple[Document, ...]:
        """Every file's document."""
        single = (
            self.province, self.districts, self.communes, self.instruments, self.units, self.agencies, self.tenants,
            self.sources, self.plan, self.targets,
        )  # fmt: skip
        parts: tuple[Part[Any], ...] = (*single, *self.contracts, *self.indicator_sets, *self.rules)
        return tuple(part.document for part in parts)

    def areas(self) -> tuple[Area, ...] | None:
        """Province, districts, then communes and wards; None while one of the files is wrong."""
        province, districts, communes = self.province.value, self.districts.value, self.communes.value
        if province is None or districts is None or communes is None:
            return None
        return (*map(province_area, province), *map(district_area, districts), *map(commune_area, communes))

    def finished(self) -> Catalogue:
        """The catalogue, once no document has a problem left."""
        return Catalogue(
            instruments=_told(self.instruments).instruments,
            units=_told(self.units).units,
            areas=self.areas() or (),
            successions=successions(_told(self.districts), _told(self.communes)),
            agencies=_told(self.agencies).agencies,
            tenants=_told(self.tenants).tenants,
            sources=_told(self.sources).sources,
            plan=_told(self.plan),
            contracts=tuple(map(_told, self.contracts)),
            indicator_sets=tuple(map(_told, self.indicator_sets)),
            targets=_told(self.targets).targets,
            rules=tuple(rule for part in self.rules for rule in _told(part).rules),
        )


def _told(part: Part[V]) -> V:
    if part.value is None:
        raise ValueError(f"{part.document.file} has problems that were not reported")
    return part.value
