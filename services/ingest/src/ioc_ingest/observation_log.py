"""The durable log between the doors and the ledger: the JetStream stream OBSERVATIONS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta

import structlog
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, PubAck

from ioc_ingest.domain.balance import BookRow, start_of_hour
from ioc_ingest.domain.batch import AcceptedBatch
from ioc_ingest.events import accepted_events, read_header
from ioc_ingest.ports import Appended
from ioc_kit.bus import Bus, ConsumerGone, GroupPull, StreamSpec
from ioc_kit.bus.envelope import from_message
from ioc_kit.errors import Unavailable

log = structlog.get_logger()
STREAM = "OBSERVATIONS"
SUBJECT = "ioc.*.ingest.v1.batch.accepted"
_ACK_SECONDS = 10.0
_BACKLOG_MESSAGES = 20_000
"""More than this many messages behind, the books say what was read of the backlog only: the writer has stopped."""


def stream_spec(max_age: timedelta, max_bytes: int) -> StreamSpec:
    """The stream as ingest declares it. The duplicate window covers a sender that repeats after a broken connection."""
    return StreamSpec(STREAM, (SUBJECT,), max_age=max_age, max_bytes=max_bytes, duplicate_window=timedelta(minutes=10))


class JetStreamLog:
    """Implements `ObservationLog`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def append(self, batch: AcceptedBatch) -> Awaitable[Appended]:
        events = accepted_events(batch, self._bus.client.max_payload)
        try:
            answers = [
                await self._bus.jetstream.publish_async(
                    event.subject, event.data, wait_stall=_ACK_SECONDS, stream=STREAM, headers=dict(event.headers)
                )
                for event in events
            ]
        except (NatsError, OSError, TimeoutError) as error:
            raise _away(error) from error
        return self._appended(answers)

    async def _appended(self, answers: Sequence[asyncio.Future[PubAck]]) -> Appended:
        try:
            async with asyncio.timeout(_ACK_SECONDS):
                acks = await asyncio.gather(*answers)
            repeated = [ack for ack in acks if ack.duplicate]
            if not repeated:
                return Appended(acks[-1].seq)
            # Part of it may be new, when its sender or this door died half-way the first time.
            stored = await self._bus.jetstream.get_msg(STREAM, repeated[0].seq)
            header = read_header(stored.headers or {})
        except (NatsError, OSError, TimeoutError) as error:
            raise _away(error) from error
        return Appended(acks[-1].seq, is_duplicate=True, content_sha256=header.content_sha256)

    async def backlog(self, after: int) -> Sequence[BookRow]:
        """Reads the headers of what lies in the log after a position. Raises Unavailable."""
        jetstream = self._bus.jetstream
        try:
            state = (await jetstream.stream_info(STREAM)).state
            if state.last_seq <= after:
                return []
            config = ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=max(after + 1, 1),
                ack_policy=AckPolicy.NONE,
                headers_only=True,
                inactive_threshold=30.0,
                mem_storage=True,
            )
            consumer = await jetstream.add_consumer(STREAM, config)
            async with asyncio.timeout(_ACK_SECONDS), GroupPull(self._bus.client, STREAM, consumer.name, 500) as pull:
                rows = await self._read(pull, min(state.last_seq - after, _BACKLOG_MESSAGES), state.last_seq)
            await jetstream.delete_consumer(STREAM, consumer.name)
            return rows
        except (NatsError, OSError, TimeoutError, ConsumerGone) as error:
            raise _away(error) from error

    async def _read(self, pull: GroupPull, count: int, last: int) -> list[BookRow]:
        rows: list[BookRow] = []
        position = 0
        while len(rows) < count and position < last:
            for message in await pull.next_group():
                position = message.metadata.sequence.stream
                event = from_message(message.subject, b"", message.headers, position)
                header = read_header(event.headers)
                rows.append(
                    BookRow(
                        tenant=event.tenant,
                        source=header.source,
                        door=header.door,
                        hour=start_of_hour(event.time),
                        received=header.received,
                        accepted=header.accepted,
                        quarantined=header.quarantined,
                        pending=header.accepted,
                    )
                )
        return rows


def _away(error: BaseException) -> Unavailable:
    return Unavailable(f"the log does not take readings now: {error or type(error).__name__}")
