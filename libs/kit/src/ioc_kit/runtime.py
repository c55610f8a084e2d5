"""Runs a gRPC service: telemetry, start, serve, drain. A service hands over its settings and its `build`.

python -m ioc_alerts            serves until SIGTERM or SIGINT
python -m ioc_alerts migrate    brings the schema to the newest revision, then ends
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import ValidationError

from ioc_kit.bus import Consumer
from ioc_kit.errors import IocError
from ioc_kit.rpc import RpcServer
from ioc_kit.settings import ServiceSettings
from ioc_kit.telemetry import configure_logging, configure_tracing

log = structlog.get_logger()
S = TypeVar("S", bound=ServiceSettings)


@dataclass(slots=True)
class App:
    """What `build` returns: the server, and the loops that run beside it until the end (relay, consumers, jobs)."""

    server: RpcServer
    loops: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    consumers: list[Consumer] = field(default_factory=list)
    """Also run as loops; the service counts as ready once all of them are bound."""


@dataclass(frozen=True, slots=True)
class Service:
    """A deployable: its name with dashes, its schema, its migrations folder."""

    name: str
    schema: str
    migrations: Path


def main(service: Service, settings_type: type[S], build: Callable[[S, AsyncExitStack], Awaitable[App]]) -> None:
    """The whole of a service's `__main__`. Ends with status 1 and one sentence when it cannot start."""
    try:
        settings = settings_type()  # type: ignore[call-arg]  # the environment gives the fields
    except ValidationError as error:
        problems = "; ".join(f"IOC_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        sys.exit(f"{service.name} cannot start: {problems}")
    configure_logging(settings.log_level, service.name)
    try:
        if sys.argv[1:2] == ["migrate"]:
            migrate(service, settings)
        else:
            asyncio.run(_serve(service, settings, build))
    except (IocError, OSError, RuntimeError) as error:
        log.error("cannot go on", problem=str(error))
        sys.exit(f"{service.name} stopped: {error}")


def migrate(service: Service, settings: ServiceSettings) -> None:
    """Brings the service's schema to the newest revision as its owner."""
    from ioc_kit.sql.migrations import upgrade  # alembic: not needed by a serving process

    if settings.migration_database_url is None:
        raise RuntimeError("IOC_MIGRATION_DATABASE_URL is not set: give the URL of the schema's owner role")
    upgrade(service.migrations, settings.migration_database_url.get_secret_value(), service.schema)


async def _serve(service: Service, settings: S, build: Callable[[S, AsyncExitStack], Awaitable[App]]) -> None:
    provider = configure_tracing(service.name)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        if provider is not None:
            stack.callback(provider.shutdown)
        app = await build(settings, stack)
        await run_app(app, stopping, settings.drain_seconds)
    log.info("stopped")


async def run_app(app: App, stopping: asyncio.Event, drain_seconds: float) -> None:
    """Serves until `stopping` is set or a loop dies; then drains: health first, calls next, loops last."""
    await app.server.start()
    log.info("serving", address=app.server.address)
    tasks = [asyncio.ensure_future(each()) for each in (*app.loops, *(consumer.run for consumer in app.consumers))]
    stop = asyncio.ensure_future(stopping.wait())
    try:
        done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await app.server.drain(drain_seconds)
        stop.cancel()
        await _end(tasks)
        results = await asyncio.gather(*tasks, return_exceptions=True)
    if stop not in done:
        failures = (result for result in results if isinstance(result, BaseException))
        failed = next((failure for failure in failures if not isinstance(failure, asyncio.CancelledError)), None)
        raise RuntimeError(f"a background loop ended: {failed!r}") from failed


async def _end(tasks: Sequence[asyncio.Future[None]]) -> None:
    """Cancels until all have ended: before Python 3.12 libraries that use `wait_for` can lose a cancellation."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1.0)


@contextlib.asynccontextmanager
async def running(app: App) -> AsyncIterator[App]:
    """Runs an app inside the current process, for tests: it answers on entry and is drained on exit."""
    stopping = asyncio.Event()
    task = asyncio.ensure_future(run_app(app, stopping, 1.0))
    started = asyncio.ensure_future(app.server.started.wait())
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    try:
        if task.done():
            await task
        yield app
    finally:
        stopping.set()
        await task
