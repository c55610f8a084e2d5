"""Transactions on the schema `kpi`; their queries are in the modules beside this one, a noun each."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from ioc_kit.bus import Event
from ioc_kit.sql import Database, Transaction
from ioc_kit.tenancy import Tenancy, background
from ioc_kpi.domain.events import KpiEvent
from ioc_kpi.domain.work import Claim
from ioc_kpi.store import work as pending
from ioc_kpi.store.definitions import DefinitionQueries
from ioc_kpi.store.series import SeriesQueries
from ioc_kpi.store.values import ValueQueries
from ioc_kpi.store.work import WorkQueries

_ANY_TENANT = background("")


class SqlKpiTransaction(DefinitionQueries, SeriesQueries, WorkQueries, ValueQueries):
    """Implements `KpiTransaction`."""

    def __init__(self, transaction: Transaction, to_event: Callable[[KpiEvent], Event]) -> None:
        self._transaction = transaction
        self._to_event = to_event
        self._session = transaction.session

    async def once(self, consumer: str, event: Event) -> bool:
        return await self._transaction.once(consumer, event)

    def emit(self, *events: KpiEvent) -> None:
        self._transaction.emit(*(self._to_event(event) for event in events))


class SqlKpiStore:
    """Implements `KpiStore`."""

    def __init__(self, database: Database, to_event: Callable[[KpiEvent], Event]) -> None:
        self._database = database
        self._to_event = to_event

    @asynccontextmanager
    async def transaction(self, tenancy: Tenancy) -> AsyncIterator[SqlKpiTransaction]:
        async with self._database.transaction(tenancy) as transaction:
            yield SqlKpiTransaction(transaction, self._to_event)

    async def claim(self, now: datetime, lease: timedelta, limit: int) -> Sequence[Claim]:
        async with self._database.transaction(_ANY_TENANT) as transaction:
            return await pending.claim(transaction.session, now, str(uuid.uuid4()), now + lease, limit)

    async def release(self, claims: Sequence[Claim], due_at: datetime) -> None:
        async with self._database.transaction(_ANY_TENANT) as transaction:
            await pending.release(transaction.session, claims, due_at)

    async def next_due(self) -> datetime | None:
        async with self._database.transaction(_ANY_TENANT) as transaction:
            return await pending.next_due(transaction.session)
