"""The SQL of what is handed on: collections and their objects, in the order in which they were committed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, DateTime, Text, and_, any_, cast, literal, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from ioc_soc_bridge.domain.exchange import SPEC_VERSION, Centre, Match, ServedObject, StixObject
from ioc_soc_bridge.domain.marking import Tlp
from ioc_soc_bridge.store.bulk import insert_rows
from ioc_soc_bridge.store.tables import CentreRow, ObjectRow, TurnRow

_TICK = timedelta(microseconds=1)
_OBJECT_COLUMNS = {
    "tenant": "text",
    "added_at": "timestamptz",
    "object_id": "text",
    "type": "text",
    "version": "timestamptz",
    "tlp": "smallint",
    "is_first": "boolean",
    "is_last": "boolean",
    "document": "jsonb",
}
UNNAMED_SINCE = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


class Feed:
    """The half of a transaction that deals with collections. Writers hold the tenant's turn."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def centre(self, tenant: str) -> Centre:
        row = await self._session.get(CentreRow, tenant)
        return Centre(tenant, row.name_vi, row.name_en, row.named_at) if row is not None else _unnamed(tenant)

    async def centres(self) -> Sequence[Centre]:
        named = {row.tenant: row for row in await self._session.scalars(select(CentreRow))}
        active = set(await self._session.scalars(select(TurnRow.tenant)))
        return [
            Centre(tenant, row.name_vi, row.name_en, row.named_at) if (row := named.get(tenant)) else _unnamed(tenant)
            for tenant in sorted(active | set(named))
        ]

    async def put_centre(self, centre: Centre) -> None:
        row = {
            "tenant": centre.tenant,
            "name_vi": centre.name_vi,
            "name_en": centre.name_en,
            "named_at": centre.named_at,
        }
        statement = insert(CentreRow).values(row)
        changed = {name: statement.excluded[name] for name in row if name != "tenant"}
        # Only another name is news: the same one again must not make a new version of the identity.
        is_other = (col(CentreRow.name_vi) != centre.name_vi) | (col(CentreRow.name_en) != centre.name_en)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["tenant"], set_=changed, where=is_other)
        )

    async def add_objects(self, tenant: str, objects: Sequence[StixObject], at: datetime) -> None:
        fresh = await self._fresh(tenant, objects)
        if not fresh:
            return
        turn = await self._session.get_one(TurnRow, tenant)
        # The turn is held until the commit, so whoever commits later has read this value and adds above it: a reader
        # that has seen `added_at` T has seen everything below T, for ever.
        place = max(at, turn.last_added_at + _TICK)
        rows: list[dict[str, Any]] = []
        last_of: dict[str, dict[str, Any]] = {}
        seen = await self._present(tenant, [each.object_id for each in fresh])
        for each in fresh:
            row = {
                "tenant": tenant,
                "added_at": place,
                "object_id": each.object_id,
                "type": each.type,
                "version": each.version or place,
                "tlp": int(each.tlp),
                "is_first": each.object_id not in seen and each.object_id not in last_of,
                "is_last": True,
                "document": dict(each.document),
            }
            if earlier := last_of.get(each.object_id):
                earlier["is_last"] = False
            last_of[each.object_id] = row
            rows.append(row)
            place += _TICK
        await self._session.execute(
            update(ObjectRow)
            .where(col(ObjectRow.tenant) == tenant, col(ObjectRow.object_id) == _any(list(last_of)))
            .where(col(ObjectRow.is_last))
            .values(is_last=False)
        )
        await insert_rows(self._session, "stix_object", _OBJECT_COLUMNS, rows)
        turn.last_added_at = rows[-1]["added_at"]
        await self._session.flush()

    async def list_objects(
        self, tenant: str, match: Match, up_to: Tlp, *, added_after: datetime | None, limit: int
    ) -> Sequence[ServedObject]:
        if match.spec_versions and SPEC_VERSION not in match.spec_versions:
            return []
        query = (
            select(ObjectRow)
            .where(ObjectRow.tenant == tenant, col(ObjectRow.tlp) <= int(up_to))
            .order_by(col(ObjectRow.added_at))
            .limit(limit)
        )
        if added_after is not None:
            query = query.where(col(ObjectRow.added_at) > added_after)
        if match.ids:
            query = query.where(col(ObjectRow.object_id) == _any(match.ids))
        if match.types:
            query = query.where(col(ObjectRow.type) == _any(match.types))
        if not match.is_all:
            exact = any_(cast(list(match.versions), ARRAY(DateTime(timezone=True))))
            query = query.where(
                or_(
                    col(ObjectRow.version) == exact,
                    and_(literal(match.is_last), col(ObjectRow.is_last)),
                    and_(literal(match.is_first), col(ObjectRow.is_first)),
                )
            )
        return [
            ServedObject(row.object_id, row.type, row.version, row.added_at, row.document)
            for row in await self._session.scalars(query)
        ]

    async def _fresh(self, tenant: str, objects: Sequence[StixObject]) -> list[StixObject]:
        """Those of the objects whose version is not there yet, each once, in their order."""
        if not objects:
            return []
        query = select(ObjectRow.object_id, ObjectRow.version, ObjectRow.tlp).where(
            ObjectRow.tenant == tenant, col(ObjectRow.object_id) == _any([each.object_id for each in objects])
        )
        there: set[tuple[str, object]] = set()
        for object_id, version, tlp in await self._session.execute(query):
            there |= {(object_id, version), (object_id, tlp)}
        fresh = []
        for each in objects:
            # What has no version of its own is added again only under another marking.
            mark = (each.object_id, each.version or int(each.tlp))
            if mark not in there:
                there.add(mark)
                fresh.append(each)
        return fresh

    async def _present(self, tenant: str, object_ids: Sequence[str]) -> set[str]:
        query = select(ObjectRow.object_id).where(
            ObjectRow.tenant == tenant, col(ObjectRow.object_id) == _any(object_ids)
        )
        return set(await self._session.scalars(query))


def _unnamed(tenant: str) -> Centre:
    return Centre(tenant, tenant, "", UNNAMED_SINCE)


def _any(values: Sequence[str]) -> Any:
    return any_(cast(list(values), ARRAY(Text)))
