"""The unit of work: one transaction that sees what its tenancy may see, and whose events go out if it commits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stamina
import structlog
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from ioc_kit.bus.envelope import Event
from ioc_kit.errors import Forbidden, InvalidInput, IocError, Unavailable
from ioc_kit.sql.outbox import INSERT_OUTBOX, outbox_rows
from ioc_kit.tenancy import Scope, Tenancy

log = structlog.get_logger()
_SET_TENANCY = text("SELECT set_config('ioc.tenant', :tenant, true), set_config('ioc.scope', :scope, true)")
_ONCE = text("INSERT INTO inbox (consumer, event_id) VALUES (:consumer, :event_id) ON CONFLICT DO NOTHING")
_ROW_SECURITY = "42501"
_UNSTORABLE_TEXT = ("22021", "22P05")
_CONNECTION_CLASSES = ("08", "53", "57")
"""SQLSTATE classes that mean `the server is away or has no room now`: connection, resources, operator intervention."""


class Transaction:
    """An open transaction. `session` takes SQL; events given to `emit` are stored beside the change."""

    def __init__(self, session: AsyncSession, schema: str) -> None:
        self.session = session
        self._schema = schema
        self._events: list[Event] = []

    def emit(self, *events: Event) -> None:
        """Queues events: they are written with the change, and published after the commit."""
        self._events.extend(events)

    async def once(self, consumer: str, event: Event) -> bool:
        """True the first time this consumer meets the event; False for a repeat, which must change nothing."""
        result = await self.session.execute(_ONCE, {"consumer": consumer, "event_id": event.id})
        return bool(result.rowcount)  # type: ignore[attr-defined]

    async def write_events(self) -> None:
        """Writes the queued events to the outbox; the kit calls it before the commit."""
        if self._events:
            await self.session.execute(INSERT_OUTBOX, outbox_rows(self._events))
            await self.session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": f"outbox_{self._schema}"})
            self._events.clear()


class Database:
    """The pool of one service on its own schema. Close it with `aclose`."""

    def __init__(self, url: str, schema: str, *, pool: int = 5) -> None:
        self.schema = schema
        self.engine = create_async_engine(
            async_url(url),
            pool_size=pool,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=False,
            pool_recycle=1800,
            connect_args={
                "server_settings": {"search_path": schema, "application_name": f"ioc-{schema}"},
                "timeout": 5,
            },
        )
        SQLAlchemyInstrumentor().instrument(engine=self.engine.sync_engine)

    async def aclose(self) -> None:
        """Closes all connections."""
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self, tenancy: Tenancy) -> AsyncIterator[Transaction]:
        """Commits when the block ends well, rolls back otherwise. Raises Unavailable when the server is away."""
        try:
            async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
                await session.execute(_SET_TENANCY, {"tenant": tenancy.tenant, "scope": tenancy.scope.value})
                transaction = Transaction(session, self.schema)
                yield transaction
                await transaction.write_events()
        except IocError:
            raise
        except (DBAPIError, PoolTimeout, OSError, TimeoutError) as error:
            if is_away(error):
                raise Unavailable("the database does not answer now") from error
            if _sqlstate(error) == _ROW_SECURITY:
                raise Forbidden("this belongs to another tenant: you may read it, not change it") from error
            if _sqlstate(error) in _UNSTORABLE_TEXT:
                raise InvalidInput("a text holds a character that cannot be stored (NUL or half of a pair)") from error
            raise

    async def ping(self) -> None:
        """Raises Unavailable when the server does not answer."""
        async with self.transaction(Tenancy("", Scope.OWN)) as transaction:
            await transaction.session.execute(text("SELECT 1"))


def is_away(error: BaseException) -> bool:
    """True when the failure is of the connection or the server, not of the statement."""
    if isinstance(error, PoolTimeout | OSError | TimeoutError | InterfaceError | OperationalError):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _sqlstate(error).startswith(_CONNECTION_CLASSES)
    return False


def _sqlstate(error: BaseException) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def async_url(url: str) -> str:
    """The URL with asyncpg as its driver."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+asyncpg://" + url.removeprefix(prefix)
    return url


async def wait_until_ready(database: Database, seconds: float = 30.0) -> None:
    """Waits for the server at start. Raises Unavailable when it has not answered in time."""
    async for attempt in stamina.retry_context(on=Unavailable, attempts=None, timeout=seconds, wait_max=1.0):
        with attempt:
            await database.ping()
