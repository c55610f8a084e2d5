"""Databases and roles of a cluster: a schema per service, its owner for migrations, its runtime role for rows only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from ioc_kit.embedded.errors import EmbeddedError

T = TypeVar("T")
_LOCK = "embedded-roles"
_FREE_TO_CLONE_SECONDS = 10.0


def role_names(services: Sequence[str], *, writers: Collection[str] = ("ingest",)) -> list[str]:
    """Every role of the services: `ioc_<schema>_owner`, `ioc_<schema>` and, for `writers`, `ioc_<schema>_writer`."""
    names = []
    for service in services:
        names += [f"ioc_{service}_owner", f"ioc_{service}"]
        if service in writers:
            names.append(f"ioc_{service}_writer")
    return names


def with_login(url: str, user: str, password: str, database: str | None = None) -> str:
    """The URL of the same server for another user, and another database when one is given."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path if database is None else "/" + quote(database, safe="")
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}", path=path))


def create_service_roles(
    superuser_url: str,
    database: str,
    services: Sequence[str],
    passwords: Mapping[str, str],
    *,
    writers: Collection[str] = ("ingest",),
) -> None:
    """Makes the database, and for each service its schema and roles; repeated, it only sets the passwords again.

    The owner role owns the schema and runs migrations. The runtime role may use it and gets its rights on tables from
    the migrations; it never bypasses row-level security. A writer role bypasses it, because COPY FROM is refused
    where it applies: migrations grant it INSERT and nothing else. Nobody else may connect.

    `passwords` has every name of `role_names`. Raises EmbeddedError when one is missing.
    """
    roles = role_names(services, writers=writers)
    if missing := [role for role in roles if role not in passwords]:
        raise EmbeddedError(f"no password is given for role {missing[0]}: give one for each of role_names().")

    async def make() -> None:
        async with _session(superuser_url) as server:
            for role in roles:
                await _make_role(server, role, passwords[role])
            if not await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
                await server.execute(f"CREATE DATABASE {_identifier(database)}")
            await server.execute(f"REVOKE ALL ON DATABASE {_identifier(database)} FROM PUBLIC")
            await server.execute(
                f"GRANT CONNECT, TEMPORARY ON DATABASE {_identifier(database)} TO {', '.join(map(_identifier, roles))}"
            )
        async with _session(_on_database(superuser_url, database)) as inside:
            await inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            for service in services:
                await _make_schema(inside, service, is_written=service in writers)

    _run(make)


def clone_database(superuser_url: str, template: str, name: str) -> str:
    """Copies `template` (nobody may be connected to it) to `name`, replacing it; returns the superuser's URL of it.

    Who may connect is copied as well, which CREATE DATABASE alone does not do.
    """

    async def clone() -> None:
        async with _session(superuser_url) as server:
            await server.execute(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)")
            await _create_from(server, template, name)
            await server.execute(f"REVOKE ALL ON DATABASE {_identifier(name)} FROM PUBLIC")
            rights = await server.fetch(
                "SELECT grantee::regrole::text AS role, privilege_type AS right "
                "FROM pg_database, aclexplode(datacl) WHERE datname = $1 AND grantee <> 0",
                template,
            )
            for row in rights:
                await server.execute(f"GRANT {row['right']} ON DATABASE {_identifier(name)} TO {row['role']}")

    _run(clone)
    return _on_database(superuser_url, name)


def drop_database(superuser_url: str, name: str) -> None:
    """Removes the database, ending the sessions on it; harmless when it is not there."""

    async def drop() -> None:
        async with _session(superuser_url) as server:
            await server.execute(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)")

    _run(drop)


class _session:  # reads as the verb it stands for
    """A connection that holds the lock by which two callers at once do not make the same role twice."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> asyncpg.Connection[Any]:
        try:
            self._connection = await asyncpg.connect(self._url, timeout=10)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            where = urlsplit(self._url)
            raise EmbeddedError(
                f"PostgreSQL on {where.hostname}:{where.port} does not let {where.username} in ({error}): "
                "check that it runs and that the password is its own."
            ) from error
        await self._connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", _LOCK)
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()


async def _make_role(server: asyncpg.Connection[Any], role: str, password: str) -> None:
    verb = "ALTER" if await server.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role) else "CREATE"
    bypass = "BYPASSRLS" if role.endswith("_writer") else "NOBYPASSRLS"
    # CREATE ROLE takes no parameters: the server itself quotes the password.
    statement = await server.fetchval(
        f"SELECT format('{verb} ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE {bypass} PASSWORD %L', "
        "$1::text, $2::text)",
        role,
        password,
    )
    await server.execute(statement)
    await server.execute(f"ALTER ROLE {_identifier(role)} SET search_path = {_identifier(_schema_of(role))}")


async def _make_schema(inside: asyncpg.Connection[Any], service: str, *, is_written: bool) -> None:
    schema, owner, runtime = (_identifier(name) for name in (service, f"ioc_{service}_owner", f"ioc_{service}"))
    await inside.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}")
    await inside.execute(f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC")
    users = [runtime, _identifier(f"ioc_{service}_writer")] if is_written else [runtime]
    await inside.execute(f"GRANT USAGE ON SCHEMA {schema} TO {', '.join(users)}")


async def _create_from(server: asyncpg.Connection[Any], template: str, name: str) -> None:
    statement = f"CREATE DATABASE {_identifier(name)} TEMPLATE {_identifier(template)}"
    deadline = asyncio.get_running_loop().time() + _FREE_TO_CLONE_SECONDS
    while True:
        try:
            await server.execute(statement)
            return
        except asyncpg.ObjectInUseError as error:
            # A client that has closed is still counted until its backend has gone, a moment later.
            if asyncio.get_running_loop().time() > deadline:
                raise EmbeddedError(
                    f"database {template} cannot be copied while somebody is connected to it: close that connection."
                ) from error
            await asyncio.sleep(0.02)


def _schema_of(role: str) -> str:
    return role.removeprefix("ioc_").removesuffix("_owner").removesuffix("_writer")


def _on_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path="/" + quote(database, safe="")))


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _run(work: Callable[[], Awaitable[T]]) -> T:
    """Runs `work` on a loop of its own in a thread of its own: the caller's thread may have a running loop."""

    async def main() -> T:
        return await work()

    with ThreadPoolExecutor(1, thread_name_prefix="embedded-sql") as executor:
        return executor.submit(lambda: asyncio.run(main())).result()
