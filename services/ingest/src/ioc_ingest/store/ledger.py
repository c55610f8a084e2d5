"""The writer's two connections: one adds and sees nothing, one sees and adds nothing.

COPY is refused where row-level security applies to the role, so the writing role bypasses it and has INSERT only.
What must be known before writing is read by the runtime role. That is sound because only one writer writes: it holds
an advisory lock on the very connection that commits, so a writer that lost the lock cannot commit either.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import asyncpg
import numpy as np
import structlog

from ioc_ingest.domain.columns import Int64
from ioc_ingest.domain.revision import Int32, Known, Rows
from ioc_ingest.store.binary_copy import POSTGRES_EPOCH_US, chunks, decode, encode
from ioc_kit.bus import Event
from ioc_kit.sql.outbox import outbox_rows

log = structlog.get_logger()
SCHEMA = "ingest"
_LOCK = "ingest:writer"
_COLUMNS = ("series_id", "tenant", "at", "revision", "value", "quality", "received_at", "position")
_LOCK_POLL_SECONDS = 0.3
NEVER_US = -(2**62)
"""Watermark of a series without readings."""

_WATERMARKS = """
    SELECT wanted.series_id,
           (SELECT (extract(epoch FROM o.at) * 1000000)::bigint FROM observation AS o
            WHERE o.series_id = wanted.series_id ORDER BY o.at DESC LIMIT 1) AS at_us
    FROM unnest($1::integer[]) AS wanted (series_id)
"""
_KNOWN = """
    SELECT staged.place, found.revision, found.value, found.quality FROM staged
    CROSS JOIN LATERAL (
        SELECT o.revision, o.value, o.quality FROM observation AS o
        WHERE o.series_id = staged.series_id AND o.at = staged.at ORDER BY o.revision DESC LIMIT 1
    ) AS found
