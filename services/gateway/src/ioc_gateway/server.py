"""Serves the gateway in this process, and ends it in order: streams first, requests next, connections last."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

import structlog

from ioc_gateway.app import build
from ioc_gateway.listener import BoundServer
from ioc_gateway.settings import Settings
from ioc_kit.errors import IocError
from ioc_kit.telemetry import configure_tracing

log = structlog.get_logger()


async def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT."""
    provider = configure_tracing("gateway")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        if provider is not None:
            stack.callback(provider.shutdown)
        try:
            host, _, port = settings.http_listen.rpartition(":")
            app, parts = await build(settings, stack)
            server = BoundServer(app, host, int(port))
        except (IocError, OSError) as error:
            log.error("cannot start", problem=str(error))
            sys.exit(f"gateway stopped: {error}")
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        running = asyncio.ensure_future(server.serve())
        background = asyncio.ensure_future(parts.run())
        stop = asyncio.ensure_future(stopping.wait())
        log.info("serving", address=settings.http_listen)
        await asyncio.wait([running, background, stop], return_when=asyncio.FIRST_COMPLETED)
        # granian waits for open responses: a stream of events would hold it for ever, so those end first.
        await parts.drain(settings.drain_seconds / 2)
        server.stop()  # type: ignore[no-untyped-call]
        stop.cancel()
        await end(background)
        _, pending = await asyncio.wait([running], timeout=settings.drain_seconds / 2)
        if pending:
            # A client that does not read what it asked for holds its connection; it does not hold the process.
            log.warning("connections are cut off", after_s=settings.drain_seconds)
            running.cancel()
        results = await asyncio.gather(running, background, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            log.error("ended by a failure", exc_info=result)
            sys.exit(1)
    log.info("stopped")


async def end(task: asyncio.Future[None]) -> None:
    """Cancels until it is done: Python 3.11's `wait_for`, which NATS's client uses, can swallow a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1.0)
