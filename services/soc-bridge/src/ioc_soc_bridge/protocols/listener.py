"""Syslog on TCP: bounded connections, bounded frames, stored before more is read.

What was read is stored before the next bytes are taken from the socket, so a database that is away slows the sender
down by TCP's own means instead of filling memory. Syslog has no acknowledgement of its own: lines that were on their
way when a connection broke are the sender's to send again.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from ioc_kit.clock import Clock
from ioc_kit.errors import Unavailable
from ioc_kit.tenancy import Tenancy, background
from ioc_soc_bridge.domain.event import Door, Intake, Receipt
from ioc_soc_bridge.protocols.framing import Frame, FrameReader
from ioc_soc_bridge.protocols.submission import from_frames

log = structlog.get_logger()
tracer = trace.get_tracer(__name__)
_READ_BYTES = 64 * 1024
_RETRY_SECONDS = (0.2, 1.0, 5.0)
_LAST_SECONDS = 3.0
Take = Callable[[Tenancy, Intake], Awaitable[Receipt]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a listener puts up with."""

    max_frame_bytes: int = 64 * 1024
    max_connections: int = 64
    idle_seconds: float = 600.0
    frame_seconds: float = 30.0


class SyslogListener:
    """One listening port, bound to one tenant. `open` binds, `run` serves until cancelled; then all is closed."""

    def __init__(
        self, host: str, port: int, tenant: str, sensor: str, take: Take, clock: Clock, bounds: Bounds
    ) -> None:
        self._host = host
        self._port = port
        self._tenant = tenant
        self._sensor = sensor
        self._take = take
        self._clock = clock
        self._bounds = bounds
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._storing: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that was taken, known after `open` (0 takes a free one)."""
        assert self._server is not None  # noqa: S101  # `open` ran
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def is_serving(self) -> bool:
        """True while connections are taken."""
        return self._server is not None and self._server.is_serving()

    @property
    def connections(self) -> int:
        """How many senders are connected now."""
        return len(self._connections)

    async def open(self) -> None:
        """Binds. Raises RuntimeError when the port is taken."""
        try:
            self._server = await asyncio.start_server(self._accept, self._host, self._port, start_serving=False)
        except OSError as error:
            raise RuntimeError(f"cannot listen for syslog on {self._host}:{self._port}: {error.strerror}") from error

    async def run(self) -> None:
        """Serves until cancelled; then takes no new connection and ends the open ones after what they are storing."""
        assert self._server is not None  # noqa: S101  # `open` ran
        await self._server.start_serving()
        log.info("listening for syslog", host=self._host, port=self.port, tenant=self._tenant, sensor=self._sensor)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Closes the port and all connections. What was read already has a moment to be stored."""
        if self._server is not None:
            self._server.close()
        storing = list(self._storing)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if storing:
            _, late = await asyncio.wait(storing, timeout=_LAST_SECONDS)
            for task in late:
                log.error("syslog lines that were read could not be stored before the end", sensor=self._sensor)
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str((writer.get_extra_info("peername") or ["?"])[0])
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # asyncio runs this in a task of its own
        if len(self._connections) >= self._bounds.max_connections:
            log.warning("too many syslog connections; refused", peer=peer, sensor=self._sensor)
            writer.close()
            return
        self._connections.add(task)
        if (connection := writer.get_extra_info("socket")) is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            await self._serve(reader, peer)
        except (ConnectionError, TimeoutError) as error:
            log.info("syslog connection lost", peer=peer, problem=str(error) or type(error).__name__)
        except Exception as error:  # one sender's trouble must not end the listener
            log.error("syslog connection failed", peer=peer, exc_info=error)
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, peer: str) -> None:
        frames = FrameReader(self._bounds.max_frame_bytes)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._bounds.idle_seconds
        while not frames.is_broken:
            was_mid_frame = frames.is_mid_frame
            try:
                async with asyncio.timeout_at(deadline):
                    data = await reader.read(_READ_BYTES)
            except TimeoutError:
                log.info("syslog connection too slow; closed", peer=peer, mid_frame=frames.is_mid_frame)
                break
            if not data:
                break
            whole = frames.feed(data)
            if whole:
                await self._store(whole)
            if not frames.is_mid_frame:
                deadline = loop.time() + self._bounds.idle_seconds
            elif whole or not was_mid_frame:
                # A frame has begun: trickling its bytes does not buy more time.
                deadline = loop.time() + self._bounds.frame_seconds
        if rest := frames.finish():
            await self._store(rest)

    async def _store(self, frames: list[Frame]) -> None:
        intake = from_frames(frames, Door.SYSLOG, self._sensor, self._clock.now())
        attributes: dict[str, int | str] = {"messaging.batch.message_count": len(frames), "ioc.tenant": self._tenant}
        with tracer.start_as_current_span("syslog receive", kind=SpanKind.SERVER, attributes=attributes):
            task = asyncio.ensure_future(self._take_until_stored(intake))
            self._storing.add(task)
            task.add_done_callback(self._storing.discard)
            await asyncio.shield(task)

    async def _take_until_stored(self, intake: Intake) -> None:
        tries = 0
        while True:
            try:
                await self._take(background(self._tenant), intake)
            except Unavailable as error:
                wait = _RETRY_SECONDS[min(tries, len(_RETRY_SECONDS) - 1)]
                log.warning("cannot store syslog lines now", retry_s=wait, problem=str(error), sensor=self._sensor)
                tries += 1
                await asyncio.sleep(wait)
            else:
                return
