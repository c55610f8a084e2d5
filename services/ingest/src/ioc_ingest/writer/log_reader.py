"""The log from a position on, in order and without a hole. The place to go on from is the ledger's own checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from ioc_ingest.observation_log import STREAM
from ioc_kit.bus import Bus, GroupPull

log = structlog.get_logger()
_AT_ONCE = 32
"""Messages asked for at a time: of a megabyte each at most, they are what the writer holds in memory unread."""
_QUEUED = 2
_INACTIVE_SECONDS = 90.0
"""When the server forgets the consumer of a writer that died. Longer than an open request lasts."""
GROUP_BYTES = 6 * 1024 * 1024
"""A group closes at this size: it bounds the writer's memory (about five times as much) and a transaction's length."""


class LogGap(Exception):
    """A message is missing in what was delivered: read again from the checkpoint."""


class LogWasReset(RuntimeError):
    """The log is another than the ledger was written from."""


class LogReader:
    """Reads ahead while the writer writes. Use as an async context manager; iterate `groups`.

    No acknowledgements: the checkpoint commits with the rows, so what was delivered and not written comes again.
    """

    def __init__(self, bus: Bus, after: int) -> None:
        self._bus = bus
        self._after = after
        self._name = ""
        self._delivered = 0
        self._queue: asyncio.Queue[list[Msg]] = asyncio.Queue(_QUEUED)

    async def __aenter__(self) -> LogReader:
        """Raises LogWasReset when the ledger is ahead of the log: positions would be given out twice."""
        state = (await self._bus.jetstream.stream_info(STREAM)).state
        if state.last_seq < self._after:
            raise LogWasReset(
                f"the ledger was written up to position {self._after}, but the stream {STREAM} ends at "
                f"{state.last_seq}: it was emptied or made anew. Restore it, or start with an empty ledger."
            )
        if state.first_seq > self._after + 1 and state.messages:
            log.error("the log no longer has what follows the checkpoint", after=self._after, first=state.first_seq)
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._after + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=_INACTIVE_SECONDS,
            mem_storage=True,
        )
        self._name = (await self._bus.jetstream.add_consumer(STREAM, config)).name
        self._task = asyncio.ensure_future(self._fetch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def groups(self) -> AsyncIterator[Sequence[Msg]]:
        """Messages in order; each group what has come, up to GROUP_BYTES. Raises LogGap, ConsumerGone, NatsError."""
        while True:
            group = await self._next()
            size = sum(len(message.data) for message in group)
            while size < GROUP_BYTES and not self._queue.empty():
                more = self._queue.get_nowait()
                size += sum(len(message.data) for message in more)
                group += more
            yield group

    async def _next(self) -> list[Msg]:
        getting = asyncio.ensure_future(self._queue.get())
        await asyncio.wait([getting, self._task], return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        getting.cancel()
        self._task.result()
        raise LogGap("the reading of the log ended")

    async def _fetch(self) -> None:
        async with GroupPull(self._bus.client, STREAM, self._name, _AT_ONCE) as pull:
            while True:
                messages = await pull.next_group()
                for message in messages:
                    self._delivered += 1
                    if message.metadata.sequence.consumer != self._delivered:
                        raise LogGap(f"delivery {self._delivered} is missing")
                await self._queue.put(messages)
