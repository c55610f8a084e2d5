"""The one active writer: takes what the doors made durable, and stores it exactly once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack

import asyncpg
import numpy as np
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from opentelemetry import trace

from ioc_ingest.domain.columns import Bool
from ioc_ingest.domain.revision import Int32, Rows, first_of_key, judge, nothing_known
from ioc_ingest.events import quarantined_event, written_events
from ioc_ingest.store.ledger import LedgerSession
from ioc_ingest.writer.group import (
    Values,
    book_values,
    count,
    quarantine_values,
    quarantined_rows,
    receipt_values,
    strangers_items,
    written_rows,
)
from ioc_ingest.writer.log_reader import LogGap, LogReader
from ioc_ingest.writer.message import LogMessage, read_message, rows_of
from ioc_kit.bus import Bus, ConsumerGone, DeadLetter, Event
from ioc_kit.bus.envelope import from_message
from ioc_kit.clock import Clock
from ioc_kit.errors import InvalidInput
from ioc_kit.telemetry import consumer_span

log = structlog.get_logger()
tracer = trace.get_tracer(__name__)
_RETRY_SECONDS = 0.5
_UNKNOWN_US = np.iinfo(np.int64).max
_CLIENT = trace.SpanKind.CLIENT
_UNSTORABLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.UntranslatableCharacterError)
DURABLE = "ledger-writer"
"""The name under which dead letters of the log are set aside."""


class Writer:
    """Feeds the ledger. Replicas stand by; which one is active, an advisory lock says."""

    def __init__(self, bus: Bus, writer_url: str, reader_url: str, clock: Clock, *, linger_seconds: float) -> None:
        self._bus = bus
        self._urls = (writer_url, reader_url)
        self._clock = clock
        self._linger_seconds = linger_seconds
        self.position = 0
        """Up to where this writer has come; 0 while it stands by."""

    async def run(self) -> None:
        """Writes until cancelled; a lost database or NATS is waited out. Raises LogWasReset."""
        while True:
            try:
                session = await LedgerSession.open(*self._urls)
            except (OSError, TimeoutError, asyncpg.PostgresError) as error:
                log.warning("the writer cannot connect", problem=str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            try:
                await self._active(session)
            except (
                OSError,
                TimeoutError,
                NatsError,
                LogGap,
                ConsumerGone,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
            ) as error:
                log.warning("the writer starts again", problem=str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                self.position = 0
                session.close()

    async def _active(self, session: LedgerSession) -> None:
        self.position = await session.checkpoint()
        log.info("this writer is active", after=self.position)
        turn = _Turn(session, self._bus, self._clock)
        async with LogReader(self._bus, self.position) as reader:
            async for messages in reader.groups():
                began = time.monotonic()
                self.position = await turn.take(messages)
                # Small groups wait a moment for company: one transaction and one fsync for all of them.
                if (spare := self._linger_seconds - (time.monotonic() - began)) > 0:
                    await asyncio.sleep(spare)


class _Turn:
    """One time of being active: what is known of series and watermarks holds as long as nobody else writes."""

    def __init__(self, session: LedgerSession, bus: Bus, clock: Clock) -> None:
        self._session = session
        self._bus = bus
        self._clock = clock
        self._ids: dict[str, dict[str, int]] = {}
        self._keys: dict[int, str] = {}
        self._watermark = np.full(1024, _UNKNOWN_US, np.int64)

    async def take(self, delivered: Sequence[Msg]) -> int:
        """Stores the messages and returns the new checkpoint. What cannot be stored is set aside as a dead letter."""
        last = delivered[-1].metadata.sequence.stream
        messages = []
        for each in delivered:
            try:
                event = from_message(each.subject, each.data, each.headers, each.metadata.sequence.stream)
                messages.append(read_message(event))
            except (InvalidInput, DeadLetter) as error:
                await self._set_aside(each, error)
        try:
            await self._store(messages, last)
        except (
            asyncpg.DataError,
            asyncpg.IntegrityConstraintViolationError,
            asyncpg.UntranslatableCharacterError,
        ) as error:
            if len(delivered) > 1:
                # One of them cannot be stored: alone it shows which, and the others are not held up.
                for each in delivered:
                    await self.take([each])
                return last
            await self._set_aside(delivered[0], error)
            await self._store([], last)
        return last

    async def _store(self, messages: Sequence[LogMessage], checkpoint: int) -> None:
        if not messages:
            await self._session.skip(checkpoint)
            return
        with ExitStack() as stack:
            headers = [message.headers for message in messages]
            spans = [stack.enter_context(consumer_span(tracer, "ledger write", each)) for each in headers[1:]]
            # Entered last, so that it is the current one: the statements are its children, with links to the others.
            first = consumer_span(tracer, "ledger write", headers[0], others=tuple(headers[1:65]))
            spans.insert(0, stack.enter_context(first))
            await self._store_traced(messages, spans, checkpoint)

    async def _store_traced(self, messages: Sequence[LogMessage], spans: Sequence[trace.Span], checkpoint: int) -> None:
        await self._learn_series(messages)
        everything = rows_of(messages, self._ids)
        is_known = everything.series_id >= 0
        strangers = everything.take(~is_known)
        rows = (everything if bool(is_known.all()) else everything.take(is_known)).sorted()
        is_fresh = await self._fresh(rows)
        known = nothing_known()
        if not bool(is_fresh.all()):
            places = np.flatnonzero(first_of_key(rows) & ~is_fresh)
            with tracer.start_as_current_span("SELECT ingest.observation", kind=_CLIENT):
                known = await self._session.known(rows, places)
        judged = judge(rows, known)
        counts = count(len(messages), rows, judged, strangers)
        late_items = strangers_items(messages, strangers)
        written = written_rows(messages, rows, judged, self._keys)
        quarantine: list[Values] = []
        events: list[Event] = []
        now = self._clock.now()
        for number, message in enumerate(messages):
            items = [*message.quarantine, *late_items.get(number, ())]
            quarantine += quarantine_values(message, items)
            with trace.use_span(spans[number], end_on_exit=False):
                if number in written:
                    events += written_events(written[number], now)
                if items:
                    events.append(quarantined_event(quarantined_rows(message, items), now))
        stored = rows if bool(judged.is_stored.all()) else rows.take(judged.is_stored)
        await self._session.ensure_months(stored.time_us)
        with tracer.start_as_current_span("COPY ingest.observation", kind=_CLIENT) as span:
            span.set_attributes({"db.system.name": "postgresql", "db.operation.batch.size": len(stored)})
            await self._session.write(
                stored,
                judged.revision[judged.is_stored],
                {number: message.tenant for number, message in enumerate(messages)},
                np.array([message.received_us for message in messages], np.int64),
                np.array([message.position for message in messages], np.int64),
                books=book_values(messages, counts),
                receipts=receipt_values(messages),
                quarantine=quarantine,
                events=events,
                checkpoint=checkpoint,
            )
        self._advance(stored)

    async def _learn_series(self, messages: Sequence[LogMessage]) -> None:
        """Fetches the numbers of series that this writer meets for the first time."""
        wanted: dict[str, set[str]] = {}
        for message in messages:
            known = self._ids.setdefault(message.tenant, {})
            if new := [key for key in message.columns.series_keys if key not in known]:
                wanted.setdefault(message.tenant, set()).update(new)
        for tenant, keys in wanted.items():
            found = await self._session.series_ids(tenant, sorted(keys))
            self._ids[tenant].update(found)
            self._keys.update({number: key for key, number in found.items()})

    async def _fresh(self, rows: Rows) -> Bool:
        """The mask of rows newer than anything that the ledger has of their series."""
        if not len(rows):
            return np.zeros(0, np.bool_)
        highest = int(rows.series_id[-1])
        if highest >= self._watermark.size:
            grown = np.full(max(highest + 1, self._watermark.size * 2), _UNKNOWN_US, np.int64)
            grown[: self._watermark.size] = self._watermark
            self._watermark = grown
        used: Int32 = np.unique(rows.series_id)
        unknown = used[self._watermark[used] == _UNKNOWN_US]
        if unknown.size:
            self._watermark[unknown] = await self._session.watermarks(unknown)
        fresh: Bool = rows.time_us > self._watermark[rows.series_id]
        return fresh

    def _advance(self, stored: Rows) -> None:
        if len(stored):
            np.maximum.at(self._watermark, stored.series_id, stored.time_us)

    async def _set_aside(self, message: Msg, error: Exception) -> None:
        position = message.metadata.sequence.stream
        log.error("dead letter", subject=message.subject, position=position, exc_info=error)
        # What the server was told when the batch was published (its id, the stream it belongs to) holds there only.
        headers = {
            name: value for name, value in (message.headers or {}).items() if not name.lower().startswith("nats-")
        }
        headers |= {
            "Nats-Msg-Id": f"dead-{DURABLE}-OBSERVATIONS-{position}",
            "ioc-dead-reason": f"{type(error).__name__}: {error}".replace("\r", " ").replace("\n", " ")[:1000],
            "ioc-dead-subject": message.subject,
            "ioc-dead-consumer": DURABLE,
            "ioc-dead-position": str(position),
        }
        await self._bus.jetstream.publish(f"dead.OBSERVATIONS.{DURABLE}", message.data, headers=headers, timeout=5.0)
