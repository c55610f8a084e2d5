"""Contracts and devices in memory, for the doors: kept fresh from the read model, in every replica."""

from __future__ import annotations

import asyncio

import structlog

from ioc_ingest.domain.device import Device
from ioc_ingest.domain.errors import SourceUnknown
from ioc_ingest.domain.terms import Terms
from ioc_ingest.protocols.mqtt_json import Binding
from ioc_ingest.store.catalogue import SqlCatalogue
from ioc_kit.errors import Unavailable

log = structlog.get_logger()
_POLL_SECONDS = 0.5


class MemoryTermsBook:
    """Implements `TermsBook`. What another replica consumed is seen within half a second."""

    def __init__(self, catalogue: SqlCatalogue) -> None:
        self._catalogue = catalogue
        self._terms: dict[tuple[str, str], Terms] = {}
        self._devices: dict[str, Device] = {}
        self._upto = -1
        self._refreshing = asyncio.Lock()

    def terms(self, tenant: str, source: str) -> Terms:
        found = self._terms.get((tenant, source))
        if found is None:
            raise SourceUnknown(source)
        return found

    def device(self, device_id: str) -> Device | None:
        """The device of that name, revoked ones too."""
        return self._devices.get(device_id)

    def binding(self, device_id: str) -> Binding | None:
        """What the device speaks for; None when no contract in force binds it."""
        device = self._devices.get(device_id)
        terms = self._terms.get((device.tenant, device.source)) if device is not None else None
        contract = terms.contracts.get(device.contract) if terms is not None and device is not None else None
        if device is None or contract is None:
            return None
        thing = next((t for t in contract.things if t.thing == device.thing and t.device_id == device_id), None)
        return Binding(device_id, device.tenant, contract, thing) if thing is not None else None

    async def refresh(self) -> None:
        """Takes in what changed since the last time. Raises Unavailable."""
        async with self._refreshing:
            changes = await self._catalogue.changes(self._upto)
            if changes is None:
                return
            for tenant, source, contracts, series in changes.sources:
                if contracts:
                    self._terms[tenant, source] = Terms(contracts, series)
            self._devices.update({device.device_id: device for device in changes.devices})
            self._upto = changes.upto

    async def run(self) -> None:
        """Refreshes until cancelled; a lost database is waited out with what is known."""
        while True:
            try:
                await self.refresh()
            except Unavailable as error:
                log.warning("contracts cannot be refreshed", problem=error.message)
            await asyncio.sleep(_POLL_SECONDS)
