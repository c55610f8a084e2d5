"""The pytest plugin: one PostgreSQL and one NATS a run of pytest, a database of its own and fresh streams a test."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from nats.js.errors import NotFoundError
from opentelemetry import trace
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ioc_kit.bus import Bus
from ioc_kit.embedded import (
    EmbeddedNats,
    EmbeddedPostgres,
    Profile,
    clone_database,
    create_service_roles,
    drop_database,
    role_names,
    with_login,
)
from ioc_kit.testing.clock import FixedClock
from ioc_kit.testing.identity import SigningIssuer

_PASSWORD = "test-only"
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """A migrated database of one test: URLs of the runtime role, the owner, the writer (ingest only), the superuser."""

    runtime: str
    owner: str
    writer: str
    superuser: str


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running server for the whole run."""
    folder = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(folder, profile=Profile.TEST, settings={"max_connections": "200"}) as server:
        yield server


@pytest.fixture(scope="session")
def _templates(postgres: EmbeddedPostgres) -> dict[str, str]:
    return {}


@pytest.fixture
def make_database(
    postgres: EmbeddedPostgres, _templates: dict[str, str]
) -> Iterator[Callable[[str, Path], DatabaseUrls]]:
    """Gives `make(schema, migrations)`: a fresh copy of a database migrated once a run, dropped after the test."""
    superuser = postgres.url()
    made: list[str] = []

    def make(schema: str, migrations: Path) -> DatabaseUrls:
        template = _templates.get(schema)
        if template is None:
            template = _templates[schema] = _make_template(superuser, schema, migrations)
        name = f"test_{schema}_{next(_numbers)}"
        admin = clone_database(superuser, template, name)
        made.append(name)
        roles = {role: with_login(admin, role, _PASSWORD) for role in role_names([schema], writers=[schema])}
        return DatabaseUrls(roles[f"ioc_{schema}"], roles[f"ioc_{schema}_owner"], roles[f"ioc_{schema}_writer"], admin)

    yield make
    for name in made:
        drop_database(superuser, name)


def _make_template(superuser: str, schema: str, migrations: Path) -> str:
    from ioc_kit.sql.migrations import upgrade

    template = f"template_{schema}_{hashlib.sha256(str(migrations).encode()).hexdigest()[:8]}"
    passwords = dict.fromkeys(role_names([schema], writers=[schema]), _PASSWORD)
    create_service_roles(superuser, template, [schema], passwords, writers=[schema])
    owner = with_login(superuser, f"ioc_{schema}_owner", _PASSWORD, template)
    # In a thread: migrations run a loop of their own, and the test that asks first has one running.
    with ThreadPoolExecutor(1) as executor:
        executor.submit(upgrade, migrations, owner, schema).result()
    return template


@pytest.fixture(scope="session")
def shared_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedNats]:
    """A running server for the whole run; tests take `nats_server`, which gives it to them empty."""
    with EmbeddedNats(tmp_path_factory.mktemp("nats"), profile=Profile.TEST) as server:
        yield server


@pytest.fixture
async def nats_server(shared_nats: EmbeddedNats) -> AsyncIterator[EmbeddedNats]:
    """The server with no stream in it, before and after the test."""
    yield shared_nats
    bus = await Bus.connect(shared_nats.url, "", "", name="cleaner")
    try:
        for stream in await bus.jetstream.streams_info():
            await bus.jetstream.delete_stream(str(stream.config.name))
    except NotFoundError:
        return
    finally:
        await bus.close()


@pytest.fixture
async def bus(nats_server: EmbeddedNats) -> AsyncIterator[Bus]:
    """A connection to the test's NATS server."""
    connected = await Bus.connect(nats_server.url, "", "", name="test")
    yield connected
    await connected.close()


@pytest.fixture
def fixed_clock() -> FixedClock:
    """A clock that stands at 2026-11-23 08:00 in Vinh."""
    return FixedClock()


@pytest.fixture(scope="session")
def issuer() -> SigningIssuer:
    """Signs tokens that the verifier it gives accepts."""
    return SigningIssuer()


@pytest.fixture(scope="session")
def _span_exporter() -> InMemorySpanExporter:
    # A process may set its tracer provider once only, so all suites of a run share this one.
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(_span_exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    """The spans that ended since the test began. Ask for it before the service: the next `Database` made is traced."""
    _span_exporter.clear()
    # The instrumentor takes one engine a process, and an earlier test's had it.
    SQLAlchemyInstrumentor().uninstrument()
    return _span_exporter


@pytest.fixture
def eventually() -> Callable[..., object]:
    """Gives `await eventually(check)`: waits until an async `check()` returns something true, and returns it."""

    async def wait(check: Callable[[], object], seconds: float = 10.0, every: float = 0.02) -> object:
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            found = check()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"did not happen within {seconds} s")
            await asyncio.sleep(every)

    return wait
