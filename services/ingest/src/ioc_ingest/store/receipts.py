"""Receipts of batches that the writer has booked. Asked once a batch: by one statement on a connection of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from opentelemetry import trace

from ioc_ingest.domain.batch import Receipt
from ioc_kit.errors import Unavailable

tracer = trace.get_tracer(__name__)
_COLUMNS = """batch_id, sum(received) AS received, sum(accepted) AS accepted, sum(quarantined) AS quarantined,
              max(position) AS position, content_sha256, min(received_at) AS received_at"""
# A batch whose sending was cut off half-way has some parts only: it is not known yet, and may come again.
_FIND = f"""
    SELECT {_COLUMNS} FROM (
        SELECT DISTINCT ON (part) * FROM receipt
        WHERE tenant = $1 AND source = $2 AND batch_id = $3 ORDER BY part, position
    ) AS part
    GROUP BY batch_id, content_sha256, parts HAVING count(*) = parts
"""  # noqa: S608  # a constant
_LAST_FILE = f"""
    SELECT {_COLUMNS} FROM receipt
    WHERE tenant = $1 AND source = $2 AND door = 'file' AND batch_id = (
        SELECT batch_id FROM receipt WHERE tenant = $1 AND source = $2 AND door = 'file'
        ORDER BY position DESC LIMIT 1)
    GROUP BY batch_id, content_sha256
"""  # noqa: S608  # a constant
_LAST_STAMP = """
    SELECT coalesce(max(stamp_sequence), 0) FROM receipt WHERE tenant = $1 AND source = $2 AND stamp_sequence > 0
"""
_SECONDS = 5.0
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
)


class SqlReceipts:
    """Implements `Receipts`. Every statement names the tenant, which comes from the caller's verified token."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[SqlReceipts]:
        """Connects when first asked; closed at the end of the block."""
        pool = asyncpg.create_pool(
            url.replace("postgresql+asyncpg://", "postgresql://"),
            min_size=0,
            max_size=2,
            timeout=_SECONDS,
            command_timeout=_SECONDS,
            # Nothing is ever set on these connections: resetting them would cost a round trip for each batch.
            reset=_leave,
            # Receipts are looked up before there is a transaction: the scope is the connection's.
            server_settings={"search_path": "ingest", "application_name": "ioc-ingest-receipts", "ioc.scope": "system"},
        )
        async with pool:
            yield cls(pool)

    async def find(self, tenant: str, source: str, batch_id: str) -> Receipt | None:
        row = await self._row(_FIND, tenant, source, batch_id)
        return _receipt(row) if row is not None else None

    async def last_file(self, tenant: str, source: str) -> Receipt | None:
        row = await self._row(_LAST_FILE, tenant, source)
        return _receipt(row) if row is not None else None

    async def last_stamp(self, tenant: str, source: str) -> int:
        row = await self._row(_LAST_STAMP, tenant, source)
        return int(row[0]) if row is not None else 0

    async def _row(self, statement: str, *values: str) -> Any:
        try:
            with tracer.start_as_current_span("SELECT ingest.receipt", kind=trace.SpanKind.CLIENT):
                return await self._pool.fetchrow(statement, *values)
        except _AWAY as error:
            raise Unavailable("the database does not answer now") from error


async def _leave(_connection: Any) -> None:
    """Leaves the connection as it is."""


def _receipt(row: Any) -> Receipt:
    return Receipt(
        batch_id=row["batch_id"],
        received=int(row["received"]),
        accepted=int(row["accepted"]),
        quarantined=int(row["quarantined"]),
        position=row["position"],
        content_sha256=bytes(row["content_sha256"]),
        received_at=row["received_at"],
    )
