"""What the handlers need from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from ioc_alerts.domain.alert import Alert, AlertState, Change, Transition
from ioc_alerts.domain.judgement import Standing
from ioc_alerts.domain.measurement import SeriesFact
from ioc_alerts.domain.rule import Rule, Severity
from ioc_kit.tenancy import Tenancy


class Key(NamedTuple):
    """Within a tenant, what has at most one open alert: a rule's code and a subject's key."""

    rule: str
    subject: str


UNKNOWN = Standing()
"""How a key stands that was never met."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows of a key: how it stands, and the open alert, if there is one."""

    standing: Standing = UNKNOWN
    alert: Alert | None = None


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts a list keeps; empty and None keep all."""

    states: frozenset[AlertState] = frozenset()
    minimum_severity: Severity | None = None
    area: str = ""
    rule: str = ""


class AlertTransaction(Protocol):
    """One transaction: what is written becomes visible, and its events go out, when the block ends well.

    Locks are held until then. Whoever locks a key and an alert locks the key first.
    """

    async def get_rule(self, code: str) -> Rule | None:
        """The rule, or None."""

    async def list_rules(self, *, after: str, limit: int) -> Sequence[Rule]:
        """Rules in order of code after `after`."""

    async def lock_rules(self) -> None:
        """Makes others who want to change rules wait."""

    async def put_rule(self, rule: Rule) -> None:
        """Inserts or replaces by code."""

    async def known(self, tenant: str, keys: Collection[Key]) -> Mapping[Key, Known]:
        """What is known of the keys now, without a lock; a key never met is left out."""

    async def lock_known(self, tenant: str, keys: Collection[Key]) -> Mapping[Key, Known]:
        """What is known of every one of the keys, which nobody else judges from here on."""

    async def put_standings(self, tenant: str, standings: Mapping[Key, Standing]) -> None:
        """Writes how keys stand; evidence lies in the open alert. The caller holds their locks."""

    async def get_alert(self, alert_id: str) -> Alert | None:
        """The alert, or None."""

    async def lock_alert(self, alert_id: str) -> Alert | None:
        """The alert, which nobody else changes from here on, or None."""

    async def list_alerts(
        self, kept: AlertFilter, *, before: tuple[datetime, str] | None, limit: int
    ) -> Sequence[Alert]:
        """Alerts from the newest; `before` is the time raised and id of the last one already listed."""

    async def list_transitions(self, alert_id: str, *, after: int, limit: int) -> Sequence[Transition]:
        """Steps in an alert's life, in order, with numbers above `after`."""

    async def write_seen(self, alert: Alert) -> None:
        """Writes an alert whose state did not change. The caller holds its lock."""

    async def write_change(self, change: Change) -> None:
        """Writes a step: the alert, the transition, and the event that tells of it. The caller holds its lock."""

    async def put_series_facts(self, tenant: str, facts: Mapping[str, SeriesFact]) -> None:
        """Writes what the registry tells of series, by series key."""

    async def series_fact(self, tenant: str, series: str) -> SeriesFact:
        """What is known of a series; an empty fact when the registry has told nothing."""

    async def is_first(self, tenant: str, caller: str, request_id: str, fingerprint: str) -> bool:
        """True when the caller has not used the request id; False for a repeat of the same command.

        Raises RequestIdReused when it was used for a command of another fingerprint.
        """


class AlertStore(Protocol):
    """Opens transactions. The composition root closes what it stands on."""

    def transaction(self, tenancy: Tenancy) -> AbstractAsyncContextManager[AlertTransaction]:
        """A transaction that sees what the tenancy may see; commits at the end of the block, or rolls back."""
