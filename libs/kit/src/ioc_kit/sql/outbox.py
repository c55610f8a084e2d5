"""Events stored with the change that they tell of, and the relay that publishes them afterwards, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import asyncpg
import structlog
from nats.errors import Error as NatsError
from sqlalchemy import text

from ioc_kit.bus.connection import Bus
from ioc_kit.bus.envelope import Event

log = structlog.get_logger()
INSERT_OUTBOX = text(
    "INSERT INTO outbox (event_id, subject, headers, data) VALUES (:event_id, :subject, CAST(:headers AS jsonb), :data)"
)
_BATCH = 500
_POLL_SECONDS = 1.0
_RETRY_SECONDS = 0.5


def outbox_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The parameters of INSERT_OUTBOX for each event."""
    return [
        {
            "event_id": event.id,
            "subject": event.subject,
            "headers": json.dumps(dict(event.headers), ensure_ascii=False),
            "data": event.data,
        }
        for event in events
    ]


class OutboxRelay:
    """Publishes a schema's outbox. Of several replicas one relays (advisory lock); the others stand by.

    A row is deleted only after the stream has acknowledged it, so an event may be published twice: its id is its
    `Nats-Msg-Id`, and consumers take each id once.
    """

    def __init__(self, url: str, schema: str, bus: Bus) -> None:
        self._url = url.replace("postgresql+asyncpg://", "postgresql://")
        self._schema = schema
        self._bus = bus
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Relays until cancelled; a lost database or NATS is waited out."""
        while True:
            try:
                connection = await asyncpg.connect(
                    self._url, server_settings={"search_path": self._schema, "application_name": "ioc-relay"}, timeout=5
                )
            except (OSError, TimeoutError, asyncpg.PostgresError) as error:
                log.warning("the relay cannot connect", problem=str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            try:
                await self._relay(connection)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, NatsError) as error:
                log.warning("the relay starts again", problem=str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                connection.terminate()

    async def _relay(self, connection: asyncpg.Connection[Any]) -> None:
        await connection.add_listener(f"outbox_{self._schema}", lambda *_: self._wake.set())
        lock = f"outbox:{self._schema}"
        while not await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", lock):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
        while True:
            self._wake.clear()
            if not await self.publish_pending(connection):
                try:
                    # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the event.
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def publish_pending(self, connection: asyncpg.Connection[Any]) -> int:
        """Publishes up to one batch in order; returns how many rows went out. Raises on the first that does not."""
        rows = await connection.fetch(f"SELECT id, subject, headers, data FROM outbox ORDER BY id LIMIT {_BATCH}")  # noqa: S608
        if not rows:
            return 0
        jetstream = self._bus.jetstream
        futures = [
            await jetstream.publish_async(row["subject"], row["data"], headers=json.loads(row["headers"]))
            for row in rows
        ]
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*futures, return_exceptions=True)
        sent = [row["id"] for row, answer in zip(rows, answers, strict=True) if not isinstance(answer, BaseException)]
        if sent:
            await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", sent)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return len(sent)
