"""What the handlers need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ioc_kit.tenancy import Tenancy
from ioc_registry.domain.contract import Contract
from ioc_registry.domain.device import Device
from ioc_registry.domain.events import RegistryEvent
from ioc_registry.domain.place import Agency, Area, Tenant
from ioc_registry.domain.series import Series
from ioc_registry.domain.source import Source

Noun = Tenant | Area | Agency | Source


class RegistryTransaction(Protocol):
    """One transaction: what is put becomes visible, and what is emitted goes out, when the block ends well."""

    async def get(self, kind: type[Noun], code: str) -> Noun | None:
        """The thing by its code, or None."""

    async def search(self, kind: type[Noun], *, text: str, after: str, limit: int) -> Sequence[Noun]:
        """Things in order of code after `after`, whose folded names or code contain the folded `text`."""

    async def put(self, thing: Noun) -> None:
        """Inserts or replaces by code."""

    async def latest_contract(self, tenant: str, contract: str) -> Contract | None:
        """The newest version, or None."""

    async def list_contracts(self, *, source: str, after: tuple[str, str] | None, limit: int) -> Sequence[Contract]:
        """Newest versions in order of tenant and code."""

    async def add_contract(self, contract: Contract, series: Sequence[Series]) -> None:
        """Adds a version, registers its series and makes its devices known."""

    async def get_series(self, key: str) -> Sequence[Series]:
        """The series of that key: one, or one a tenant for a caller who sees several."""

    async def list_series(
        self, *, source: str, measure: str, area: str, thing: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[Series]:
        """Series in order of tenant and key; an empty filter takes all."""

    async def get_device(self, device_id: str) -> Device | None:
        """The device, or None."""

    async def list_devices(self, *, after: str, limit: int) -> Sequence[Device]:
        """Devices in order of id."""

    async def put_device(self, device: Device) -> None:
        """Inserts or replaces by id."""

    def emit(self, *events: RegistryEvent) -> None:
        """Events that go out with the commit."""


class RegistryStore(Protocol):
    """Opens transactions. The composition root closes it."""

    def transaction(self, tenancy: Tenancy) -> AbstractAsyncContextManager[RegistryTransaction]:
        """A transaction that sees what the tenancy may see; commits at the end of the block, or rolls back."""
