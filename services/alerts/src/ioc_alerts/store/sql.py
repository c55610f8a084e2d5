"""SQL of alerts. Things are stored whole as documents, beside the columns that are searched or constrained."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col, select

from ioc_alerts.domain.alert import Alert, Change, Transition
from ioc_alerts.domain.errors import RequestIdReused
from ioc_alerts.domain.events import AlertEvent, event_of
from ioc_alerts.domain.judgement import Mark, Standing
from ioc_alerts.domain.measurement import SeriesFact
from ioc_alerts.domain.rule import Rule
from ioc_alerts.ports import AlertFilter, Key, Known
from ioc_alerts.store.tables import AlertRow, CommandRow, RuleRow, SeriesFactRow, StandingRow, TransitionRow
from ioc_kit.bus import Event
from ioc_kit.sql import Database, Transaction
from ioc_kit.tenancy import Tenancy

T = TypeVar("T")
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Rule, Alert, Transition, SeriesFact)
}
_OF_KEYS = "tenant = :tenant AND rule = ANY(:rules) AND subject = ANY(:subjects)"
_IS_OPEN = "state IN ('open', 'acknowledged')"
# Text, and arrays as parameters: asked for every event, often for thousands of keys.
_KNOWN = text(
    f"""
    SELECT rule, subject, last_period, last_version, is_settled, document
    FROM standing
    LEFT JOIN (SELECT tenant, rule, subject, document FROM alert WHERE {_IS_OPEN}) AS open_alert
        USING (tenant, rule, subject)
    WHERE {_OF_KEYS}
    """  # noqa: S608  # put together from the constants above only
).columns(document=JSONB)
_LOCK_STANDINGS = text(f"SELECT 1 FROM standing WHERE {_OF_KEYS} ORDER BY rule, subject FOR UPDATE")  # noqa: S608
_LOCK_OPEN_ALERTS = text(f"SELECT 1 FROM alert WHERE {_OF_KEYS} AND {_IS_OPEN} ORDER BY rule, subject FOR UPDATE")  # noqa: S608
_LOCK_RULES = text("SELECT pg_advisory_xact_lock(hashtextextended('alerts:rules', 0))")


class SqlAlertStore:
    """Implements `AlertStore` on the schema `alerts`."""

    def __init__(self, database: Database, to_event: Callable[[AlertEvent], Event]) -> None:
        self._database = database
        self._to_event = to_event

    @asynccontextmanager
    async def transaction(self, tenancy: Tenancy) -> AsyncIterator[SqlAlertTransaction]:
        async with self._database.transaction(tenancy) as transaction:
            yield SqlAlertTransaction(transaction, self._to_event)


class SqlAlertTransaction:
    """Implements `AlertTransaction`."""

    def __init__(self, transaction: Transaction, to_event: Callable[[AlertEvent], Event]) -> None:
        self._transaction = transaction
        self._to_event = to_event
        self._session = transaction.session

    async def get_rule(self, code: str) -> Rule | None:
        query = select(RuleRow.document).where(RuleRow.code == code)
        return await self._first(Rule, query)

    async def list_rules(self, *, after: str, limit: int) -> Sequence[Rule]:
        query = select(RuleRow.document).where(RuleRow.code > after).order_by(col(RuleRow.code)).limit(limit)
        return [_load(Rule, document) for document in await self._session.scalars(query)]

    async def lock_rules(self) -> None:
        await self._session.execute(_LOCK_RULES)

    async def put_rule(self, rule: Rule) -> None:
        row = {
            "code": rule.code,
            "kind": rule.kind.value,
            "watches": rule.watches,
            "version": rule.version,
            "document": _dump(rule),
        }
        await self._upsert(RuleRow, [row], "code")

    async def known(self, tenant: str, keys: Collection[Key]) -> Mapping[Key, Known]:
        # A rule and a subject of two different keys may meet in a row: such rows are left out.
        wanted, known = frozenset(keys), {}
        for rule, subject, period, version, is_settled, document in await self._session.execute(
            _KNOWN, _parameters(tenant, keys)
        ):
            if (key := Key(rule, subject)) in wanted:
                alert = _load(Alert, document) if document is not None else None
                last = Mark(period, version) if period is not None else None
                known[key] = Known(Standing(last, is_settled, alert.evidence if alert else None), alert)
        return known

    async def lock_known(self, tenant: str, keys: Collection[Key]) -> Mapping[Key, Known]:
        # In one order everywhere, so that two transactions never wait for each other.
        rows = [
            {"tenant": tenant, "rule": key.rule, "subject": key.subject, "is_settled": False} for key in sorted(keys)
        ]
        await self._session.execute(insert(StandingRow).on_conflict_do_nothing(), rows)
        for statement in (_LOCK_STANDINGS, _LOCK_OPEN_ALERTS):
            await self._session.execute(statement, _parameters(tenant, keys))
        return await self.known(tenant, keys)

    async def put_standings(self, tenant: str, standings: Mapping[Key, Standing]) -> None:
        rows = [
            {
                "tenant": tenant,
                "rule": key.rule,
                "subject": key.subject,
                "last_period": standing.last.period if standing.last else None,
                "last_version": standing.last.version if standing.last else None,
                "is_settled": standing.is_settled,
            }
            for key, standing in sorted(standings.items(), key=lambda item: item[0])
        ]
        await self._upsert(StandingRow, rows, "tenant", "rule", "subject")

    async def get_alert(self, alert_id: str) -> Alert | None:
        query = select(AlertRow.document).where(AlertRow.alert_id == alert_id)
        return await self._first(Alert, query)

    async def lock_alert(self, alert_id: str) -> Alert | None:
        query = select(AlertRow.document).where(AlertRow.alert_id == alert_id).with_for_update()
        return await self._first(Alert, query)

    async def list_alerts(
        self, kept: AlertFilter, *, before: tuple[datetime, str] | None, limit: int
    ) -> Sequence[Alert]:
        query = select(AlertRow.document).order_by(col(AlertRow.raised_at).desc(), col(AlertRow.alert_id).desc())
        if kept.states:
            query = query.where(col(AlertRow.state).in_([state.value for state in kept.states]))
        if kept.minimum_severity is not None:
            query = query.where(AlertRow.severity_rank >= kept.minimum_severity.rank)
        if kept.area:
            query = query.where(AlertRow.area == kept.area)
        if kept.rule:
            query = query.where(AlertRow.rule == kept.rule)
        if before is not None:
            query = query.where(tuple_(col(AlertRow.raised_at), col(AlertRow.alert_id)) < before)
        return [_load(Alert, document) for document in await self._session.scalars(query.limit(limit))]

    async def list_transitions(self, alert_id: str, *, after: int, limit: int) -> Sequence[Transition]:
        query = (
            select(TransitionRow.document)
            .where(TransitionRow.alert_id == alert_id, TransitionRow.number > after)
            .order_by(col(TransitionRow.number))
            .limit(limit)
        )
        return [_load(Transition, document) for document in await self._session.scalars(query)]

    async def write_seen(self, alert: Alert) -> None:
        statement = update(AlertRow).where(col(AlertRow.alert_id) == alert.alert_id)
        await self._session.execute(statement.values(document=_dump(alert)))

    async def write_change(self, change: Change) -> None:
        alert, transition = change.alert, change.transition
        changing = {"state": alert.state.value, "revision": alert.revision, "document": _dump(alert)}
        if transition.from_state is None:
            row = {
                "alert_id": alert.alert_id,
                "tenant": alert.tenant,
                "rule": alert.rule,
                "subject": alert.subject.key,
                "area": alert.subject.area,
                "severity_rank": alert.severity.rank,
                "raised_at": alert.raised_at,
                **changing,
            }
            await self._session.execute(insert(AlertRow).values(row))
        else:
            await self._session.execute(
                update(AlertRow).where(col(AlertRow.alert_id) == alert.alert_id).values(changing)
            )
        step = {
            "alert_id": alert.alert_id,
            "number": transition.number,
            "tenant": alert.tenant,
            "document": _dump(transition),
        }
        await self._session.execute(insert(TransitionRow).values(step))
        self._transaction.emit(self._to_event(event_of(change)))

    async def put_series_facts(self, tenant: str, facts: Mapping[str, SeriesFact]) -> None:
        rows = [{"tenant": tenant, "series": series, "document": _dump(fact)} for series, fact in sorted(facts.items())]
        await self._upsert(SeriesFactRow, rows, "tenant", "series")

    async def series_fact(self, tenant: str, series: str) -> SeriesFact:
        query = select(SeriesFactRow.document).where(SeriesFactRow.tenant == tenant, SeriesFactRow.series == series)
        return await self._first(SeriesFact, query) or SeriesFact()

    async def is_first(self, tenant: str, caller: str, request_id: str, fingerprint: str) -> bool:
        row = {"tenant": tenant, "caller": caller, "request_id": request_id}
        # A repeat that runs beside the first waits here for its commit.
        statement = insert(CommandRow).values(**row, fingerprint=fingerprint).on_conflict_do_nothing()
        result = await self._session.execute(statement.returning(col(CommandRow.request_id)))
        if result.first() is not None:
            return True
        query = select(CommandRow.fingerprint).filter_by(**row)
        if (await self._session.scalars(query)).one() != fingerprint:
            raise RequestIdReused(request_id)
        return False

    async def _first(self, kind: type[T], query: Select[tuple[dict[str, Any]]]) -> T | None:
        document = (await self._session.scalars(query)).first()
        return None if document is None else _load(kind, document)

    async def _upsert(self, table: type[Any], rows: list[dict[str, Any]], *keys: str) -> None:
        if not rows:
            return
        statement = insert(table)
        changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        await self._session.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=changed), rows)


def _parameters(tenant: str, keys: Collection[Key]) -> dict[str, Any]:
    return {"tenant": tenant, "rules": [*{key.rule for key in keys}], "subjects": [*{key.subject for key in keys}]}


def _dump(thing: object) -> dict[str, Any]:
    document: dict[str, Any] = _ADAPTERS[type(thing)].dump_python(thing, mode="json")
    return document


def _load(kind: type[T], document: dict[str, Any]) -> T:
    thing: T = _ADAPTERS[kind].validate_python(document)
    return thing
