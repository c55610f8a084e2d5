"""Pending work: one row for each value that is to be computed, held under a lease while somebody does it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ioc_kpi.domain.indicator import Subject
from ioc_kpi.domain.period import Period, PeriodKind
from ioc_kpi.domain.work import Claim, Work
from ioc_kpi.store.tables import WorkRow

# Columns as SQLAlchemy's own: the type checker takes a row's attributes for plain values.
_WORK: Any = WorkRow

_KEY = ("tenant", "indicator", "subject_key", "period_start")
_KEY_COLUMNS: Any = tuple_(_WORK.tenant, _WORK.indicator, _WORK.subject_key, _WORK.period_start)
_CHUNK = 2000


class WorkQueries:
    """The part of `KpiTransaction` about pending work."""

    _session: AsyncSession

    async def enqueue(self, work: Sequence[Work]) -> None:
        # In order of key, so that two transactions that touch the same rows wait for each other instead of deadlocking.
        rows = [_row(each) for each in sorted(work, key=lambda each: each.key)]
        for start in range(0, len(rows), _CHUNK):
            statement = insert(_WORK).values(rows[start : start + _CHUNK])
            new = statement.excluded
            await self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=list(_KEY),
                    set_={
                        # Work that is being done was due already: its repeat waits for its own time.
                        "due_at": case(
                            (_WORK.lease.is_not(None), new.due_at), else_=func.least(_WORK.due_at, new.due_at)
                        ),
                        "traceparent": new.traceparent,
                        "generation": _WORK.generation + 1,
                    },
                )
            )

    async def settle(self, claim: Claim) -> bool:
        held = and_(_is(claim.work), _WORK.lease == claim.lease)
        done = await self._session.execute(delete(_WORK).where(held, _WORK.generation == claim.generation))
        if done.rowcount:  # type: ignore[attr-defined]
            return True
        kept = await self._session.execute(update(_WORK).where(held).values(lease=None, leased_until=None, attempts=0))
        return bool(kept.rowcount)  # type: ignore[attr-defined]


async def claim(session: AsyncSession, now: datetime, lease: str, until: datetime, limit: int) -> list[Claim]:
    """Takes due work that nobody holds, oldest first; rows that another worker is taking are passed over."""
    due = (
        select(_WORK.tenant, _WORK.indicator, _WORK.subject_key, _WORK.period_start)
        .where(_WORK.due_at <= now, or_(_WORK.lease.is_(None), _WORK.leased_until < now))
        .order_by(_WORK.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    taken = (
        update(_WORK)
        .where(_KEY_COLUMNS.in_(select(due)))
        .values(lease=lease, leased_until=until, attempts=_WORK.attempts + 1)
        .returning(_WORK)
        .execution_options(synchronize_session=False)
    )
    rows = (await session.execute(taken)).scalars().all()
    return [
        Claim(_work(row), lease, row.generation, row.attempts)
        for row in sorted(rows, key=lambda row: (row.due_at, row.tenant, row.indicator, row.subject_key))
    ]


async def release(session: AsyncSession, claims: Sequence[Claim], due_at: datetime) -> None:
    """Gives back what is still held under the claims' leases."""
    await session.execute(
        update(_WORK)
        .where(
            _KEY_COLUMNS.in_([each.work.key for each in claims]),
            _WORK.lease.in_({each.lease for each in claims}),
        )
        .values(lease=None, leased_until=None, due_at=due_at)
        .execution_options(synchronize_session=False)
    )


async def next_due(session: AsyncSession) -> datetime | None:
    """When the first work that nobody holds comes due."""
    query = select(func.min(_WORK.due_at)).where(_WORK.lease.is_(None))
    due_at: datetime | None = (await session.execute(query)).scalar_one()
    return due_at


def _is(work: Work) -> Any:
    return work.key == _KEY_COLUMNS


def _row(work: Work) -> dict[str, object]:
    return {
        "tenant": work.tenant,
        "indicator": work.indicator,
        "subject_key": work.subject.key,
        "period_start": work.period.start,
        "period_kind": work.period.kind.value,
        "area": work.subject.area,
        "thing": work.subject.thing,
        "dimension_code": work.subject.dimension_code,
        "due_at": work.due_at,
        "traceparent": work.traceparent,
        "generation": 1,
        "attempts": 0,
    }


def _work(row: WorkRow) -> Work:
    period = Period.containing(PeriodKind(row.period_kind), row.period_start)
    subject = Subject(row.area, row.thing, row.dimension_code)
    return Work(row.tenant, row.indicator, subject, period, row.due_at, row.traceparent)
