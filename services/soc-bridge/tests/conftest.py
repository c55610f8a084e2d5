"""Builders and the store for the SOC bridge's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ioc_kit.sql import Database
from ioc_kit.tenancy import Caller, Scope
from ioc_kit.testing import FixedClock
from ioc_soc_bridge.domain.event import Door, EventSource, Intake, SecurityEvent
from ioc_soc_bridge.domain.severity import Severity
from ioc_soc_bridge.events import to_event
from ioc_soc_bridge.exchange.stix import render
from ioc_soc_bridge.handlers import ExchangeHandlers, IncidentHandlers, IntakeHandlers, Rules
from ioc_soc_bridge.store.sql import SqlSocStore

HERE = Path(__file__).parent
MIGRATIONS = HERE.parent / "migrations"
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def eve_lines() -> bytes:
    """Two alerts, and an http, a stats and a flow record, as Suricata 7 writes them."""
    return (HERE / "samples/eve.json").read_bytes()


@pytest.fixture
def an_event() -> Callable[..., SecurityEvent]:
    """Gives `an_event(n, ...)`: the n-th event of one key, a second after the one before."""

    def make(number: int = 0, **changed: Any) -> SecurityEvent:
        at = changed.pop("at", NOW - timedelta(minutes=30) + timedelta(seconds=number))
        values: dict[str, Any] = {
            "fingerprint": f"fingerprint-{changed.get('source_ip', '')}-{number}",
            "source": EventSource.SURICATA,
            "sensor": "ids-1",
            "at": at,
            "severity": Severity.MEDIUM,
            "category": "Attempted Information Leak",
            "signature": "1:2001219",
            "summary": "ET SCAN Potential SSH Scan",
            "source_ip": "203.0.113.7",
            "destination_ip": "10.40.1.20",
            "transport": "tcp",
        }
        return SecurityEvent(**{**values, **changed})

    return make


@pytest.fixture
def an_intake(an_event: Callable[..., SecurityEvent]) -> Callable[..., Intake]:
    """Gives `an_intake(*events)`; without any it holds one."""

    def make(*events: SecurityEvent, **values: Any) -> Intake:
        return Intake(Door.CALL, "ids-1", events or (an_event(),), **values)

    return make


@pytest.fixture
def a_caller() -> Callable[..., Caller]:
    """Gives `a_caller(*roles, tenant=..., scope=...)`."""

    def make(*roles: str, tenant: str = "vinh", scope: Scope = Scope.OWN) -> Caller:
        return Caller("someone", "someone", tenant, frozenset(roles or ("soc-analyst",)), scope)

    return make


@pytest.fixture
async def database(make_database: Callable[..., Any]) -> AsyncIterator[Database]:
    """The schema `soc`, migrated and empty, as the runtime role sees it."""
    opened = Database(make_database("soc", MIGRATIONS).runtime, "soc", pool=20)
    yield opened
    await opened.aclose()


@pytest.fixture
def store(database: Database) -> SqlSocStore:
    """The real store."""
    return SqlSocStore(database, to_event)


@pytest.fixture
def make_intake(store: SqlSocStore, fixed_clock: FixedClock) -> Callable[..., IntakeHandlers]:
    """Gives `make_intake(...)`: intake handlers under the given rules."""

    def make(**rules: Any) -> IntakeHandlers:
        return IntakeHandlers(store, fixed_clock, render, Rules(**rules))

    return make


@pytest.fixture
def intake(make_intake: Callable[..., IntakeHandlers]) -> IntakeHandlers:
    """Intake handlers under the usual rules."""
    return make_intake()


@pytest.fixture
def incidents(store: SqlSocStore) -> IncidentHandlers:
    """Reading handlers."""
    return IncidentHandlers(store)


@pytest.fixture
def exchange(store: SqlSocStore) -> ExchangeHandlers:
    """The handlers behind the TAXII front."""
    return ExchangeHandlers(store)
