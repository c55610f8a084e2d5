"""What is known of series, and of what their sources sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ioc_kpi.domain.series import Activity, Series, parse_key
from ioc_kpi.store.documents import dump, load
from ioc_kpi.store.tables import IntakeRow, SeriesRow

# Columns as SQLAlchemy's own: the type checker takes a row's attributes for plain values.
_SERIES: Any = SeriesRow
_INTAKE: Any = IntakeRow

_CHUNK = 2000


class SeriesQueries:
    """The part of `KpiTransaction` about series."""

    _session: AsyncSession

    async def series_of(self, tenant: str, measures: Sequence[tuple[str, str]]) -> Sequence[Series]:
        query = (
            select(_SERIES)
            .where(_SERIES.tenant == tenant, tuple_(_SERIES.source, _SERIES.measure).in_(measures))
            .order_by(_SERIES.key)
        )
        return [_series(row) for row in await self._session.scalars(query)]

    async def all_series(self, measures: Sequence[tuple[str, str]]) -> Sequence[Series]:
        query = (
            select(_SERIES)
            .where(tuple_(_SERIES.source, _SERIES.measure).in_(measures), _SERIES.first_at.is_not(None))
            .order_by(_SERIES.tenant, _SERIES.key)
        )
        return [_series(row) for row in await self._session.scalars(query)]

    async def put_series(self, series: Sequence[Series]) -> None:
        rows = [_row(each) for each in sorted(series, key=lambda each: (each.tenant, each.key))]
        for start in range(0, len(rows), _CHUNK):
            statement = insert(_SERIES).values(rows[start : start + _CHUNK])
            await self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=["tenant", "key"], set_={"document": statement.excluded.document}
                )
            )

    async def record_activity(self, activities: Sequence[Activity]) -> None:
        rows = [
            {**_row(parse_key(each.tenant, each.series_key)), "first_at": each.first_at, "newest_at": each.newest_at}
            for each in sorted(activities, key=lambda each: (each.tenant, each.series_key))
        ]
        for start in range(0, len(rows), _CHUNK):
            statement = insert(_SERIES).values(rows[start : start + _CHUNK])
            await self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=["tenant", "key"],
                    set_={
                        "first_at": func.least(_SERIES.first_at, statement.excluded.first_at),
                        "newest_at": func.greatest(_SERIES.newest_at, statement.excluded.newest_at),
                    },
                )
            )

    async def add_intake(self, tenant: str, source: str, hour: datetime, *, stored: int, refused: int) -> None:
        statement = insert(_INTAKE).values(tenant=tenant, source=source, hour=hour, stored=stored, refused=refused)
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant", "source", "hour"],
                set_={
                    "stored": _INTAKE.stored + statement.excluded.stored,
                    "refused": _INTAKE.refused + statement.excluded.refused,
                },
            )
        )

    async def intake_since(self, tenant: str, sources: Sequence[str], since: datetime) -> tuple[int, int]:
        query = select(func.coalesce(func.sum(_INTAKE.stored), 0), func.coalesce(func.sum(_INTAKE.refused), 0)).where(
            _INTAKE.tenant == tenant, _INTAKE.source.in_(sources), _INTAKE.hour >= since
        )
        stored, refused = (await self._session.execute(query)).one()
        return int(stored), int(refused)


def _row(series: Series) -> dict[str, Any]:
    return {
        "tenant": series.tenant,
        "key": series.key,
        "source": series.source,
        "measure": series.measure,
        "document": dump(replace(series, first_at=None, newest_at=None)),
    }


def _series(row: SeriesRow) -> Series:
    return replace(load(Series, row.document), first_at=row.first_at, newest_at=row.newest_at)
