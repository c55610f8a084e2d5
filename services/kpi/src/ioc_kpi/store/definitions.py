"""Sets, indicators and targets: versions are added, none is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ioc_kpi.domain.definitions import Definitions
from ioc_kpi.domain.indicator import Indicator, IndicatorSet
from ioc_kpi.domain.target import Target
from ioc_kpi.store.documents import dump, load
from ioc_kpi.store.tables import IndicatorRow, SetRow, TargetRow

# Columns as SQLAlchemy's own: the type checker takes a row's attributes for plain values.
_SET: Any = SetRow
_INDICATOR: Any = IndicatorRow
_TARGET: Any = TargetRow


class DefinitionQueries:
    """The part of `KpiTransaction` about definitions."""

    _session: AsyncSession

    async def lock_definitions(self) -> None:
        await self._session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('kpi definitions', 0))"))

    async def definitions(self) -> Definitions:
        indicators = (
            select(_INDICATOR.document).distinct(_INDICATOR.id).order_by(_INDICATOR.id, _INDICATOR.version.desc())
        )
        targets = select(_TARGET.document).distinct(_TARGET.code).order_by(_TARGET.code, _TARGET.version.desc())
        return Definitions(
            tuple(load(Indicator, document) for document in await self._session.scalars(indicators)),
            tuple(load(Target, document) for document in await self._session.scalars(targets)),
        )

    async def list_sets(self, *, after: str, limit: int) -> Sequence[IndicatorSet]:
        query = select(_SET).where(_SET.code > after).order_by(_SET.code).limit(limit)
        return [load(IndicatorSet, row.document) for row in await self._session.scalars(query)]

    async def get_set(self, code: str) -> IndicatorSet | None:
        row = await self._session.get(_SET, code)
        return load(IndicatorSet, row.document) if row else None

    async def put_set(self, indicator_set: IndicatorSet) -> None:
        statement = insert(_SET).values(code=indicator_set.code, document=dump(indicator_set))
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["code"], set_={"document": statement.excluded.document})
        )

    async def get_indicator(self, indicator_id: str, version: int = 0) -> Indicator | None:
        query = select(_INDICATOR).where(_INDICATOR.id == indicator_id)
        if version:
            query = query.where(_INDICATOR.version == version)
        row = (await self._session.scalars(query.order_by(_INDICATOR.version.desc()).limit(1))).first()
        return load(Indicator, row.document) if row else None

    async def put_indicator(self, indicator: Indicator) -> None:
        self._session.add(IndicatorRow(id=indicator.id, version=indicator.version, document=dump(indicator)))
        await self._session.flush()

    async def get_target(self, code: str, version: int = 0) -> Target | None:
        query = select(_TARGET).where(_TARGET.code == code)
        if version:
            query = query.where(_TARGET.version == version)
        row = (await self._session.scalars(query.order_by(_TARGET.version.desc()).limit(1))).first()
        return load(Target, row.document) if row else None

    async def put_target(self, target: Target) -> None:
        self._session.add(
            TargetRow(code=target.code, version=target.version, indicator=target.indicator, document=dump(target))
        )
        await self._session.flush()
