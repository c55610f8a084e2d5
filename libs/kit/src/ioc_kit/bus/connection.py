"""One connection to NATS: declares the streams a service owns, publishes durably, says when it is away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import nats
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from ioc_kit.bus.envelope import Event
from ioc_kit.errors import Unavailable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """A stream that a service owns. `max_bytes` 0 means no limit of its own; a full stream refuses, never drops."""

    name: str
    subjects: tuple[str, ...]
    max_age: timedelta = timedelta(days=7)
    max_bytes: int = 0
    duplicate_window: timedelta = timedelta(minutes=2)


DEAD_LETTERS = StreamSpec("DEADLETTERS", ("dead.>",), max_age=timedelta(days=30))
"""What no consumer could use, with the reason: shared by all services, so every one of them declares it."""


class Bus:
    """A connected NATS client with JetStream. Made by `connect`, closed by `close` (which drains)."""

    def __init__(self, client: Client, replicas: int) -> None:
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream(timeout=5.0, publish_async_max_pending=4096)
        self._replicas = replicas

    @classmethod
    async def connect(cls, url: str, user: str, password: str, *, name: str, replicas: int = 1) -> Bus:
        """Connects once, quickly; afterwards reconnects for ever. Raises Unavailable when the first try fails."""

        async def on_error(error: Exception) -> None:
            log.warning("nats", problem=str(error) or type(error).__name__)

        async def on_disconnected() -> None:
            log.warning("nats is away; reconnecting")

        async def on_reconnected() -> None:
            log.info("nats is back")

        options: dict[str, Any] = {"user": user, "password": password} if user else {}
        try:
            client = await nats.connect(
                url,
                name=name,
                error_cb=on_error,
                disconnected_cb=on_disconnected,
                reconnected_cb=on_reconnected,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.5,
                connect_timeout=5,
                ping_interval=10,
                max_outstanding_pings=3,
                **options,
            )
        except (NatsError, OSError, TimeoutError) as error:
            raise Unavailable(f"NATS does not answer: {error or type(error).__name__}") from error
        return cls(client, replicas)

    @property
    def is_connected(self) -> bool:
        """True while the connection stands."""
        return bool(self.client.is_connected)

    async def close(self) -> None:
        """Sends what is pending, then closes."""
        if self.client.is_connected:
            await self.client.drain()
        else:
            await self.client.close()

    async def declare(self, streams: Sequence[StreamSpec]) -> None:
        """Makes the streams and the dead letters', or brings them to the spec; what is stored in them stays."""
        for spec in (*streams, DEAD_LETTERS):
            config = StreamConfig(
                name=spec.name,
                subjects=list(spec.subjects),
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                max_age=spec.max_age.total_seconds(),
                max_bytes=spec.max_bytes or -1,
                num_replicas=self._replicas,
                duplicate_window=spec.duplicate_window.total_seconds(),
            )
            try:
                await self.jetstream.stream_info(spec.name)
            except NotFoundError:
                await self.jetstream.add_stream(config)
            else:
                await self.jetstream.update_stream(config)

    async def publish(self, event: Event) -> int:
        """Publishes and waits until the stream has it durably. Returns the position; raises Unavailable otherwise."""
        try:
            ack = await self.jetstream.publish(event.subject, event.data, headers=dict(event.headers), timeout=5.0)
        except (NatsError, OSError, TimeoutError) as error:
            raise Unavailable(f"the log does not take {event.subject}: {error or type(error).__name__}") from error
        return ack.seq
