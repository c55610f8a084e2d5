"""The books, the recount of the ledger, and the quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, text

from ioc_ingest.domain.balance import BookRow, Recount
from ioc_ingest.domain.observation import QuarantineItem
from ioc_kit.sql import Database
from ioc_kit.tenancy import Tenancy

_POSITION = text("SELECT coalesce(max(position), 0) FROM checkpoint")
_BOOKS = text(
    """
    SELECT tenant, source, door, hour, sum(received) AS received, sum(accepted) AS accepted,
           sum(quarantined) AS quarantined, sum(stored) AS stored, sum(duplicate) AS duplicate,
           sum(quarantined_late) AS quarantined_late
    FROM book WHERE hour >= :start AND hour < :end AND position <= :position AND (:source = '' OR source = :source)
    GROUP BY tenant, source, door, hour
    """
)
_RECOUNT = text(
    """
    SELECT count(*) AS ledger_rows,
           count(*) FILTER (WHERE value = before_value AND quality = before_quality) AS repeated_rows,
           (SELECT coalesce(sum(stored), 0) FROM book) AS booked_rows
    FROM (
        SELECT value, quality, lag(value) OVER key AS before_value, lag(quality) OVER key AS before_quality
        FROM observation WINDOW key AS (PARTITION BY series_id, at ORDER BY revision)
    ) AS o
    """
)
_ITEM_COLUMNS = """position, ordinal, tenant, source, door, origin, received_at, row_number, field, rule, reason_vi,
    reason_en, remedy_vi, remedy_en, original, original_bytes, trace_id"""
_ITEM = text(f"SELECT {_ITEM_COLUMNS} FROM quarantine WHERE position = :position AND ordinal = :ordinal")  # noqa: S608
_ITEMS = text(
    f"""
    SELECT {_ITEM_COLUMNS} FROM quarantine
    WHERE (position, ordinal) < (:position, :ordinal) AND (:source = '' OR source = :source)
      AND (:door = '' OR door = :door) AND (:rule = '' OR rule = :rule)
    ORDER BY position DESC, ordinal DESC LIMIT :limit
    """  # noqa: S608  # constants
)


class SqlBooks:
    """Implements the half of `LedgerReader` that is about books and quarantine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def books(
        self, tenancy: Tenancy, *, start: datetime, end: datetime, source: str
    ) -> tuple[Sequence[BookRow], int]:
        async with self._database.transaction(tenancy) as transaction:
            position = int((await transaction.session.execute(_POSITION)).scalar_one())
            values = {"start": start, "end": end, "source": source, "position": position}
            rows = (await transaction.session.execute(_BOOKS, values)).all()
        books = [
            BookRow(
                tenant=row.tenant,
                source=row.source,
                door=row.door,
                hour=row.hour,
                received=int(row.received),
                accepted=int(row.accepted),
                quarantined=int(row.quarantined),
                stored=int(row.stored),
                duplicate=int(row.duplicate),
                quarantined_late=int(row.quarantined_late),
            )
            for row in rows
        ]
        return books, position

    async def recount(self, tenancy: Tenancy) -> Recount:
        async with self._database.transaction(tenancy) as transaction:
            row = (await transaction.session.execute(_RECOUNT)).one()
        return Recount(row.ledger_rows, int(row.booked_rows), row.repeated_rows)

    async def quarantine_item(self, tenancy: Tenancy, position: int, ordinal: int) -> QuarantineItem | None:
        async with self._database.transaction(tenancy) as transaction:
            found = await transaction.session.execute(_ITEM, {"position": position, "ordinal": ordinal})
            row = found.first()
        return _item(row) if row is not None else None

    async def quarantine_items(
        self, tenancy: Tenancy, *, source: str, door: str, rule: str, after: tuple[int, int] | None, limit: int
    ) -> Sequence[QuarantineItem]:
        position, ordinal = after or (2**63 - 1, 2**31 - 1)
        values = {
            "position": position,
            "ordinal": ordinal,
            "source": source,
            "door": door,
            "rule": rule,
            "limit": limit,
        }
        async with self._database.transaction(tenancy) as transaction:
            rows = (await transaction.session.execute(_ITEMS, values)).all()
        return [_item(row) for row in rows]


def _item(row: Row[tuple[object, ...]]) -> QuarantineItem:
    return QuarantineItem(
        position=row.position,
        ordinal=row.ordinal,
        tenant=row.tenant,
        source=row.source,
        door=row.door,
        origin=row.origin,
        received_at=row.received_at,
        row=row.row_number,
        field=row.field,
        rule=row.rule,
        reason_vi=row.reason_vi,
        reason_en=row.reason_en,
        remedy_vi=row.remedy_vi,
        remedy_en=row.remedy_en,
        original=bytes(row.original),
        original_bytes=row.original_bytes,
        trace_id=row.trace_id,
    )
