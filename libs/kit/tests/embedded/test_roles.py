"""A role per service: its own schema, nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import pytest

from ioc_kit.embedded import (
    EmbeddedError,
    EmbeddedPostgres,
    clone_database,
    create_service_roles,
    drop_database,
    role_names,
    with_login,
)

SERVICES = ("ingest", "kpi")
PASSWORDS = {role: f"secret of {role}'\"@/" for role in role_names(SERVICES)}
As = Callable[..., AbstractAsyncContextManager["asyncpg.Connection[Any]"]]


@pytest.fixture(scope="module")
def database(postgres: EmbeddedPostgres) -> str:
    create_service_roles(postgres.url(), "ioc_roles", SERVICES, PASSWORDS)
    return "ioc_roles"


@pytest.fixture
def as_role(postgres: EmbeddedPostgres, database: str) -> As:
    @asynccontextmanager
    async def session(role: str, of: str = database) -> AsyncIterator[asyncpg.Connection[Any]]:
        connection = await asyncpg.connect(with_login(postgres.url(), role, PASSWORDS[role], of), timeout=5)
        try:
            yield connection
        finally:
            await connection.close()

    return session


async def test_the_owner_makes_tables_in_its_schema_and_the_runtime_role_does_not(as_role: As) -> None:
    async with as_role("ioc_kpi_owner") as owner:
        await owner.execute("CREATE TABLE IF NOT EXISTS indicator (id int)")
        await owner.execute("GRANT SELECT, INSERT ON indicator TO ioc_kpi")
        assert await owner.fetchval("SELECT 'indicator'::regclass::text") == "indicator"
    async with as_role("ioc_kpi") as runtime:
        await runtime.execute("INSERT INTO indicator VALUES (1)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await runtime.execute("CREATE TABLE other (id int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await runtime.execute("CREATE TABLE public.other (id int)")


@pytest.mark.parametrize("role", ["ioc_ingest", "ioc_ingest_owner", "ioc_ingest_writer"])
async def test_a_role_cannot_read_another_services_schema(as_role: As, role: str) -> None:
    async with as_role("ioc_kpi_owner") as owner:
        await owner.execute("CREATE TABLE IF NOT EXISTS kpi.secret (id int)")
        await owner.execute("GRANT ALL ON kpi.secret TO PUBLIC")
    async with as_role(role) as stranger:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="schema kpi"):
            await stranger.fetch("SELECT * FROM kpi.secret")


async def test_only_the_writer_bypasses_row_level_security(postgres: EmbeddedPostgres, database: str) -> None:
    connection = await asyncpg.connect(postgres.url(database))
    rows = await connection.fetch("SELECT rolname, rolbypassrls OR rolsuper FROM pg_roles WHERE rolname ^@ 'ioc_'")
    await connection.close()
    assert {name for name, bypasses in rows if bypasses} == {"ioc_ingest_writer"}


async def test_the_writer_copies_into_a_protected_table_that_it_cannot_read(as_role: As) -> None:
    async with as_role("ioc_ingest_owner") as owner:
        await owner.execute("CREATE TABLE IF NOT EXISTS ledger (tenant text, value float8)")
        await owner.execute("ALTER TABLE ledger ENABLE ROW LEVEL SECURITY")
        await owner.execute("ALTER TABLE ledger FORCE ROW LEVEL SECURITY")
        await owner.execute("GRANT INSERT ON ledger TO ioc_ingest_writer")
    async with as_role("ioc_ingest_writer") as writer:
        await writer.copy_records_to_table("ledger", records=[("vinh", 1.5)])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await writer.fetch("SELECT * FROM ledger")


async def test_repeated_it_changes_nothing_but_the_passwords(postgres: EmbeddedPostgres, as_role: As) -> None:
    changed = {**PASSWORDS, "ioc_kpi": "another"}
    create_service_roles(postgres.url(), "ioc_roles", SERVICES, changed)
    try:
        with pytest.raises(asyncpg.InvalidPasswordError):
            async with as_role("ioc_kpi"):
                pytest.fail("the old password still opens")
    finally:
        create_service_roles(postgres.url(), "ioc_roles", SERVICES, PASSWORDS)
    async with as_role("ioc_kpi") as runtime:
        assert await runtime.fetchval("SELECT 1") == 1


def test_a_role_without_a_password_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(EmbeddedError, match="ioc_soc_owner"):
        create_service_roles(postgres.url(), "ioc_roles", ["soc"], {})


async def test_a_clone_has_the_tables_and_the_walls_of_its_template(postgres: EmbeddedPostgres, as_role: As) -> None:
    async with as_role("ioc_kpi_owner") as owner:
        await owner.execute("CREATE TABLE IF NOT EXISTS indicator (id int)")
    create_service_roles(postgres.url(), "postgres_stranger_home", ["alerts"], _alerts_passwords())
    clone_database(postgres.url(), "ioc_roles", "ioc_clone")
    async with as_role("ioc_kpi_owner", of="ioc_clone") as owner:
        assert await owner.fetchval("SELECT count(*) FROM indicator") is not None
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(with_login(postgres.url(), "ioc_alerts", "x", "ioc_clone"))
    drop_database(postgres.url(), "ioc_clone")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(postgres.url("ioc_clone"))


def _alerts_passwords() -> dict[str, str]:
    return dict.fromkeys(role_names(["alerts"]), "x")
