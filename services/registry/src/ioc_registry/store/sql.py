"""The registry's SQL. Things are stored whole as documents, beside the columns that are searched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col, select

from ioc_kit.bus import Event
from ioc_kit.sql import Database, Transaction
from ioc_kit.tenancy import Tenancy
from ioc_registry.domain.contract import Contract
from ioc_registry.domain.device import Device
from ioc_registry.domain.events import RegistryEvent
from ioc_registry.domain.place import Agency, Area, Tenant
from ioc_registry.domain.series import Series
from ioc_registry.domain.source import Source
from ioc_registry.domain.text import search_key
from ioc_registry.ports import Noun
from ioc_registry.store.tables import AgencyRow, AreaRow, ContractRow, DeviceRow, SeriesRow, SourceRow, TenantRow

_ROWS: dict[type[Any], Any] = {Tenant: TenantRow, Area: AreaRow, Agency: AgencyRow, Source: SourceRow}
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Tenant, Area, Agency, Source, Contract, Series, Device)
}
_INSERT_CHUNK = 2000


class SqlRegistryStore:
    """Implements `RegistryStore` on the schema `registry`."""

    def __init__(self, database: Database, to_event: Callable[[RegistryEvent], list[Event]]) -> None:
        self._database = database
        self._to_event = to_event

    @asynccontextmanager
    async def transaction(self, tenancy: Tenancy) -> AsyncIterator[SqlRegistryTransaction]:
        async with self._database.transaction(tenancy) as transaction:
            yield SqlRegistryTransaction(transaction, self._to_event)


class SqlRegistryTransaction:
    """Implements `RegistryTransaction`."""

    def __init__(self, transaction: Transaction, to_event: Callable[[RegistryEvent], list[Event]]) -> None:
        self._transaction = transaction
        self._to_event = to_event
        self._session = transaction.session

    def emit(self, *events: RegistryEvent) -> None:
        for event in events:
            self._transaction.emit(*self._to_event(event))

    async def get(self, kind: type[Noun], code: str) -> Noun | None:
        row = await self._session.get(_ROWS[kind], code)
        return _load(kind, row.document) if row is not None else None

    async def search(self, kind: type[Noun], *, text: str, after: str, limit: int) -> Sequence[Noun]:
        table = _ROWS[kind]
        query = select(table).where(col(table.code) > after).order_by(table.code).limit(limit)
        if text:
            query = query.where(col(table.search_key).contains(search_key(text), autoescape=True))
        return [_load(kind, row.document) for row in (await self._session.scalars(query))]

    async def put(self, thing: Noun) -> None:
        code = thing.tenant if isinstance(thing, Tenant) else thing.code
        found = search_key(f"{code} {thing.name.vi} {thing.name.en}")
        await self._upsert(_ROWS[type(thing)], [{"code": code, "search_key": found, "document": _dump(thing)}], "code")

    async def latest_contract(self, tenant: str, contract: str) -> Contract | None:
        query = (
            select(ContractRow)
            .where(ContractRow.tenant == tenant, ContractRow.contract == contract)
            .order_by(col(ContractRow.version).desc())
            .limit(1)
        )
        row = (await self._session.scalars(query)).first()
        return _load(Contract, row.document) if row is not None else None

    async def list_contracts(self, *, source: str, after: tuple[str, str] | None, limit: int) -> Sequence[Contract]:
        query = (
            select(ContractRow)
            .distinct(col(ContractRow.tenant), col(ContractRow.contract))
            .order_by(ContractRow.tenant, ContractRow.contract, col(ContractRow.version).desc())
            .limit(limit)
        )
        if source:
            query = query.where(ContractRow.source == source)
        if after is not None:
            query = query.where(tuple_(col(ContractRow.tenant), col(ContractRow.contract)) > after)
        return [_load(Contract, row.document) for row in (await self._session.scalars(query))]

    async def add_contract(self, contract: Contract, series: Sequence[Series]) -> None:
        row = ContractRow(
            tenant=contract.tenant,
            contract=contract.contract,
            version=contract.version,
            source=contract.source,
            document=_dump(contract),
        )
        self._session.add(row)
        await self._session.flush()
        for start in range(0, len(series), _INSERT_CHUNK):
            rows = [
                {
                    "tenant": each.tenant,
                    "key": each.key,
                    "source": each.source,
                    "measure": each.measure,
                    "area": each.area,
                    "thing": each.thing,
                    "contract": each.contract,
                    "document": _dump(each),
                }
                for each in series[start : start + _INSERT_CHUNK]
            ]
            await self._upsert(SeriesRow, rows, "tenant", "key")

    async def get_series(self, key: str) -> Sequence[Series]:
        query = select(SeriesRow).where(SeriesRow.key == key).order_by(SeriesRow.tenant)
        return [_load(Series, row.document) for row in (await self._session.scalars(query))]

    async def list_series(
        self, *, source: str, measure: str, area: str, thing: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[Series]:
        query = select(SeriesRow).order_by(SeriesRow.tenant, SeriesRow.key).limit(limit)
        for column, wanted in (
            (SeriesRow.source, source),
            (SeriesRow.measure, measure),
            (SeriesRow.area, area),
            (SeriesRow.thing, thing),
        ):
            if wanted:
                query = query.where(column == wanted)
        if after is not None:
            query = query.where(tuple_(col(SeriesRow.tenant), col(SeriesRow.key)) > after)
        return [_load(Series, row.document) for row in (await self._session.scalars(query))]

    async def get_device(self, device_id: str) -> Device | None:
        row = await self._session.get(DeviceRow, device_id)
        return _load(Device, row.document) if row is not None else None

    async def list_devices(self, *, after: str, limit: int) -> Sequence[Device]:
        query = select(DeviceRow).where(col(DeviceRow.device_id) > after).order_by(DeviceRow.device_id).limit(limit)
        return [_load(Device, row.document) for row in (await self._session.scalars(query))]

    async def put_device(self, device: Device) -> None:
        row = {"device_id": device.device_id, "tenant": device.tenant, "document": _dump(device)}
        await self._upsert(DeviceRow, [row], "device_id")

    async def _upsert(self, table: type[SQLModel], rows: list[dict[str, Any]], *keys: str) -> None:
        statement = insert(table).values(rows)
        changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        await self._session.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=changed))


def _dump(thing: object) -> dict[str, Any]:
    document: dict[str, Any] = _ADAPTERS[type(thing)].dump_python(thing, mode="json")
    return document


def _load(kind: type[Any], document: dict[str, Any]) -> Any:
    return _ADAPTERS[kind].validate_python(document)
