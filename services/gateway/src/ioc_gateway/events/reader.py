"""Reads a stream of the log in order from a position on, without acknowledgements and without a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy

from ioc_kit.bus import Bus

log = structlog.get_logger()
HEARTBEAT_SECONDS = 2.0
SILENCE_SECONDS = 7.0
"""Without a message or heartbeat for so long the consumer is held to be lost, and made again where it stopped."""
_FORGET_SECONDS = 30.0


class Broken(Exception):
    """The consumer is gone, or messages were missed: read again from the last one seen."""


class TooMany(Exception):
    """More messages are waiting than may be read again: begin from now."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """First and last position that a stream holds; first is last + 1 when it is empty."""

    first: int
    last: int


async def bounds(bus: Bus, stream: str) -> Bounds:
    """What the stream holds now. Raises NatsError when it is not there or the log does not answer."""
    state = (await bus.jetstream.stream_info(stream)).state
    return Bounds(state.first_seq, state.last_seq)


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of a stream; `pending` are those behind it that were there when it was sent."""

    message: Msg
    position: int
    pending: int


async def read(
    bus: Bus, stream: str, subjects: tuple[str, ...], *, after: int, at_most: int | None = None
) -> AsyncIterator[Entry]:
    """Entries behind position `after`: for ever, or with `at_most` the ones that are there now.

    Raises Broken or NatsError when it must begin again, TooMany when more than `at_most` are there.
    A push consumer that numbers its deliveries (as NATS's ordered consumers do): a number that is missing is a gap.
    Its replies are awaited here and not left to the client library, which does not notice a consumer that is gone.
    """
    inbox = bus.client.new_inbox()
    arrived: asyncio.Queue[Msg] = asyncio.Queue()  # flow control bounds it: the server waits for our answers
    subscription = await bus.client.subscribe(inbox, cb=arrived.put)
    try:
        info = await _consume(bus, stream, subjects, inbox, after)
        waiting = info.num_pending or 0
        if at_most is not None and waiting > at_most:
            raise TooMany(f"{waiting} messages are waiting, {at_most} may be read again")
        if at_most is not None and not waiting:
            return
        expected = 1
        while True:
            message = await _next(arrived)
            if (message.headers or {}).get("Status"):
                await _answer_control(bus, message, expected)
                continue
            numbers = message.metadata.sequence
            if numbers.consumer != expected:
                raise Broken(f"delivery {numbers.consumer} came instead of {expected}")
            expected += 1
            pending = message.metadata.num_pending or 0
            yield Entry(message, numbers.stream, pending)
            if at_most is not None and not pending:
                return
    finally:
        with suppress(NatsError, OSError):  # the connection may be gone; the server forgets the consumer by itself
            await subscription.unsubscribe()


async def _consume(bus: Bus, stream: str, subjects: tuple[str, ...], inbox: str, after: int) -> ConsumerInfo:
    return await bus.jetstream.add_consumer(
        stream,
        ConsumerConfig(
            deliver_subject=inbox,
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            filter_subjects=list(subjects),
            idle_heartbeat=HEARTBEAT_SECONDS,
            flow_control=True,
            inactive_threshold=_FORGET_SECONDS,
            max_deliver=1,
            mem_storage=True,
            num_replicas=1,
        ),
    )


async def _next(arrived: asyncio.Queue[Msg]) -> Msg:
    # Not the subscription's own `next_msg`: it stands on `wait_for`, which in Python 3.11 swallows a cancellation that
    # comes together with a message, and the reader would go on for ever.
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            return await arrived.get()
    except TimeoutError as error:
        raise Broken("the log sent nothing, not even a heartbeat") from error


async def _answer_control(bus: Bus, message: Msg, expected: int) -> None:
    """Flow control wants an answer; a heartbeat says what was sent, and so whether something is missing."""
    headers = message.headers or {}
    if message.reply:
        await bus.client.publish(message.reply)
    elif "Nats-Consumer-Stalled" in headers:
        await bus.client.publish(headers["Nats-Consumer-Stalled"])
    last = headers.get("Nats-Last-Consumer")
    if last is not None and int(last) >= expected:
        raise Broken(f"delivery {expected} was lost before {last}")
