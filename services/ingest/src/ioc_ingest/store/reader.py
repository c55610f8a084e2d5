"""Reads of the ledger: latest values, history as it was known, windows. Row-level security decides what is seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Row, text

from ioc_ingest.domain.columns import QUALITY_BAD
from ioc_ingest.domain.errors import SeriesUnknown
from ioc_ingest.domain.observation import Aggregate, Observation, SourceStatus, Window, is_stale
from ioc_ingest.domain.terms import from_us
from ioc_ingest.ports import SeriesFilter
from ioc_kit.sql import Database
from ioc_kit.tenancy import Tenancy

_FAR_PAST = datetime(1, 1, 1, tzinfo=UTC)
_FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)
_LEDGER_POSITION = text("SELECT coalesce(max(position), 0) FROM checkpoint")

_LATEST = text(
    """
    SELECT s.tenant, s.key, s.unit, o.at, o.revision, o.value, o.quality, o.received_at, o.position
    FROM series AS s
    CROSS JOIN LATERAL (
        SELECT * FROM observation AS o WHERE o.series_id = s.series_id
        ORDER BY o.series_id DESC, o.at DESC, o.revision DESC LIMIT 1
    ) AS o
    WHERE (:source = '' OR s.source = :source) AND (:measure = '' OR s.measure = :measure)
      AND (:area = '' OR s.area = :area) AND (:thing = '' OR s.thing = :thing)
      AND (s.tenant, s.key) > (:after_tenant, :after_key)
    ORDER BY s.tenant, s.key LIMIT :limit
    """
)
_SERIES = text(
    "SELECT series_id, tenant, key, unit FROM series WHERE key = :key ORDER BY tenant <> :tenant, tenant LIMIT 1"
)
_HISTORY = """
    SELECT {distinct} o.at, o.revision, o.value, o.quality, o.received_at, o.position FROM observation AS o
    WHERE o.series_id = :series_id AND o.at >= :start AND o.at < :end AND o.received_at <= :known_at
      AND (o.at, o.revision) > (:after_at, :after_revision)
    ORDER BY o.at, o.revision {order} LIMIT :limit
