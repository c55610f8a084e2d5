"""The consuming loop: pull, handle, acknowledge; by error kind repeat later or set aside as a dead letter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import stamina
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from opentelemetry import trace

from ioc_kit.bus.connection import Bus
from ioc_kit.bus.envelope import Event, from_message
from ioc_kit.bus.pull import ConsumerGone, GroupPull
from ioc_kit.errors import IocError
from ioc_kit.telemetry import consumer_span

log = structlog.get_logger()
tracer = trace.get_tracer(__name__)
BACKOFF_SECONDS = (0.2, 1.0, 5.0, 15.0, 60.0)
"""Waits between deliveries of one message whose failure may pass; after the last one it is a dead letter."""


class DeadLetter(Exception):
    """Raised by a handler for a message that can never be used; the text is the reason that is kept."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a consumer reads: a stream that another service may own, a durable name, subjects within the stream."""

    stream: str
    durable: str
    subjects: tuple[str, ...]
    batch: int = 64
    ack_wait_seconds: float = 30.0


class Consumer:
    """Feeds events to a handler, one at a time and in order, for as long as `run` runs.

    The handler must be idempotent (`Transaction.once`): a message comes again when its acknowledgement was lost.
    """

    def __init__(self, bus: Bus, subscription: Subscription, handle: Callable[[Event], Awaitable[None]]) -> None:
        self._bus = bus
        self._subscription = subscription
        self._handle = handle
        self.is_bound = False
        """True once the stream was found and the durable stands: a service is ready when all its consumers are."""

    async def run(self) -> None:
        """Waits for the stream, then consumes until cancelled. A lost connection is waited out."""
        subscription = self._subscription
        while True:
            await self._bind()
            try:
                async with GroupPull(
                    self._bus.client, subscription.stream, subscription.durable, subscription.batch
                ) as pull:
                    while True:
                        await self._take(await pull.next_group())
            except ConsumerGone:
                self.is_bound = False
            except (NatsError, OSError, TimeoutError) as error:
                log.warning("cannot read", stream=subscription.stream, problem=str(error) or type(error).__name__)
                await asyncio.sleep(0.5)

    async def _bind(self) -> None:
        subscription = self._subscription
        config = ConsumerConfig(
            durable_name=subscription.durable,
            filter_subjects=list(subscription.subjects),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=subscription.ack_wait_seconds,
            deliver_policy=DeliverPolicy.ALL,
            max_ack_pending=max(subscription.batch * 4, 256),
        )
        # The stream is its owner's to make; until the owner has started there is nothing to read.
        async for attempt in stamina.retry_context(
            on=(NatsError, OSError, TimeoutError),
            attempts=None,
            timeout=None,
            wait_initial=0.1,
            wait_max=1.0,
            wait_jitter=0.1,
        ):
            with attempt:
                await self._bus.jetstream.add_consumer(subscription.stream, config)
        self.is_bound = True

    async def _take(self, messages: Sequence[Msg]) -> None:
        for index, message in enumerate(messages):
            await self._deliver(message, messages[index + 1 :])

    async def _deliver(self, message: Msg, behind: Sequence[Msg]) -> None:
        """Handles one message to its end. What stands behind it waits: order matters within a consumer."""
        position = message.metadata.sequence.stream
        # Deliveries before this one ended with their process: a message that kills it must not do so for ever.
        tries = (message.metadata.num_delivered or 1) - 1
        while True:
            tries += 1
            try:
                event = from_message(message.subject, message.data, message.headers, position)
                with consumer_span(tracer, f"{self._subscription.durable} process", event.headers):
                    await self._handle(event)
            except (asyncio.CancelledError, KeyboardInterrupt):
                raise
            except Exception as error:  # each ends in a repeat or a dead letter, never in a lost message
                is_final = isinstance(error, DeadLetter) or (isinstance(error, IocError) and not error.is_retryable)
                if is_final or tries > len(BACKOFF_SECONDS):
                    log.error("dead letter", subject=message.subject, tries=tries, exc_info=error)
                    await self._set_aside(message, error)
                    return
                delay = BACKOFF_SECONDS[tries - 1]
                log.warning("will try again", subject=message.subject, tries=tries, delay_s=delay, exc_info=error)
                await self._wait(delay, [message, *behind])
            else:
                await message.ack()
                return

    async def _wait(self, seconds: float, messages: Sequence[Msg]) -> None:
        """Waits, and tells the server meanwhile that the messages are still in hand."""
        step = self._subscription.ack_wait_seconds / 3
        while seconds > 0:
            for message in messages:
                await message.in_progress()
            await asyncio.sleep(min(seconds, step))
            seconds -= step

    async def _set_aside(self, message: Msg, error: Exception) -> None:
        subscription = self._subscription
        position = message.metadata.sequence.stream
        headers = {key: value for key, value in (message.headers or {}).items() if key.lower() != "nats-msg-id"}
        headers |= {
            "Nats-Msg-Id": f"dead-{subscription.durable}-{subscription.stream}-{position}",
            "ioc-dead-reason": f"{type(error).__name__}: {error}".replace("\r", " ").replace("\n", " ")[:1000],
            "ioc-dead-subject": message.subject,
            "ioc-dead-consumer": subscription.durable,
            "ioc-dead-position": str(position),
        }
        subject = f"dead.{subscription.stream}.{subscription.durable}"
        await self._bus.jetstream.publish(subject, message.data, headers=headers, timeout=5.0)
        await message.ack()
