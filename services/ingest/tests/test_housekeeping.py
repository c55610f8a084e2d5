"""Housekeeping makes tables small and changes no sum."""

from datetime import timedelta

import pytest

from ioc_ingest.store.housekeeping import Housekeeping
from ioc_kit.sql import Database

BOOK = """
    INSERT INTO book SELECT n, 'vinh', 'air-quality', 'mqtt', hour, 10, 9, 1, 8, 1, 0, hour,
                            hour + n * interval '1 second'
    FROM generate_series(1, 50) AS n, CAST($1 AS timestamptz) AS hour
"""


@pytest.fixture
async def housekeeping(fresh_urls, fixed_clock):
    database = Database(fresh_urls.runtime, "ingest", pool=2)
    yield Housekeeping(database, fixed_clock, receipts=timedelta(days=30), quarantine=timedelta(days=30))
    await database.aclose()


async def test_books_of_past_hours_become_one_row_and_their_sums_stay(housekeeping, fresh_urls, connect, fixed_clock):
    sql = await connect(fresh_urls)
    hour = fixed_clock.now().replace(minute=0)
    for age in (timedelta(0), timedelta(hours=5)):
        await sql.execute(BOOK, hour - age)
    sums = "SELECT sum(received), sum(accepted), sum(stored), max(newest_at), max(received_at), max(position) FROM book"
    before = await sql.fetchrow(sums)
    for _ in range(2):
        await housekeeping.once()
    assert await sql.fetchrow(sums) == before
    counts = await sql.fetch("SELECT count(*) FROM book GROUP BY hour ORDER BY hour")
    assert [row["count"] for row in counts] == [1, 50]


async def test_only_the_newest_checkpoint_and_young_receipts_and_refusals_are_kept(
    housekeeping, fresh_urls, connect, fixed_clock
):
    sql = await connect(fresh_urls)
    await sql.execute("INSERT INTO checkpoint (position) SELECT generate_series(1, 9)")
    for position, age in ((1, timedelta(days=31)), (2, timedelta(days=29))):
        at = fixed_clock.now() - age
        await sql.execute(
            "INSERT INTO receipt VALUES ($1, 'vinh', 's', 'grpc', 'b', 1, 1, '', 1, 1, 0, $2, 0, '')", position, at
        )
        await sql.execute(
            "INSERT INTO quarantine VALUES ($1, 0, 'vinh', 's', 'grpc', '', $2, 1, '', '', '', '', '', '', '', 0, '')",
            position,
            at,
        )
    await housekeeping.once()
    assert await sql.fetchval("SELECT array_agg(position) FROM checkpoint") == [9]
    assert await sql.fetchval("SELECT array_agg(position) FROM receipt") == [2]
    assert await sql.fetchval("SELECT array_agg(position) FROM quarantine") == [2]


async def test_an_empty_installation_is_kept_house_without_trouble(housekeeping, fresh_urls, connect):
    await housekeeping.once()
    sql = await connect(fresh_urls)
    assert await sql.fetchval("SELECT count(*) FROM checkpoint") == 0