"""
_BOOK = """
    INSERT INTO book (position, tenant, source, door, hour, received, accepted, quarantined, stored, duplicate,
                      quarantined_late, newest_at, received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_RECEIPT = """
    INSERT INTO receipt (position, tenant, source, door, batch_id, part, parts, content_sha256, received, accepted,
                         quarantined, received_at, stamp_sequence, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
_QUARANTINE = """
    INSERT INTO quarantine (position, ordinal, tenant, source, door, origin, received_at, row_number, field, rule,
                            reason_vi, reason_en, remedy_vi, remedy_en, original, original_bytes, trace_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
_OUTBOX = "INSERT INTO outbox (event_id, subject, headers, data) VALUES ($1, $2, $3::jsonb, $4)"


class LedgerSession:
    """Both connections of the active writer. Made by `open`, which waits for the lock; closed by `close`."""

    def __init__(self, writing: asyncpg.Connection[Any], reading: asyncpg.Connection[Any]) -> None:
        self._writing = writing
        self._reading = reading
        self._months: set[date] = set()

    @classmethod
    async def open(cls, writer_url: str, reader_url: str) -> LedgerSession:
        """Connects, and waits until no other writer is active. Raises OSError or asyncpg.PostgresError."""
        opened = []
        try:
            opened.append(writing := await _connect(writer_url, "ioc-ingest-writer"))
            while not await writing.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", _LOCK):  # noqa: ASYNC110
                await asyncio.sleep(_LOCK_POLL_SECONDS)
            opened.append(reading := await _connect(reader_url, "ioc-ingest-writer-reads"))
            await reading.execute(
                "SELECT set_config('ioc.tenant', '', false), set_config('ioc.scope', 'system', false)"
            )
            await reading.execute(
                "CREATE TEMPORARY TABLE staged (place integer NOT NULL, series_id integer NOT NULL,"
                " at timestamptz NOT NULL) ON COMMIT DELETE ROWS"
            )
        except BaseException:
            for connection in opened:
                connection.terminate()
            raise
        return cls(writing, reading)

    def close(self) -> None:
        """Drops both connections, and with them the lock."""
        self._writing.terminate()
        self._reading.terminate()

    async def checkpoint(self) -> int:
        """The position up to which the log is in the ledger; 0 before the first."""
        return int(await self._reading.fetchval("SELECT coalesce(max(position), 0) FROM checkpoint"))

    async def series_ids(self, tenant: str, keys: Sequence[str]) -> Mapping[str, int]:
        """The ledger's numbers of those series that exist."""
        query = "SELECT key, series_id FROM series WHERE tenant = $1 AND key = ANY($2::text[])"
        return {row["key"]: row["series_id"] for row in await self._reading.fetch(query, tenant, keys)}

    async def series_keys(self, ids: Sequence[int]) -> Mapping[int, str]:
        """The keys of series by number."""
        rows = await self._reading.fetch("SELECT series_id, key FROM series WHERE series_id = ANY($1::integer[])", ids)
        return {row["series_id"]: row["key"] for row in rows}

    async def watermarks(self, ids: Int32) -> Int64:
        """The newest time (µs since 1970 UTC) that the ledger has of each series; NEVER_US where none."""
        rows = await self._reading.fetch(_WATERMARKS, ids.tolist())
        found = {row["series_id"]: row["at_us"] for row in rows}
        return np.array([NEVER_US if found[i] is None else found[i] for i in ids.tolist()], np.int64)

    async def known(self, rows: Rows, places: Int64) -> Known:
        """What the ledger holds at those rows (places in `rows`): their newest revisions, staged and compared there."""
        staged = encode(
            {
                "place": places.astype(np.int32),
                "series_id": rows.series_id[places],
                "at": rows.time_us[places] - POSTGRES_EPOCH_US,
            },
            places.size,
        )
        data = bytearray()

        async def collect(chunk: bytes) -> None:
            data.extend(chunk)

        async with self._reading.transaction():
            await self._reading.copy_to_table("staged", source=_stream([staged]), format="binary")
            await self._reading.copy_from_query(_KNOWN, output=collect, format="binary")
        found = decode(bytes(data), (("place", "i4"), ("revision", "i4"), ("value", "f8"), ("quality", "i2")))
        return Known(
            found["place"].astype(np.int64),
            found["revision"].astype(np.int32),
            found["value"].astype(np.float64),
            found["quality"].astype(np.int8),
        )

    async def ensure_months(self, time_us: Int64) -> None:
        """Makes the partitions of these times. Where one cannot be made now, its rows go to the default partition."""
        numbers = np.unique(time_us.astype("datetime64[us]").astype("datetime64[M]"))
        for month in numbers.astype("datetime64[D]").tolist():
            if month in self._months:
                continue
            try:
                await self._reading.fetchval("SELECT ensure_month($1)", month)
            except asyncpg.LockNotAvailableError:
                log.warning("the month's partition waits for a long reader", month=month.isoformat())
                continue
            self._months.add(month)

    async def skip(self, checkpoint: int) -> None:
        """Moves the checkpoint past messages that hold nothing to store."""
        await self._writing.execute("INSERT INTO checkpoint (position) VALUES ($1)", checkpoint)

    async def write(
        self,
        rows: Rows,
        revision: Int32,
        tenants: Mapping[int, str],
        received_us: Int64,
        positions: Int64,
        *,
        books: Sequence[tuple[Any, ...]],
        receipts: Sequence[tuple[Any, ...]],
        quarantine: Sequence[tuple[Any, ...]],
        events: Sequence[Event],
        checkpoint: int,
    ) -> None:
        """Stores everything and the checkpoint, or nothing. `tenants` is by message, and so are the two arrays."""
        connection = self._writing
        async with connection.transaction():
            await connection.execute("INSERT INTO checkpoint (position) VALUES ($1)", checkpoint)
            if len(rows):
                bodies = list(_bodies(rows, revision, tenants, received_us, positions))
                await connection.copy_to_table(
                    "observation", source=_stream(bodies), columns=_COLUMNS, format="binary", schema_name=SCHEMA
                )
            for statement, values in ((_BOOK, books), (_RECEIPT, receipts), (_QUARANTINE, quarantine)):
                if values:
                    await connection.executemany(statement, values)
            if events:
                outgoing = [(e["event_id"], e["subject"], e["headers"], e["data"]) for e in outbox_rows(events)]
                await connection.executemany(_OUTBOX, outgoing)
                await connection.execute("SELECT pg_notify($1, '')", f"outbox_{SCHEMA}")


def _bodies(
    rows: Rows, revision: Int32, tenants: Mapping[int, str], received_us: Int64, positions: Int64
) -> Iterable[np.ndarray[Any, Any]]:
    """A COPY body for each tenant, its rows in the order of the ledger's key: a tenant's name has a fixed width."""
    names = sorted(set(tenants.values()))
    for name in names:
        if len(names) == 1:
            mine, numbers = rows, revision
        else:
            is_mine = np.array([tenants[n] == name for n in range(len(tenants))], np.bool_)[rows.message]
            mine, numbers = rows.take(is_mine), revision[is_mine]
        yield encode(
            {
                "series_id": mine.series_id,
                "tenant": name.encode(),
                "at": mine.time_us - POSTGRES_EPOCH_US,
                "revision": numbers,
                "value": mine.value,
                "quality": mine.quality.astype(np.int16),
                "received_at": received_us[mine.message] - POSTGRES_EPOCH_US,
                "position": positions[mine.message],
            },
            len(mine),
        )


async def _stream(bodies: Sequence[np.ndarray[Any, Any]]) -> AsyncIterator[bytes]:
    for chunk in chunks(bodies):
        yield chunk


async def _connect(url: str, name: str) -> asyncpg.Connection[Any]:
    url = url.replace("postgresql+asyncpg://", "postgresql://")
    return await asyncpg.connect(
        url, server_settings={"search_path": SCHEMA, "application_name": name}, timeout=5, command_timeout=60
    )
