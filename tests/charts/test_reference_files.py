"""The reference files for NATS and PostgreSQL do what the embedded ones do: tried with the real servers."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ioc_kit.embedded import EmbeddedPostgres, create_service_roles, role_names
from ioc_kit.embedded.nats import binary
from ioc_kit.embedded.nkey import new_issuer_key

SCHEMAS = ("registry", "ingest", "kpi", "alerts", "soc")
STATE = """
SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls, rolconfig::text FROM pg_roles
 WHERE rolname LIKE 'ioc%' ORDER BY rolname;
SELECT nspname, nspowner::regrole::text, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(nspacl) a)::text
  FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname;
SELECT (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a)::text
  FROM pg_database WHERE datname = current_database()
"""


@pytest.fixture
def nats_config(charts: Path) -> Path:
    return charts / "ioc" / "files" / "nats.conf"


@pytest.fixture
def variables(nats_config: Path) -> dict[str, str]:
    """A value for every name that the configuration takes from its environment."""
    names = set(re.findall(r"\$(IOC_NATS_[A-Z_]+)", nats_config.read_text(encoding="utf-8")))
    known = {"IOC_NATS_REPLICAS": "3", "IOC_NATS_CALLOUT_ISSUER": new_issuer_key().public}
    return {name: known.get(name, "any-secret") for name in names}


def _check(config: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        [str(binary()), "-t", "-c", str(config)], env=environment, capture_output=True, text=True, check=False
    )


def test_nats_takes_the_reference_configuration(nats_config: Path, variables: dict[str, str]) -> None:
    done = _check(nats_config, variables)
    assert done.returncode == 0, done.stderr


def test_nats_does_not_start_without_one_of_its_secrets(nats_config: Path, variables: dict[str, str]) -> None:
    for name in variables:
        incomplete = {key: value for key, value in variables.items() if key != name}
        assert _check(nats_config, incomplete).returncode != 0, name


def test_the_reference_configuration_has_the_users_of_the_kit() -> None:
    script = Path(__file__).resolve().parents[2] / "devtools" / "charts" / "nats_conf.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_reference_configuration_answers_only_what_is_on_the_disk(nats_config: Path) -> None:
    text = nats_config.read_text(encoding="utf-8")
    assert re.search(r"^  sync_interval: always$", text, re.MULTILINE)
    assert re.search(r"^  auth_callout \{$", text, re.MULTILINE)


def _state(server: EmbeddedPostgres, database: str, scripts: list[str]) -> list[Any]:
    async def look() -> list[Any]:
        connection = await asyncpg.connect(server.url(database=database))
        try:
            for script in scripts:
                await connection.execute(script)
            return [[tuple(row) for row in await connection.fetch(each)] for each in STATE.split(";")]
        finally:
            await connection.close()

    return asyncio.run(look())


def _create(server: EmbeddedPostgres, database: str) -> None:
    async def create() -> None:
        connection = await asyncpg.connect(server.url())
        try:
            await connection.execute(f"CREATE DATABASE {database}")
        finally:
            await connection.close()

    asyncio.run(create())


def test_the_reference_sql_makes_the_roles_and_schemas_that_services_are_tested_with(
    charts: Path, tmp_path: Path
) -> None:
    script = (charts / "ioc" / "files" / "postgres.sql").read_text(encoding="utf-8")
    states = []
    for name in ("kit", "sql"):
        folder = tmp_path / name
        folder.mkdir()
        with EmbeddedPostgres(folder) as server:
            if name == "kit":
                passwords = dict.fromkeys(role_names(SCHEMAS), "any-secret")
                create_service_roles(server.url(), "ioc", SCHEMAS, passwords)
                states.append(_state(server, "ioc", []))
            else:
                _create(server, "ioc")
                states.append(_state(server, "ioc", [script]))
                assert _state(server, "ioc", [script]) == states[-1], "a second run changes something"
    assert states[0] == states[1]
