"""The registry's use cases: one method, one verb."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TypeVar

import structlog

from ioc_kit.clock import Clock
from ioc_kit.rpc import Page, decode_page_token, encode_page_token
from ioc_kit.rpc.paging import clamp_page_size
from ioc_kit.tenancy import Caller, Scope, background
from ioc_registry.domain import contract as contracts
from ioc_registry.domain.catalogue import Applied, Catalogue, Change
from ioc_registry.domain.contract import Contract, series_of
from ioc_registry.domain.device import Device, DeviceState, hash_secret, new_secret
from ioc_registry.domain.errors import ContractVersionTaken, DeviceTaken, ProvinceOnly, ThingNotFound
from ioc_registry.domain.events import ContractPublished, DeviceCredentialChanged, SourceChanged, TenantChanged
from ioc_registry.domain.place import Agency, Area, Tenant, is_valid_on
from ioc_registry.domain.series import Series
from ioc_registry.domain.source import Readiness, Source
from ioc_registry.ports import Noun, RegistryStore, RegistryTransaction

log = structlog.get_logger()
N = TypeVar("N", Tenant, Area, Agency, Source)


class RegistryHandlers:
    """What may be asked of the registry. `province` is the root tenant: it owns the catalogue."""

    def __init__(self, store: RegistryStore, clock: Clock, province: str) -> None:
        self._store = store
        self._clock = clock
        self._province = province

    async def get(self, caller: Caller, kind: type[N], code: str) -> N:
        """A tenant, area, agency or source by its code. Raises ThingNotFound."""
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.get(kind, code)
        if not isinstance(found, kind):
            raise ThingNotFound(kind.__name__.lower(), code)
        return found

    async def search(
        self, caller: Caller, kind: type[N], *, search: str, as_of: date | None, page_size: int, page_token: str
    ) -> Page[N]:
        """Things in order of code; `as_of` keeps those valid on that day, `search` folds case and accents."""
        size = clamp_page_size(page_size)
        after = decode_page_token(page_token, str)
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.search(kind, text=search, after=str(after[0]) if after else "", limit=size + 1)
        found = [row for row in rows[:size] if isinstance(row, kind)]
        token = encode_page_token(_code(found[-1])) if len(rows) > size else ""
        kept = [t for t in found if as_of is None or isinstance(t, Source) or is_valid_on(t, as_of)]
        return Page(kept, token)

    async def update_readiness(self, caller: Caller, source: str, readiness: Readiness) -> Source:
        """Records how far a source has come. Raises ThingNotFound."""
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.get(Source, source)
            if not isinstance(found, Source):
                raise ThingNotFound("source", source)
            now = self._clock.now()
            stamped = tuple(s if s in found.readiness.steps else replace(s, updated_at=now) for s in readiness.steps)
            changed = replace(found, readiness=replace(readiness, steps=stamped))
            await transaction.put(changed)
            transaction.emit(SourceChanged(changed, self._province))
        return changed

    async def get_contract(self, caller: Caller, contract: str) -> Contract:
        """The newest version of a contract of the caller's tenant. Raises ThingNotFound."""
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.latest_contract(caller.tenant, contract)
        if found is None:
            raise ThingNotFound("contract", contract)
        return found

    async def list_contracts(self, caller: Caller, *, source: str, page_size: int, page_token: str) -> Page[Contract]:
        """Newest versions of the contracts that the caller may see."""
        size = clamp_page_size(page_size)
        after = decode_page_token(page_token, str, str)
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.list_contracts(source=source, after=_pair(after), limit=size + 1)
        token = encode_page_token(rows[size - 1].tenant, rows[size - 1].contract) if len(rows) > size else ""
        return Page(rows[:size], token)

    async def get_series(self, caller: Caller, key: str) -> Series:
        """The series of the key, the caller's own before another tenant's. Raises ThingNotFound."""
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.get_series(key)
        if not found:
            raise ThingNotFound("series", key)
        return next((series for series in found if series.tenant == caller.tenant), found[0])

    async def list_series(
        self, caller: Caller, *, source: str, measure: str, area: str, thing: str, page_size: int, page_token: str
    ) -> Page[Series]:
        """Series that the caller may see, filtered by their parts."""
        size = clamp_page_size(page_size)
        after = _pair(decode_page_token(page_token, str, str))
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.list_series(
                source=source, measure=measure, area=area, thing=thing, after=after, limit=size + 1
            )
        token = encode_page_token(rows[size - 1].tenant, rows[size - 1].key) if len(rows) > size else ""
        return Page(rows[:size], token)

    async def get_device(self, caller: Caller, device_id: str) -> Device:
        """A device of the caller's. Raises ThingNotFound."""
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.get_device(device_id)
        if found is None:
            raise ThingNotFound("device", device_id)
        return found

    async def list_devices(self, caller: Caller, *, page_size: int, page_token: str) -> Page[Device]:
        """Devices in order of id."""
        size = clamp_page_size(page_size)
        after = decode_page_token(page_token, str)
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.list_devices(after=str(after[0]) if after else "", limit=size + 1)
        return Page(rows[:size], encode_page_token(rows[size - 1].device_id) if len(rows) > size else "")

    async def issue_device_credential(self, caller: Caller, device_id: str) -> tuple[Device, str]:
        """A new secret for a device: the old one ends now, the new one is told this once. Raises ThingNotFound."""
        secret = new_secret()
        device = await self._change_device(
            caller, device_id, state=DeviceState.ACTIVE, secret=hash_secret(device_id, secret), is_issue=True
        )
        return device, secret

    async def revoke_device_credential(self, caller: Caller, device_id: str) -> Device:
        """Ends a device's credential. Raises ThingNotFound."""
        return await self._change_device(caller, device_id, state=DeviceState.REVOKED, secret="", is_issue=False)

    async def _change_device(
        self, caller: Caller, device_id: str, *, state: DeviceState, secret: str, is_issue: bool
    ) -> Device:
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.get_device(device_id)
            if found is None:
                raise ThingNotFound("device", device_id)
            issued_at = self._clock.now() if is_issue else found.last_issued_at
            changed = replace(found, state=state, secret_hash=secret, last_issued_at=issued_at)
            await transaction.put_device(changed)
            transaction.emit(DeviceCredentialChanged(changed))
        log.info("device credential changed", device=device_id, state=state.value)
        return changed

    async def apply_catalogue(self, caller: Caller, catalogue: Catalogue, *, is_dry_run: bool) -> Applied:
        """Brings the registry to the catalogue; what is the same already is left alone, so a repeat changes nothing.

        Raises ProvinceOnly, ContractVersionTaken, DeviceTaken, or InvalidInput that names the fields.
        """
        if caller.scope is not Scope.PROVINCE:
            raise ProvinceOnly
        for contract in catalogue.contracts:
            contracts.check(contract)
        things: tuple[Noun, ...] = (*catalogue.tenants, *catalogue.areas, *catalogue.agencies, *catalogue.sources)
        changes: list[Change] = []
        unchanged = 0
        async with self._store.transaction(background(self._province)) as transaction:
            for thing in things:
                change = await self._apply(transaction, thing, is_dry_run=is_dry_run)
                changes += [change] if change else []
                unchanged += change is None
            for contract in catalogue.contracts:
                change = await self._apply_contract(transaction, contract, is_dry_run=is_dry_run)
                changes += [change] if change else []
                unchanged += change is None
        return Applied(tuple(changes), unchanged)

    async def _apply(self, transaction: RegistryTransaction, thing: Noun, *, is_dry_run: bool) -> Change | None:
        code = _code(thing)
        before = await transaction.get(type(thing), code)
        if isinstance(thing, Source) and isinstance(before, Source):
            # Readiness is recorded by people as work goes on; the catalogue only says where it began.
            thing = replace(thing, readiness=before.readiness)
        if before == thing:
            return None
        if not is_dry_run:
            await transaction.put(thing)
            if isinstance(thing, Source):
                transaction.emit(SourceChanged(thing, self._province))
            elif isinstance(thing, Tenant):
                transaction.emit(TenantChanged(thing))
        return Change(type(thing).__name__.lower(), code, before is None)

    async def _apply_contract(
        self, transaction: RegistryTransaction, contract: Contract, *, is_dry_run: bool
    ) -> Change | None:
        before = await transaction.latest_contract(contract.tenant, contract.contract)
        if before == contract:
            return None
        if before is not None and before.version >= contract.version:
            raise ContractVersionTaken(contract.contract, contract.version)
        series = series_of(contract)
        if not is_dry_run:
            await transaction.add_contract(contract, series)
            await self._make_devices_known(transaction, contract)
            transaction.emit(ContractPublished(contract, series))
        return Change("contract", f"{contract.tenant}/{contract.contract}", before is None)

    async def _make_devices_known(self, transaction: RegistryTransaction, contract: Contract) -> None:
        for thing in contract.things:
            if not thing.device_id:
                continue
            known = await transaction.get_device(thing.device_id)
            if known is not None and known.tenant != contract.tenant:
                raise DeviceTaken(thing.device_id)
            if known is None:
                device = Device(thing.device_id, contract.tenant, contract.contract, contract.source, thing.thing)
                await transaction.put_device(device)


def _code(thing: Noun) -> str:
    return thing.tenant if isinstance(thing, Tenant) else thing.code


def _pair(key: Sequence[str | int] | None) -> tuple[str, str] | None:
    return (str(key[0]), str(key[1])) if key is not None else None
