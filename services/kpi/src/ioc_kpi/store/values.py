"""Values by version: added, ended once, never rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ioc_kpi.domain.query import HistoryQuery, LatestQuery
from ioc_kpi.domain.value import Freshness, IndicatorValue
from ioc_kpi.domain.work import Work
from ioc_kpi.store.documents import dump, load
from ioc_kpi.store.tables import FreshnessRow, ValueRow

# Columns as SQLAlchemy's own: the type checker takes a row's attributes for plain values.
_VALUE: Any = ValueRow
_FRESHNESS: Any = FreshnessRow

Found = tuple[IndicatorValue, Freshness | None]
# Freshness belongs to the open version of a subject's newest period: everything else is history.
_IS_NEWEST = and_(
    _FRESHNESS.tenant == _VALUE.tenant,
    _FRESHNESS.indicator == _VALUE.indicator,
    _FRESHNESS.subject_key == _VALUE.subject_key,
    _FRESHNESS.newest_period == _VALUE.period_start,
    _VALUE.known_to.is_(None),
)


class ValueQueries:
    """The part of `KpiTransaction` about values."""

    _session: AsyncSession

    async def open_version(self, work: Work) -> IndicatorValue | None:
        query = select(_VALUE).where(
            _VALUE.tenant == work.tenant,
            _VALUE.indicator == work.indicator,
            _VALUE.subject_key == work.subject.key,
            _VALUE.period_start == work.period.start,
            _VALUE.known_to.is_(None),
        )
        row = (await self._session.scalars(query)).first()
        return _value(row) if row else None

    async def supersede(self, value: IndicatorValue, known_to: datetime) -> None:
        await self._session.execute(update(_VALUE).where(_VALUE.id == value.id).values(known_to=known_to))

    async def add_value(self, value: IndicatorValue) -> None:
        row = {
            "id": value.id,
            "tenant": value.tenant,
            "indicator": value.indicator,
            "set_code": value.indicator.partition("/")[0],
            "subject_key": value.subject.key,
            "area": value.subject.area,
            "thing": value.subject.thing,
            "dimension_code": value.subject.dimension_code,
            "period_start": value.period.start,
            "revision": value.revision,
            "value": value.value,
            "known_from": value.known_from,
            "known_to": value.known_to,
            "document": dump(value),
        }
        await self._session.execute(insert(_VALUE).values(row))

    async def put_freshness(self, work: Work, freshness: Freshness, *, has_value: bool) -> None:
        statement = insert(_FRESHNESS).values(
            tenant=work.tenant,
            indicator=work.indicator,
            subject_key=work.subject.key,
            newest_at=freshness.newest_at,
            stale_after=freshness.stale_after,
            newest_period=work.period.start if has_value else None,
        )
        new = statement.excluded
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant", "indicator", "subject_key"],
                set_={
                    "newest_at": func.greatest(_FRESHNESS.newest_at, new.newest_at),
                    "stale_after": new.stale_after,
                    "newest_period": func.greatest(_FRESHNESS.newest_period, new.newest_period),
                },
            )
        )

    async def get_value(self, value_id: str) -> Found | None:
        query = select(_VALUE, _FRESHNESS).outerjoin(_FRESHNESS, _IS_NEWEST).where(_VALUE.id == value_id)
        found = (await self._session.execute(query)).first()
        return _found(*found) if found else None

    async def list_latest(self, query: LatestQuery) -> Sequence[Found]:
        rows = select(_VALUE, _FRESHNESS).join(_FRESHNESS, _IS_NEWEST)
        if query.set_code:
            rows = rows.where(_VALUE.set_code == query.set_code)
        if query.code:
            rows = rows.where(_VALUE.indicator.endswith(f"/{query.code}", autoescape=True))
        if query.area:
            rows = rows.where(_VALUE.area == query.area)
        order = (_VALUE.indicator, _VALUE.subject_key, _VALUE.tenant)
        if query.after is not None:
            rows = rows.where(tuple_(*order) > query.after)
        found = await self._session.execute(rows.order_by(*order).limit(query.limit))
        return [_found(*each) for each in found]

    async def list_history(self, query: HistoryQuery) -> Sequence[Found]:
        rows = select(_VALUE, _FRESHNESS).outerjoin(_FRESHNESS, _IS_NEWEST)
        rows = rows.where(_VALUE.indicator == query.indicator)
        for column, wanted in (
            (_VALUE.area, query.area),
            (_VALUE.thing, query.thing),
            (_VALUE.dimension_code, query.dimension_code),
        ):
            if wanted:
                rows = rows.where(column == wanted)
        if query.start is not None:
            rows = rows.where(_VALUE.period_start >= query.start)
        if query.end is not None:
            rows = rows.where(_VALUE.period_start < query.end)
        if query.as_of is not None:
            rows = rows.where(_VALUE.known_from <= query.as_of)
        if not query.has_versions:
            is_open = _VALUE.known_to.is_(None)
            rows = rows.where(is_open if query.as_of is None else or_(is_open, _VALUE.known_to > query.as_of))
        order = (_VALUE.period_start, _VALUE.subject_key, _VALUE.tenant, _VALUE.revision)
        if query.after is not None:
            period_start, *rest = query.after
            rows = rows.where(tuple_(*order) > (datetime.fromisoformat(period_start), *rest))
        found = await self._session.execute(rows.order_by(*order).limit(query.limit))
        # What was known in the past is history, even where it is what is known now.
        return [_found(row, None if query.as_of else fresh) for row, fresh in found]


def _found(row: ValueRow, fresh: FreshnessRow | None) -> Found:
    return _value(row), Freshness(fresh.newest_at, fresh.stale_after) if fresh else None


def _value(row: ValueRow) -> IndicatorValue:
    # The columns are what is held to be true; the document adds what nobody searches for.
    return replace(load(IndicatorValue, row.document), value=row.value, known_to=row.known_to)
