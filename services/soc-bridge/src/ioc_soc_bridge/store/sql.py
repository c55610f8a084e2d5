"""The SOC bridge's SQL: what is taken in. What is handed on stands in `feed`."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, Text, any_, cast, delete, or_, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from ioc_kit.bus import Event
from ioc_kit.sql import Database, Transaction
from ioc_kit.tenancy import Tenancy
from ioc_soc_bridge.domain.event import NAMESPACE, Door, Intake, RefusalReason, SecurityEvent
from ioc_soc_bridge.domain.events import SocEvent
from ioc_soc_bridge.domain.exchange import EPOCH
from ioc_soc_bridge.domain.incident import Incident, IncidentState
from ioc_soc_bridge.domain.severity import Severity
from ioc_soc_bridge.ports import QuarantinedLine
from ioc_soc_bridge.store.bulk import insert_rows
from ioc_soc_bridge.store.feed import Feed
from ioc_soc_bridge.store.tables import EventRow, IncidentRow, QuarantineRow, TurnRow

_EVENT = TypeAdapter(SecurityEvent)
_INCIDENT = TypeAdapter(Incident)
_EVENT_COLUMNS = {
    "tenant": "text",
    "fingerprint": "text",
    "event_id": "uuid",
    "at": "timestamptz",
    "received_at": "timestamptz",
    "severity": "smallint",
    "incident_id": "uuid",
    "document": "jsonb",
}
_INCIDENT_COLUMNS = {
    "tenant": "text",
    "incident_id": "uuid",
    "key_digest": "text",
    "state": "text",
    "severity": "smallint",
    "first_seen_at": "timestamptz",
    "last_seen_at": "timestamptz",
    "updated_at": "timestamptz",
    "document": "jsonb",
}
_REPLACE = "ON CONFLICT (incident_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in list(_INCIDENT_COLUMNS)[3:]
)
_CHUNK = 1000
"""Rows of one statement: a statement takes at most 32767 parameters."""


class SqlSocStore:
    """Implements `SocStore` on the schema `soc`."""

    def __init__(self, database: Database, to_event: Callable[[SocEvent], Event]) -> None:
        self._database = database
        self._to_event = to_event

    @asynccontextmanager
    async def transaction(self, tenancy: Tenancy) -> AsyncIterator[SqlSocTransaction]:
        async with self._database.transaction(tenancy) as transaction:
            yield SqlSocTransaction(transaction, self._to_event)


class SqlSocTransaction(Feed):
    """Implements `SocTransaction`. Writers name the tenant in every statement: their tenancy may see all of them."""

    def __init__(self, transaction: Transaction, to_event: Callable[[SocEvent], Event]) -> None:
        super().__init__(transaction.session)
        self._transaction = transaction
        self._to_event = to_event

    def emit(self, *events: SocEvent) -> None:
        self._transaction.emit(*(self._to_event(event) for event in events))

    async def take_turn(self, tenant: str) -> None:
        row = {"tenant": tenant, "last_added_at": EPOCH}
        await self._session.execute(insert(TurnRow).values(row).on_conflict_do_nothing())
        await self._session.scalars(select(TurnRow).where(TurnRow.tenant == tenant).with_for_update())

    async def known(self, tenant: str, fingerprints: Sequence[str]) -> set[str]:
        query = select(EventRow.fingerprint).where(
            EventRow.tenant == tenant, col(EventRow.fingerprint) == _any(fingerprints)
        )
        return set(await self._session.scalars(query)) if fingerprints else set()

    async def add_events(
        self, tenant: str, events: Sequence[SecurityEvent], incident_of: Mapping[str, uuid.UUID], at: datetime
    ) -> None:
        rows = [
            {
                "tenant": tenant,
                "fingerprint": event.fingerprint,
                "event_id": event.event_id(tenant),
                "at": event.at,
                "received_at": at,
                "severity": int(event.severity),
                "incident_id": incident_of.get(event.fingerprint),
                "document": _EVENT.dump_python(event, mode="json"),
            }
            for event in events
        ]
        await insert_rows(self._session, "security_event", _EVENT_COLUMNS, rows)

    async def quarantine(self, tenant: str, intake: Intake, at: datetime) -> None:
        rows: dict[str, dict[str, Any]] = {}
        for line in intake.refused:
            if line.digest in rows:
                rows[line.digest]["times"] += 1
                continue
            name = f"quarantine/{tenant}/{intake.door.value}/{intake.sensor}/{line.digest}"
            rows[line.digest] = {
                "tenant": tenant,
                "line_id": uuid.uuid5(NAMESPACE, name),
                "door": intake.door.value,
                "sensor": intake.sensor,
                "digest": line.digest,
                "reason": line.reason.value,
                "detail": line.detail,
                "original": line.original,
                "size_bytes": line.size_bytes,
                "times": 1,
                "first_at": at,
                "last_at": at,
            }
        for chunk in _chunks(list(rows.values())):
            statement = insert(QuarantineRow).values(chunk)
            again = {
                "times": col(QuarantineRow.times) + statement.excluded.times,
                "last_at": statement.excluded.last_at,
            }
            await self._session.execute(
                statement.on_conflict_do_update(index_elements=["tenant", "door", "sensor", "digest"], set_=again)
            )

    async def incidents_near(
        self, tenant: str, digests: Sequence[str], earliest: datetime, latest: datetime
    ) -> Sequence[Incident]:
        is_near = (col(IncidentRow.last_seen_at) >= earliest) & (col(IncidentRow.first_seen_at) <= latest)
        query = select(IncidentRow).where(
            IncidentRow.tenant == tenant,
            col(IncidentRow.key_digest) == _any(digests),
            or_(col(IncidentRow.state) == IncidentState.OPEN.value, is_near),
        )
        return [_incident(row) for row in await self._session.scalars(query)]

    async def quiet_incidents(self, tenant: str, since: datetime, limit: int) -> Sequence[Incident]:
        query = select(IncidentRow).where(IncidentRow.tenant == tenant, *_quiet(since)).limit(limit)
        return [_incident(row) for row in await self._session.scalars(query)]

    async def tenants_with_quiet(self, since: datetime) -> Sequence[str]:
        return list(await self._session.scalars(select(IncidentRow.tenant).where(*_quiet(since)).distinct()))

    async def put_incidents(self, incidents: Sequence[Incident]) -> None:
        for state in (IncidentState.CLOSED, IncidentState.OPEN):
            rows = [_row(incident) for incident in incidents if incident.state is state]
            await insert_rows(self._session, "incident", _INCIDENT_COLUMNS, rows, on_conflict=_REPLACE)

    async def prune(self, *, quarantined_before: datetime, received_before: datetime, limit: int) -> int:
        old = (
            select(EventRow.tenant, EventRow.fingerprint)
            .where(col(EventRow.received_at) < received_before)
            .limit(limit)
        )
        count = 0
        for statement in (
            delete(QuarantineRow).where(col(QuarantineRow.last_at) < quarantined_before),
            delete(EventRow).where(tuple_(col(EventRow.tenant), col(EventRow.fingerprint)).in_(old)),
        ):
            result = await self._session.execute(statement)
            count += int(result.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a cursor result
        return count

    async def get_incident(self, incident_id: uuid.UUID) -> Incident | None:
        row = await self._session.get(IncidentRow, incident_id)
        return _incident(row) if row is not None else None

    async def list_incidents(
        self, *, minimum: Severity | None, before: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> Sequence[Incident]:
        place = tuple_(col(IncidentRow.last_seen_at), col(IncidentRow.incident_id))
        query = select(IncidentRow).order_by(place.desc()).limit(limit)
        if minimum is not None:
            query = query.where(col(IncidentRow.severity) >= int(minimum))
        if before is not None:
            query = query.where(place < before)
        return [_incident(row) for row in await self._session.scalars(query)]

    async def list_quarantined(
        self, *, before: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> Sequence[QuarantinedLine]:
        place = tuple_(col(QuarantineRow.last_at), col(QuarantineRow.line_id))
        query = select(QuarantineRow).order_by(place.desc()).limit(limit)
        if before is not None:
            query = query.where(place < before)
        return [_quarantined(row) for row in await self._session.scalars(query)]


def _any(values: Sequence[str]) -> Any:
    """`= ANY (array)`: one parameter however many values."""
    return any_(cast(list(values), ARRAY(Text)))


def _chunks(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]


def _quiet(since: datetime) -> tuple[Any, ...]:
    is_open = col(IncidentRow.state) == IncidentState.OPEN.value
    return is_open, col(IncidentRow.last_seen_at) < since, col(IncidentRow.updated_at) < since


def _row(incident: Incident) -> dict[str, Any]:
    return {
        "tenant": incident.tenant,
        "incident_id": incident.incident_id,
        "key_digest": incident.key.digest,
        "state": incident.state.value,
        "severity": int(incident.severity),
        "first_seen_at": incident.first_seen_at,
        "last_seen_at": incident.last_seen_at,
        "updated_at": incident.updated_at,
        "document": _INCIDENT.dump_python(incident, mode="json"),
    }


def _incident(row: IncidentRow) -> Incident:
    return _INCIDENT.validate_python(row.document)


def _quarantined(row: QuarantineRow) -> QuarantinedLine:
    return QuarantinedLine(
        line_id=row.line_id,
        tenant=row.tenant,
        door=Door(row.door),
        sensor=row.sensor,
        reason=RefusalReason(row.reason),
        detail=row.detail,
        original=row.original,
        size_bytes=row.size_bytes,
        times=row.times,
        first_at=row.first_at,
        last_at=row.last_at,
    )