"""
_EVERY_REVISION = text(_HISTORY.format(distinct="", order=""))
_IN_FORCE = text(_HISTORY.format(distinct="DISTINCT ON (o.at)", order="DESC"))
_AGGREGATE = text(
    f"""
    SELECT w.ordinal, s.contract_version, s.tenant, s.contract, a.*
    FROM unnest(CAST(:ordinals AS integer[]), CAST(:keys AS text[]), CAST(:starts AS timestamptz[]),
                CAST(:ends AS timestamptz[])) AS w (ordinal, key, start_at, end_at)
    CROSS JOIN LATERAL (
        SELECT * FROM series WHERE series.key = w.key ORDER BY series.tenant <> :tenant, series.tenant LIMIT 1
    ) AS s
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE r.quality <> {QUALITY_BAD}) AS used,
               count(*) FILTER (WHERE r.quality = {QUALITY_BAD}) AS bad_count,
               avg(r.value) FILTER (WHERE r.quality <> {QUALITY_BAD}) AS mean,
               sum(r.value) FILTER (WHERE r.quality <> {QUALITY_BAD}) AS sum,
               min(r.value) FILTER (WHERE r.quality <> {QUALITY_BAD}) AS minimum,
               max(r.value) FILTER (WHERE r.quality <> {QUALITY_BAD}) AS maximum,
               (array_agg(r.value ORDER BY r.at DESC) FILTER (WHERE r.quality <> {QUALITY_BAD}))[1] AS last,
               max(r.at) FILTER (WHERE r.quality <> {QUALITY_BAD}) AS last_at,
               max(r.position) AS position
        FROM (
            SELECT DISTINCT ON (o.at) o.at, o.value, o.quality, o.position FROM observation AS o
            WHERE o.series_id = s.series_id AND o.at >= w.start_at AND o.at < w.end_at AND o.position <= :as_of
            ORDER BY o.at DESC, o.revision DESC
        ) AS r
    ) AS a
    """  # noqa: S608  # a number of ours
)
_CONTRACTS = text(
    """
    SELECT DISTINCT ON (tenant, contract) tenant, contract, source, cadence FROM contract
    WHERE cardinality(ARRAY(SELECT DISTINCT unnest(parts_seen))) = parts
    ORDER BY tenant, contract, version DESC
    """
)
_STATUS = text(
    """
    SELECT s.tenant, s.source, count(*) AS series_count, b.* FROM series AS s
    LEFT JOIN LATERAL (
        SELECT max(newest_at) AS last_observed_at,
               max(received_at) FILTER (WHERE stored + duplicate > 0) AS last_received_at,
               coalesce(sum(stored) FILTER (WHERE hour > :day_ago), 0) AS stored_24h,
               coalesce(sum(quarantined + quarantined_late) FILTER (WHERE hour > :day_ago), 0) AS quarantined_24h
        FROM book WHERE book.tenant = s.tenant AND book.source = s.source
    ) AS b ON true
    WHERE (s.tenant, s.source) > (:after_tenant, :after_source)
    GROUP BY s.tenant, s.source, b.last_observed_at, b.last_received_at, b.stored_24h, b.quarantined_24h
    ORDER BY s.tenant, s.source LIMIT :limit
    """
)


class SqlLedgerReader:
    """Implements the reading half of `LedgerReader` that is about readings and sources."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def latest(
        self, tenancy: Tenancy, wanted: SeriesFilter, *, after: tuple[str, str] | None, limit: int
    ) -> Sequence[Observation]:
        tenant, key = after or ("", "")
        values = {
            "source": wanted.source,
            "measure": wanted.measure,
            "area": wanted.area,
            "thing": wanted.thing,
            "after_tenant": tenant,
            "after_key": key,
            "limit": limit,
        }
        async with self._database.transaction(tenancy) as transaction:
            rows = (await transaction.session.execute(_LATEST, values)).all()
        return [_observation(row, row.tenant, row.key, row.unit) for row in rows]

    async def history(
        self,
        tenancy: Tenancy,
        key: str,
        *,
        start: datetime | None,
        end: datetime | None,
        known_at: datetime | None,
        every_revision: bool,
        after: tuple[int, int] | None,
        limit: int,
    ) -> Sequence[Observation]:
        async with self._database.transaction(tenancy) as transaction:
            found = await transaction.session.execute(_SERIES, {"key": key, "tenant": tenancy.tenant})
            series = found.first()
            if series is None:
                raise SeriesUnknown(key)
            # After the revision in force at a time nothing more of that time follows.
            at, revision = (from_us(after[0]), after[1] if every_revision else 2**31 - 1) if after else (_FAR_PAST, 0)
            values = {
                "series_id": series.series_id,
                "start": start or _FAR_PAST,
                "end": end or _FAR_FUTURE,
                "known_at": known_at or _FAR_FUTURE,
                "after_at": at,
                "after_revision": revision,
                "limit": limit,
            }
            statement = _EVERY_REVISION if every_revision else _IN_FORCE
            rows = (await transaction.session.execute(statement, values)).all()
        return [_observation(row, series.tenant, series.key, series.unit) for row in rows]

    async def aggregate(
        self, tenancy: Tenancy, windows: Sequence[Window], as_of: int
    ) -> tuple[Sequence[Aggregate], int]:
        async with self._database.transaction(tenancy) as transaction:
            position = int((await transaction.session.execute(_LEDGER_POSITION)).scalar_one())
            values = {
                "ordinals": list(range(len(windows))),
                "keys": [window.series_key for window in windows],
                "starts": [window.start for window in windows],
                "ends": [window.end for window in windows],
                "tenant": tenancy.tenant,
                # Rows of a transaction that commits between the two statements would be ahead of the position told.
                "as_of": min(as_of, position) if as_of else position,
            }
            rows = (await transaction.session.execute(_AGGREGATE, values)).all()
            contracts = (await transaction.session.execute(_CONTRACTS)).all()
        cadences = {(contract.tenant, contract.contract): contract.cadence for contract in contracts}
        found = [Aggregate()] * len(windows)
        for row in rows:
            window = windows[row.ordinal]
            cadence = cadences.get((row.tenant, row.contract), timedelta(0))
            found[row.ordinal] = Aggregate(
                count=row.used,
                bad_count=row.bad_count,
                expected=int((window.end - window.start) / cadence) if cadence else 0,
                mean=row.mean,
                sum=row.sum,
                minimum=row.minimum,
                maximum=row.maximum,
                last=row.last,
                last_at=row.last_at,
                position=row.position or 0,
                contract_version=row.contract_version,
            )
        return found, position

    async def source_status(
        self, tenancy: Tenancy, *, now: datetime, after: tuple[str, str] | None, limit: int
    ) -> Sequence[SourceStatus]:
        tenant, source = after or ("", "")
        values = {"after_tenant": tenant, "after_source": source, "day_ago": now - timedelta(days=1), "limit": limit}
        async with self._database.transaction(tenancy) as transaction:
            rows = (await transaction.session.execute(_STATUS, values)).all()
            contracts = (await transaction.session.execute(_CONTRACTS)).all()
        cadences: dict[tuple[str, str], timedelta] = {}
        for each in contracts:
            name = (each.tenant, each.source)
            cadences[name] = min(each.cadence, cadences.get(name, each.cadence))
        return [
            SourceStatus(
                tenant=row.tenant,
                source=row.source,
                series_count=row.series_count,
                last_observed_at=row.last_observed_at,
                last_received_at=row.last_received_at,
                cadence=cadences.get((row.tenant, row.source), timedelta(0)),
                stored_24h=int(row.stored_24h),
                quarantined_24h=int(row.quarantined_24h),
                is_stale=is_stale(row.last_received_at, cadences.get((row.tenant, row.source), timedelta(0)), now),
            )
            for row in rows
        ]


def _observation(row: Row[tuple[object, ...]], tenant: str, key: str, unit: str) -> Observation:
    return Observation(
        tenant=tenant,
        series_key=key,
        unit=unit,
        at=row.at,
        revision=row.revision,
        value=row.value,
        quality=row.quality,
        received_at=row.received_at,
        position=row.position,
    )
