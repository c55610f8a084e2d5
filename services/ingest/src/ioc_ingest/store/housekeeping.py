"""Keeps the tables around the ledger small: past books rolled up, old checkpoints, receipts and refusals gone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import text

from ioc_ingest.domain.balance import start_of_hour
from ioc_kit.clock import Clock
from ioc_kit.errors import Unavailable
from ioc_kit.sql import Database
from ioc_kit.tenancy import background

log = structlog.get_logger()
_EVERY_SECONDS = 600.0
_ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(hashtextextended('ingest:housekeeping', 0))")
# Sums stay the same before and after, and the greatest position stands for all that it sums.
_ROLL_UP = text(
    """
    WITH past AS (DELETE FROM book WHERE hour < :hour AND (tenant, source, door, hour) IN (
        SELECT tenant, source, door, hour FROM book WHERE hour < :hour
        GROUP BY tenant, source, door, hour HAVING count(*) > 1
    ) RETURNING *)
    INSERT INTO book (position, tenant, source, door, hour, received, accepted, quarantined, stored, duplicate,
                      quarantined_late, newest_at, received_at)
    SELECT max(position), tenant, source, door, hour, sum(received), sum(accepted), sum(quarantined), sum(stored),
           sum(duplicate), sum(quarantined_late), max(newest_at), max(received_at)
    FROM past GROUP BY tenant, source, door, hour
    """
)
_CHECKPOINTS = text("DELETE FROM checkpoint WHERE position < (SELECT max(position) FROM checkpoint)")
_RECEIPTS = text("DELETE FROM receipt WHERE received_at < :before")
_QUARANTINE = text("DELETE FROM quarantine WHERE received_at < :before")


class Housekeeping:
    """Runs every ten minutes, in one replica at a time."""

    def __init__(self, database: Database, clock: Clock, *, receipts: timedelta, quarantine: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._receipts = receipts
        self._quarantine = quarantine

    async def run(self) -> None:
        """Until cancelled; a lost database is waited out."""
        while True:
            try:
                await self.once()
            except Unavailable as error:
                log.warning("housekeeping waits", problem=error.message)
            await asyncio.sleep(_EVERY_SECONDS)

    async def once(self) -> None:
        """One round. Raises Unavailable."""
        now = self._clock.now()
        async with self._database.transaction(background("")) as transaction:
            session = transaction.session
            if not (await session.execute(_ONE_AT_A_TIME)).scalar_one():
                return
            # The writer books a batch on its hour of arrival, at most a little later: two hours are left alone.
            await session.execute(_ROLL_UP, {"hour": start_of_hour(now) - timedelta(hours=2)})
            await session.execute(_CHECKPOINTS)
            await session.execute(_RECEIPTS, {"before": now - self._receipts})
            await session.execute(_QUARANTINE, {"before": now - self._quarantine})
