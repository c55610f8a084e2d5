"""What came from devices: counted in memory, added to the table from time to time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import text

from ioc_ingest.domain.device import DeviceStatus
from ioc_ingest.domain.refusal import Text
from ioc_kit.errors import Unavailable
from ioc_kit.sql import Database
from ioc_kit.tenancy import Tenancy, background

log = structlog.get_logger()
_FLUSH_SECONDS = 1.0
_STATUSES = text(
    """
    SELECT d.device_id, d.tenant, s.last_seen_at, coalesce(s.messages, 0) AS messages,
           coalesce(s.refused, 0) AS refused, coalesce(s.last_refusal_vi, '') AS last_refusal_vi,
           coalesce(s.last_refusal_en, '') AS last_refusal_en
    FROM device AS d LEFT JOIN device_status AS s USING (device_id)
    WHERE d.device_id > :after ORDER BY d.device_id LIMIT :limit
    """
)
_ADD = text(
    """
    INSERT INTO device_status AS s (device_id, tenant, last_seen_at, messages, refused, last_refusal_vi,
                                    last_refusal_en)
    VALUES (:device_id, :tenant, :last_seen_at, :messages, :refused, :last_refusal_vi, :last_refusal_en)
    ON CONFLICT (device_id) DO UPDATE
    SET tenant = excluded.tenant, messages = s.messages + excluded.messages, refused = s.refused + excluded.refused,
        last_seen_at = coalesce(greatest(s.last_seen_at, excluded.last_seen_at), s.last_seen_at),
        last_refusal_vi = coalesce(nullif(excluded.last_refusal_vi, ''), s.last_refusal_vi),
        last_refusal_en = coalesce(nullif(excluded.last_refusal_en, ''), s.last_refusal_en)
    """
)


_NO_REFUSAL = Text("", "")


@dataclass(slots=True)
class _Count:
    tenant: str
    last_seen_at: datetime | None = None
    messages: int = 0
    refused: int = 0
    refusal: Text = _NO_REFUSAL


class SqlDeviceBook:
    """Implements `DeviceBook`. The counts are for people: those of the last second may be lost with the process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: dict[str, _Count] = {}

    def took(self, tenant: str, device_id: str, at: datetime) -> None:
        """Counts a message that was taken, whole or in part."""
        count = self._counts.setdefault(device_id, _Count(tenant))
        count.messages += 1
        count.last_seen_at = max(at, count.last_seen_at or at)

    def refused(self, tenant: str, device_id: str, why: Text) -> None:
        """Counts a message that was refused, as a whole or in part."""
        count = self._counts.setdefault(device_id, _Count(tenant))
        count.refused += 1
        count.refusal = why

    async def statuses(self, tenancy: Tenancy, *, after: str, limit: int) -> Sequence[DeviceStatus]:
        async with self._database.transaction(tenancy) as transaction:
            rows = (await transaction.session.execute(_STATUSES, {"after": after, "limit": limit})).all()
        return [DeviceStatus(*row) for row in rows]

    async def flush(self) -> None:
        """Adds what was counted to the table. Raises Unavailable, and then keeps the counts."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        rows = [
            {
                "device_id": device_id,
                "tenant": count.tenant,
                "last_seen_at": count.last_seen_at,
                "messages": count.messages,
                "refused": count.refused,
                "last_refusal_vi": count.refusal.vi,
                "last_refusal_en": count.refusal.en,
            }
            for device_id, count in sorted(counts.items())
        ]
        try:
            async with self._database.transaction(background("")) as transaction:
                await transaction.session.execute(_ADD, rows)
        except Unavailable:
            for device_id, count in counts.items():
                newer = self._counts.get(device_id, _Count(count.tenant))
                count.messages, count.refused = count.messages + newer.messages, count.refused + newer.refused
                count.last_seen_at = newer.last_seen_at or count.last_seen_at
                count.refusal = newer.refusal if newer.refusal.vi else count.refusal
                self._counts[device_id] = count
            raise

    async def run(self) -> None:
        """Flushes until cancelled; a lost database is waited out."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            try:
                await self.flush()
            except Unavailable as error:
                log.warning("device counts wait", problem=error.message)
