"""Receipts of batches that the writer has booked."""

from __future__ import annotations

from sqlalchemy import Row, text

from ioc_ingest.domain.batch import Receipt
from ioc_kit.sql import Database
from ioc_kit.tenancy import background

_COLUMNS = """batch_id, sum(received) AS received, sum(accepted) AS accepted, sum(quarantined) AS quarantined,
              max(position) AS position, content_sha256, min(received_at) AS received_at"""
# A batch whose sending was cut off half-way has some parts only: it is not known yet, and may come again.
_FIND = text(
    f"""
    SELECT {_COLUMNS} FROM (
        SELECT DISTINCT ON (part) * FROM receipt
        WHERE tenant = :tenant AND source = :source AND batch_id = :batch_id ORDER BY part, position
    ) AS part
    GROUP BY batch_id, content_sha256, parts HAVING count(*) = parts
    """  # noqa: S608  # a constant
)
_LAST_FILE = text(
    f"""
    SELECT {_COLUMNS} FROM receipt
    WHERE tenant = :tenant AND source = :source AND door = 'file' AND batch_id = (
        SELECT batch_id FROM receipt WHERE tenant = :tenant AND source = :source AND door = 'file'
        ORDER BY position DESC LIMIT 1)
    GROUP BY batch_id, content_sha256
    """  # noqa: S608  # a constant
)
_LAST_STAMP = text(
    "SELECT coalesce(max(stamp_sequence), 0) FROM receipt WHERE tenant = :tenant AND source = :source"
    " AND stamp_sequence > 0"
)


class SqlReceipts:
    """Implements `Receipts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant: str, source: str, batch_id: str) -> Receipt | None:
        async with self._database.transaction(background(tenant)) as transaction:
            values = {"tenant": tenant, "source": source, "batch_id": batch_id}
            row = (await transaction.session.execute(_FIND, values)).first()
        return _receipt(row) if row is not None else None

    async def last_file(self, tenant: str, source: str) -> Receipt | None:
        async with self._database.transaction(background(tenant)) as transaction:
            row = (await transaction.session.execute(_LAST_FILE, {"tenant": tenant, "source": source})).first()
        return _receipt(row) if row is not None else None

    async def last_stamp(self, tenant: str, source: str) -> int:
        async with self._database.transaction(background(tenant)) as transaction:
            found = await transaction.session.execute(_LAST_STAMP, {"tenant": tenant, "source": source})
            return int(found.scalar_one())


def _receipt(row: Row[tuple[object, ...]]) -> Receipt:
    return Receipt(
        batch_id=row.batch_id,
        received=int(row.received),
        accepted=int(row.accepted),
        quarantined=int(row.quarantined),
        position=row.position,
        content_sha256=bytes(row.content_sha256),
        received_at=row.received_at,
    )
