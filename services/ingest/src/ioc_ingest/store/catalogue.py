"""Contracts, series and devices as ingest keeps them: written by the registry's consumer, read by every replica."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import text

from ioc_ingest.domain.contract import Contract, SeriesEntry
from ioc_ingest.domain.device import Device
from ioc_kit.bus import Event
from ioc_kit.sql import Database, Transaction
from ioc_kit.tenancy import background

_CONTRACT: TypeAdapter[Contract] = TypeAdapter(Contract)

_PUT_CONTRACT = text(
    """
    INSERT INTO contract (tenant, contract, version, source, cadence, document, parts, parts_seen, change)
    VALUES (:tenant, :contract, :version, :source, :cadence, CAST(:document AS jsonb), :parts,
            ARRAY[CAST(:part AS integer)], nextval('change'))
    ON CONFLICT (tenant, contract, version) DO UPDATE
    SET parts_seen = contract.parts_seen || excluded.parts_seen, change = excluded.change
    """
)
_PUT_SERIES = text(
    """
    INSERT INTO series (tenant, key, source, measure, unit, area, thing, dimensions, period_kind, contract,
                        contract_version)
    SELECT :tenant, s.key, s.source, s.measure, s.unit, s.area, s.thing, s.dimensions, s.period_kind, :contract,
           :version
    FROM jsonb_to_recordset(CAST(:series AS jsonb)) AS s (key text, source text, measure text, unit text, area text,
                                                          thing text, dimensions jsonb, period_kind text)
    ON CONFLICT (tenant, key) DO UPDATE
    SET unit = excluded.unit, contract = excluded.contract, contract_version = excluded.contract_version
    WHERE series.contract_version <= excluded.contract_version OR series.contract <> excluded.contract
    """
)
_PUT_DEVICE = text(
    """
    INSERT INTO device (device_id, tenant, contract, source, thing, is_active, secret_sha256, change)
    VALUES (:device_id, :tenant, :contract, :source, :thing, :is_active, :secret_sha256, nextval('change'))
    ON CONFLICT (device_id) DO UPDATE
    SET tenant = excluded.tenant, contract = excluded.contract, source = excluded.source, thing = excluded.thing,
        is_active = excluded.is_active, secret_sha256 = excluded.secret_sha256, change = excluded.change
    """
)
# Changes are counted one transaction after the other: a smaller count can then never become visible after a greater.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('ingest:catalogue', 0))")
_NEWEST = text(
    """
    SELECT greatest((SELECT coalesce(max(change), 0) FROM contract), (SELECT coalesce(max(change), 0) FROM device))
    """
)
_IN_FORCE = text(
    """
    SELECT DISTINCT ON (tenant, contract) tenant, contract, version, source, document FROM contract
    WHERE cardinality(ARRAY(SELECT DISTINCT unnest(parts_seen))) = parts
    ORDER BY tenant, contract, version DESC
    """
)
_CHANGED_SOURCES = text("SELECT DISTINCT tenant, source FROM contract WHERE change > :after")
_SERIES = text(
    """
    SELECT series_id, key, source, measure, unit, area, thing, contract, contract_version FROM series
    WHERE tenant = :tenant AND contract = ANY(:contracts) ORDER BY key
    """
)
_DEVICES = text(
    "SELECT device_id, tenant, contract, source, thing, is_active, secret_sha256 FROM device WHERE change > :after"
)


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """A series as a contract's event carries it."""

    key: str
    source: str
    measure: str
    unit: str
    area: str
    thing: str
    dimensions: dict[str, str]
    period_kind: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a count: sources with all that is in force for them, and devices."""

    upto: int
    sources: Sequence[tuple[str, str, Sequence[Contract], Sequence[SeriesEntry]]]
    devices: Sequence[Device]


class CatalogueTransaction:
    """One event of the registry on its way into the read model."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._session = transaction.session

    async def once(self, consumer: str, event: Event) -> bool:
        """True the first time the consumer meets the event."""
        return await self._transaction.once(consumer, event)

    async def put_contract(self, contract: Contract, series: Sequence[SeriesFacts], *, part: int, parts: int) -> None:
        """Keeps one part of a version; it is in force once all parts have come."""
        await self._session.execute(
            _PUT_SERIES,
            {
                "tenant": contract.tenant,
                "contract": contract.contract,
                "version": contract.version,
                "series": json.dumps([{name: getattr(s, name) for name in s.__slots__} for s in series]),
            },
        )
        await self._session.execute(
            _PUT_CONTRACT,
            {
                "tenant": contract.tenant,
                "contract": contract.contract,
                "version": contract.version,
                "source": contract.source,
                "cadence": contract.cadence,
                "document": _CONTRACT.dump_json(contract).decode(),
                "part": part,
                "parts": parts,
            },
        )

    async def put_device(self, device: Device) -> None:
        """Inserts or replaces."""
        values = {name: getattr(device, name) for name in device.__slots__}
        await self._session.execute(_PUT_DEVICE, values)


class SqlCatalogue:
    """The read model in the schema `ingest`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def transaction(self, tenant: str) -> AsyncIterator[CatalogueTransaction]:
        """Commits at the end of the block. Raises Unavailable."""
        async with self._database.transaction(background(tenant)) as transaction:
            await transaction.session.execute(_ONE_AT_A_TIME)
            yield CatalogueTransaction(transaction)

    async def changes(self, after: int) -> Changes | None:
        """What changed after the count, or None. Raises Unavailable."""
        async with self._database.transaction(background("")) as transaction:
            session = transaction.session
            upto = (await session.execute(_NEWEST)).scalar_one()
            if upto == after:
                return None
            since = {"after": after}
            changed = (await session.execute(_CHANGED_SOURCES, since)).all()
            in_force = (await session.execute(_IN_FORCE)).all() if changed else []
            sources = []
            for tenant, source in changed:
                rows = [row for row in in_force if row.tenant == tenant and row.source == source]
                contracts = [_CONTRACT.validate_python(row.document) for row in rows]
                named = {"tenant": tenant, "contracts": [contract.contract for contract in contracts]}
                found = (await session.execute(_SERIES, named)).all() if contracts else []
                versions = {contract.contract: contract.version for contract in contracts}
                entries = [
                    SeriesEntry(
                        series_id=row.series_id,
                        tenant=tenant,
                        key=row.key,
                        source=row.source,
                        measure=row.measure,
                        unit=row.unit,
                        area=row.area,
                        thing=row.thing,
                        contract=row.contract,
                    )
                    # A series that the version in force no longer names stays readable, and takes nothing any more.
                    for row in found
                    if row.contract_version >= versions[row.contract]
                ]
                sources.append((tenant, source, contracts, entries))
            devices = [Device(*row) for row in (await session.execute(_DEVICES, since)).all()]
        return Changes(upto, sources, devices)
