"""What the registry tells others when it happens."""

from __future__ import annotations

from dataclasses import dataclass

from ioc_registry.domain.contract import Contract
from ioc_registry.domain.device import Device
from ioc_registry.domain.place import Tenant
from ioc_registry.domain.series import Series
from ioc_registry.domain.source import Source


@dataclass(frozen=True, slots=True)
class TenantChanged:
    """A tenant was added, renamed, moved or ended."""

    tenant: Tenant


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """A source or its readiness changed. `owner` is the tenant whose catalogue it stands in: the province."""

    source: Source
    owner: str


@dataclass(frozen=True, slots=True)
class ContractPublished:
    """A version of a contract is in force: everything a door needs to check by it."""

    contract: Contract
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class DeviceCredentialChanged:
    """A device got a credential, or lost it."""

    device: Device


RegistryEvent = TenantChanged | SourceChanged | ContractPublished | DeviceCredentialChanged
