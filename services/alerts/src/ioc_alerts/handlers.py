"""What people may ask of alerts: one method, one verb."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from ioc_alerts.domain import alert as life
from ioc_alerts.domain.alert import Alert, Decision, Occasion, Transition
from ioc_alerts.domain.errors import AlertNotFound, ProvinceOnly, RuleNotFound
from ioc_alerts.domain.rule import Rule, check
from ioc_alerts.domain.text import check_free
from ioc_alerts.ports import AlertFilter, AlertStore, AlertTransaction, Key
from ioc_kit.clock import Clock
from ioc_kit.rpc import Page, decode_page_token, encode_page_token
from ioc_kit.rpc.paging import clamp_page_size
from ioc_kit.telemetry import current_trace_id
from ioc_kit.tenancy import Caller, Scope

log = structlog.get_logger()
MAX_NOTE = 2000
MAX_REQUEST_ID = 128
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a set of rules did, or would do: codes added or changed, and how many were the same already."""

    changed: tuple[str, ...]
    unchanged: int


class RuleHandlers:
    """The rules of the province. `on_change` is called when a change has been committed."""

    def __init__(self, store: AlertStore, on_change: Callable[[], None]) -> None:
        self._store = store
        self._on_change = on_change

    async def get(self, caller: Caller, code: str) -> Rule:
        """A rule by its code. Raises RuleNotFound."""
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.get_rule(code)
        if found is None:
            raise RuleNotFound(code)
        return found

    async def list(self, caller: Caller, *, page_size: int, page_token: str) -> Page[Rule]:
        """Rules in order of code."""
        size = clamp_page_size(page_size)
        after = decode_page_token(page_token, str)
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.list_rules(after=str(after[0]) if after else "", limit=size + 1)
        return Page(rows[:size], encode_page_token(rows[size - 1].code) if len(rows) > size else "")

    async def apply(self, caller: Caller, rules: Sequence[Rule], *, is_dry_run: bool) -> Applied:
        """Adds and changes what differs, all or nothing; a repeat changes nothing. Open alerts stay as they are.

        Raises ProvinceOnly, or InvalidInput that names every wrong field.
        """
        if caller.scope is not Scope.PROVINCE:
            raise ProvinceOnly
        check(rules)
        changed: list[str] = []
        async with self._store.transaction(caller.tenancy) as transaction:
            await transaction.lock_rules()
            for rule in rules:
                before = await transaction.get_rule(rule.code)
                version = before.version if before else 0
                if before == replace(rule, version=version):
                    continue
                changed.append(rule.code)
                if not is_dry_run:
                    await transaction.put_rule(replace(rule, version=version + 1))
        if changed and not is_dry_run:
            self._on_change()
            log.info("rules changed", rules=changed)
        return Applied(tuple(changed), len(rules) - len(changed))


class AlertHandlers:
    """Alerts, as people see them and decide on them."""

    def __init__(self, store: AlertStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, caller: Caller, alert_id: str) -> Alert:
        """An alert by its id. Raises AlertNotFound."""
        async with self._store.transaction(caller.tenancy) as transaction:
            return _there(await transaction.get_alert(alert_id), alert_id)

    async def list(self, caller: Caller, kept: AlertFilter, *, page_size: int, page_token: str) -> Page[Alert]:
        """Alerts that the caller may see, newest first."""
        size = clamp_page_size(page_size)
        key = decode_page_token(page_token, int, str)
        before = (_EPOCH + timedelta(microseconds=int(key[0])), str(key[1])) if key else None
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.list_alerts(kept, before=before, limit=size + 1)
        if len(rows) <= size:
            return Page(rows)
        last = rows[size - 1]
        return Page(
            rows[:size], encode_page_token((last.raised_at - _EPOCH) // timedelta(microseconds=1), last.alert_id)
        )

    async def list_transitions(
        self, caller: Caller, alert_id: str, *, page_size: int, page_token: str
    ) -> Page[Transition]:
        """The steps in an alert's life, oldest first. Raises AlertNotFound."""
        size = clamp_page_size(page_size)
        after = decode_page_token(page_token, int)
        async with self._store.transaction(caller.tenancy) as transaction:
            _there(await transaction.get_alert(alert_id), alert_id)
            rows = await transaction.list_transitions(alert_id, after=int(after[0]) if after else 0, limit=size + 1)
        return Page(rows[:size], encode_page_token(rows[size - 1].number) if len(rows) > size else "")

    async def acknowledge(self, caller: Caller, alert_id: str, *, note: str, etag: str, request_id: str) -> Alert:
        """Takes an alert. Taking it again, or with the same request id, changes nothing.

        Raises AlertNotFound, AlertClosed, AlertChanged, RequestIdReused; Forbidden for another tenant's alert.
        """
        decision = _decision(caller, note, etag, request_id)
        async with self._store.transaction(caller.tenancy) as transaction:
            alert = _there(await transaction.lock_alert(alert_id), alert_id)
            if not await _is_first(transaction, caller, request_id, f"acknowledge {alert_id}"):
                return alert
            change = life.acknowledge(alert, decision, self._now())
            if change is None:
                return alert
            await transaction.write_change(change)
        log.info("alert acknowledged", alert=alert_id)
        return change.alert

    async def resolve(self, caller: Caller, alert_id: str, *, note: str, etag: str, request_id: str) -> Alert:
        """Closes an alert by hand: its key raises no other before the cause has gone.

        Raises AlertNotFound, AlertClosed, AlertChanged, RequestIdReused; Forbidden for another tenant's alert.
        """
        decision = _decision(caller, note, etag, request_id)
        async with self._store.transaction(caller.tenancy) as transaction:
            seen = _there(await transaction.get_alert(alert_id), alert_id)
            key = Key(seen.rule, seen.subject.key)
            known = (await transaction.lock_known(seen.tenant, [key]))[key]
            alert = _there(await transaction.lock_alert(alert_id), alert_id)
            if not await _is_first(transaction, caller, request_id, f"resolve {alert_id}"):
                return alert
            change = life.resolve(alert, decision, self._now())
            await transaction.write_change(change)
            settled = replace(known.standing, is_settled=True, evidence=None)
            await transaction.put_standings(seen.tenant, {key: settled})
        log.info("alert resolved by hand", alert=alert_id)
        return change.alert

    def _now(self) -> Occasion:
        return Occasion(self._clock.now(), current_trace_id())


def _there(alert: Alert | None, alert_id: str) -> Alert:
    if alert is None:
        raise AlertNotFound(alert_id)
    return alert


def _decision(caller: Caller, note: str, etag: str, request_id: str) -> Decision:
    check_free("note", note, MAX_NOTE)
    check_free("request_id", request_id, MAX_REQUEST_ID)
    return Decision(caller.name, note, etag)


async def _is_first(transaction: AlertTransaction, caller: Caller, request_id: str, command: str) -> bool:
    return not request_id or await transaction.is_first(caller.tenant, caller.subject, request_id, command)
