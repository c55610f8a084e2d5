"""From the log into the ledger: once, in order, whatever dies in between."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import asyncpg
import numpy as np
import pytest

from ioc.ingest.v1 import events_pb2, intake_pb2, observation_pb2
from ioc_ingest.store.ledger import LedgerSession
from ioc_ingest.writer.log_reader import LogReader, LogWasReset
from ioc_ingest.writer.writer import Writer
from ioc_kit.bus import Bus, new_event
from ioc_kit.clock import SystemClock

KEY = "air-quality/pm25_ugm3/16681/aq-1"


@pytest.fixture
async def sql(under_contract, connect):
    """A connection of the superuser on the running service's schema."""
    return await connect(under_contract.urls)


@pytest.fixture
def ledger(sql):
    """Gives the rows of the ledger: minute before now, revision, value, quality."""

    async def rows():
        found = await sql.fetch("SELECT at, revision, value, quality FROM observation ORDER BY at, revision")
        return [tuple(row) for row in found]

    return rows


async def test_late_and_corrected_readings_become_revisions_and_repeats_change_nothing(
    under_contract, push, a_batch, ledger, sql, eventually, now
):
    old, new = now - timedelta(hours=2), now - timedelta(minutes=1)

    def at(batch_id, *readings):
        return a_batch(batch_id, [value for _, value in readings], ages=[now - moment for moment, _ in readings])

    await push(under_contract, at("b-1", (new, 10.0)))
    await push(under_contract, at("b-2", (old, 20.0), (new, 11.0)))
    await push(under_contract, at("b-3", (old, 20.0), (new, 11.0), (new, 12.0), (new, 12.0)))

    async def is_written():
        return await sql.fetchval("SELECT sum(accepted) FROM book") == 7

    await eventually(is_written)
    assert await ledger() == [(old, 1, 20.0, 1), (new, 1, 10.0, 1), (new, 2, 11.0, 1), (new, 3, 12.0, 1)]
    books = await sql.fetchrow("SELECT sum(stored) AS stored, sum(duplicate) AS duplicate FROM book")
    assert tuple(books) == (4, 3)


async def test_a_reading_whose_quality_alone_changes_is_a_revision(
    under_contract, push, a_batch, ledger, eventually, now
):
    age = [timedelta(minutes=1)]
    await push(under_contract, a_batch("b-1", (10.0,), ages=age, quality=[4]))
    await push(under_contract, a_batch("b-2", (10.0,), ages=age, quality=[1]))

    async def both():
        return len(await ledger()) == 2

    await eventually(both)
    assert [row[3] for row in await ledger()] == [4, 1]


async def test_a_batch_that_comes_again_days_later_changes_nothing(
    under_contract, push, a_batch, ledger, sql, eventually
):
    await push(under_contract, a_batch("b-1", (10.0, 11.0)))
    await eventually(ledger)
    before = await ledger()
    # What was remembered of the id is gone by then: only the ledger itself can tell.
    await push(under_contract, a_batch("b-1-again", (10.0, 11.0)))

    async def is_written():
        return await sql.fetchval("SELECT sum(duplicate) FROM book") == 2

    await eventually(is_written)
    assert await ledger() == before


async def test_written_events_say_which_series_changed_and_carry_the_trace_on(
    under_contract, push, a_batch, bus, eventually, now, sql
):
    await push(under_contract, a_batch("b-1", (10.0, 11.0)))
    await push(under_contract, a_batch("b-2", (12.0,), ages=[timedelta(minutes=2)]))

    async def told():
        info = await bus.jetstream.stream_info("INGEST")
        return info.state.messages >= 2 and await sql.fetchval("SELECT count(*) FROM outbox") == 0

    await eventually(told)
    first = await bus.jetstream.get_msg("INGEST", 1)
    written = events_pb2.ObservationsWritten.FromString(first.data)
    assert first.subject == "ioc.vinh.ingest.v1.observations.written"
    assert (list(written.series_keys), list(written.stored), list(written.revised)) == ([KEY], [2], [0])
    assert (written.first_position, written.last_position, list(written.latest_value)) == (1, 1, [11.0])
    assert written.from_us[0] == int((now - timedelta(minutes=2)).timestamp() * 1e6)
    second = events_pb2.ObservationsWritten.FromString((await bus.jetstream.get_msg("INGEST", 2)).data)
    assert (list(second.stored), list(second.revised)) == ([1], [1])


async def test_a_batch_of_duplicates_tells_nobody(under_contract, push, a_batch, bus, sql, eventually):
    await push(under_contract, a_batch("b-1", (10.0,)))
    await push(under_contract, a_batch("b-2", (10.0,), ages=[timedelta(minutes=1)]))

    async def is_written():
        return await sql.fetchval("SELECT sum(accepted) FROM book") == 2

    await eventually(is_written)
    await eventually(lambda: sql.fetchval("SELECT count(*) = 0 FROM outbox"))
    assert (await bus.jetstream.stream_info("INGEST")).state.messages == 1


DOOMED = """
import asyncio, sys
from ioc_ingest.writer.writer import Writer
from ioc_kit.bus import Bus
from ioc_kit.clock import SystemClock

async def main(nats_url, writer_url, reader_url):
    bus = await Bus.connect(nats_url, "", "", name="doomed")
    await Writer(bus, writer_url, reader_url, SystemClock(), linger_seconds=0).run()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_writer_leaves_nothing_half_written_and_nothing_is_stored_twice(
    fresh_urls, start_service, publish_contract, air_contract, bus, eventually, connect
):
    urls = fresh_urls
    sql = await connect(urls)
    async with start_service(urls):
        await publish_contract(air_contract())
        await eventually(lambda: sql.fetchval("SELECT count(*) FROM series"))
    # The service is gone, and its writer with it: the doomed ones are alone.
    sent = 0
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DOOMED, bus.client.connected_url.geturl(), urls.writer, urls.runtime
        )
        before = await sql.fetchval("SELECT coalesce(max(position), 0) FROM checkpoint")

        async def has_moved(before=before):
            return await sql.fetchval("SELECT coalesce(max(position), 0) FROM checkpoint") > before + 40

        moved = asyncio.ensure_future(eventually(has_moved, seconds=30))
        while not moved.done() or sent % 50:
            await bus.publish(a_log_event(sent, rows=50))
            sent += 1
        await moved
        process.kill()
        await process.wait()
        # What each transaction did, it did whole: rows, books and checkpoint agree.
        counts = await sql.fetchrow(
            "SELECT (SELECT count(*) FROM observation), (SELECT sum(stored) FROM book),"
            " 50 * (SELECT max(position) FROM checkpoint)"
        )
        assert len(set(counts)) == 1

    async def is_done():
        return await sql.fetchval("SELECT sum(stored + duplicate) FROM book") == sent * 50

    async with start_service(urls):
        await eventually(is_done, seconds=30)
    assert await sql.fetchval("SELECT count(*) FROM observation") == sent * 50
    assert await sql.fetchval("SELECT max(revision) FROM observation") == 1
    assert await sql.fetchval("SELECT sum(duplicate) FROM book") == 0


def a_log_event(number, rows=1, key=KEY, tenant="vinh", **headers):
    """A message of the log as a door writes it."""
    received_at = datetime.now(UTC)
    start = int((received_at - timedelta(days=1)).timestamp() * 1e6) + number * rows
    batch = events_pb2.BatchAccepted(
        source="air-quality",
        contract="air-quality",
        contract_version=1,
        door="grpc",
        batch_id=f"log-{number}",
        content_sha256=b"\x01" * 32,
        batch=intake_pb2.ObservationBatch(
            series_keys=[key],
            series_index=[0] * rows,
            time_us=list(range(start, start + rows)),
            value=[float(number)] * rows,
        ),
        received=rows,
        accepted=rows,
    )
    batch.received_at.FromDatetime(received_at)
    event = new_event(batch, tenant=tenant, source="ingest", noun="batch", verb="accepted", at=received_at)
    counts = {"ioc-received": str(rows), "ioc-accepted": str(rows), "ioc-quarantined": "0"}
    made = {"ioc-hash": "01" * 32, "ioc-part": "1/1", "ioc-source": "air-quality", "ioc-door": "grpc"}
    event.headers.update(made | counts | {"ioc-repeatable": "0"} | headers)
    return event


async def test_only_one_writer_is_active_and_another_takes_over_at_once(
    under_contract, nats_server, push, a_batch, eventually, sql
):
    second = await Bus.connect(nats_server.url, "", "", name="second")
    writer = Writer(second, under_contract.urls.writer, under_contract.urls.runtime, SystemClock(), linger_seconds=0)
    task = asyncio.ensure_future(writer.run())
    try:
        await push(under_contract, a_batch())

        async def is_written():
            return await sql.fetchval("SELECT count(*) FROM observation") == 2

        await eventually(is_written)
        assert writer.position == 0
        # The active writer loses its connection, and with it the lock: exactly one of the two goes on.
        await sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'ioc-ingest-writer' AND datname = current_database()"
        )
        await push(under_contract, a_batch("b-2", (5.0,), ages=[timedelta(hours=1)]))

        async def third():
            return await sql.fetchval("SELECT count(*) FROM observation") == 3

        await eventually(third)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await second.close()


async def test_a_message_that_cannot_be_stored_is_set_aside_and_holds_nobody_up(
    under_contract, push, a_batch, bus, eventually, sql
):
    # As the door publishes: the stream that a batch belongs to is not the one of dead letters.
    told = {"Nats-Expected-Stream": "OBSERVATIONS"}
    await bus.jetstream.publish("ioc.vinh.ingest.v1.batch.accepted", b"nonsense", headers=told)
    no_counts = a_log_event(1)
    del no_counts.headers["ioc-part"]
    await bus.publish(no_counts)
    await push(under_contract, a_batch())

    async def is_written():
        return await sql.fetchval("SELECT count(*) FROM observation") == 2

    await eventually(is_written)
    dead = await bus.jetstream.stream_info("DEADLETTERS")
    assert dead.state.messages == 2
    first = await bus.jetstream.get_msg("DEADLETTERS", 1)
    assert "CloudEvent" in first.headers["ioc-dead-reason"]


async def test_a_text_that_postgresql_refuses_sets_aside_its_own_message_only(
    under_contract, push, a_batch, bus, eventually, sql, monkeypatch
):
    poisoned = a_log_event(1)
    batch = events_pb2.BatchAccepted.FromString(poisoned.data)
    batch.quarantine.add(rule="x", origin="a\x00b")
    object.__setattr__(poisoned, "data", batch.SerializeToString())
    await asyncio.gather(bus.publish(poisoned), push(under_contract, a_batch()))

    async def is_written():
        return await sql.fetchval("SELECT count(*) FROM observation") == 2

    await eventually(is_written)
    assert (await bus.jetstream.stream_info("DEADLETTERS")).state.messages == 1


async def test_rows_of_a_series_that_the_ledger_does_not_know_are_quarantined_late(
    under_contract, bus, eventually, sql
):
    await bus.publish(a_log_event(1, rows=3, key="air-quality/pm25_ugm3/16681/never-published"))

    async def is_booked():
        return await sql.fetchrow("SELECT accepted, stored, quarantined_late FROM book")

    assert tuple(await eventually(is_booked)) == (3, 0, 3)
    assert await sql.fetchval("SELECT count(*) FROM quarantine WHERE rule = 'series-unknown'") == 3


async def test_months_get_partitions_as_readings_need_them_and_a_full_default_is_emptied(
    under_contract, push, a_batch, eventually, sql
):
    month = (datetime.now(UTC) - timedelta(days=70)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    name = f"observation_{month:%Y_%m}"
    assert await sql.fetchval("SELECT to_regclass($1)", name) is None
    await sql.execute("INSERT INTO observation VALUES (1, 'vinh', $1, 1, 1, 1, now(), 0)", month)
    assert await sql.fetchval("SELECT count(*) FROM observation_default") == 1
    assert await sql.fetchval("SELECT ensure_month($1)", month.date()) is True
    assert await sql.fetchval("SELECT ensure_month($1)", month.date()) is False
    assert await sql.fetchval("SELECT count(*) FROM observation_default") == 0
    assert await sql.fetchval("SELECT tableoid::regclass::text FROM observation") == name
    await push(under_contract, a_batch())

    async def is_written():
        return await sql.fetchval("SELECT count(*) FROM observation WHERE at > now() - interval '1 hour'") == 2

    await eventually(is_written)
    assert await sql.fetchval("SELECT count(*) FROM observation_default") == 0


async def test_a_log_that_was_emptied_under_a_written_ledger_stops_the_writer_with_a_remedy(bus, under_contract):
    with pytest.raises(LogWasReset, match="start with an empty ledger"):
        async with LogReader(bus, after=1_000_000):
            raise AssertionError("opened")


async def test_the_writing_role_adds_and_sees_nothing(under_contract, push, a_batch, eventually, sql):
    await push(under_contract, a_batch())

    async def is_written():
        return await sql.fetchval("SELECT count(*) FROM observation") == 2

    await eventually(is_written)
    writer = await asyncpg.connect(under_contract.urls.writer, server_settings={"search_path": "ingest"})
    try:
        for statement in (
            "SELECT * FROM observation",
            "SELECT * FROM quarantine",
            "UPDATE observation SET value = 0",
            "DELETE FROM observation",
            "SELECT ensure_month('2020-01-01')",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await writer.execute(statement)
    finally:
        await writer.close()
    reader = await asyncpg.connect(under_contract.urls.runtime, server_settings={"search_path": "ingest"})
    try:
        for statement in (
            "UPDATE observation SET value = 0",
            "DELETE FROM observation",
            "INSERT INTO observation VALUES (1, 'vinh', now(), 1, 1, 1, now(), 1)",
            "SELECT * FROM observation_default",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute(statement)
    finally:
        await reader.close()


async def test_what_the_ledger_knows_is_found_by_staging(under_contract, push, a_batch, eventually, sql):
    from ioc_ingest.domain.revision import Rows

    await push(under_contract, a_batch("b-1", (10.0, 11.0)))
    await push(under_contract, a_batch("b-2", (12.0,), ages=[timedelta(minutes=1)]))

    async def is_written():
        return await sql.fetchval("SELECT count(*) FROM observation") == 3

    await eventually(is_written)
    stored = await sql.fetch(
        "SELECT DISTINCT ON (at) series_id, (extract(epoch FROM at) * 1000000)::bigint AS us, revision, value"
        " FROM observation ORDER BY at, revision DESC"
    )
    times = [row["us"] for row in stored] + [1]
    count = len(times)
    rows = Rows(
        np.full(count, stored[0]["series_id"], np.int32),
        np.array(times, np.int64),
        np.zeros(count),
        np.ones(count, np.int8),
        np.zeros(count, np.int32),
    )
    # The service's own writer holds the lock: only the reading half is used here.
    session = LedgerSession.__new__(LedgerSession)
    session._reading = await asyncpg.connect(
        under_contract.urls.runtime, server_settings={"search_path": "ingest", "ioc.scope": "system"}
    )
    await session._reading.execute(
        "CREATE TEMPORARY TABLE staged (place integer NOT NULL, series_id integer NOT NULL, at timestamptz NOT NULL)"
        " ON COMMIT DELETE ROWS"
    )
    try:
        known = await session.known(rows, np.arange(count))
        found = sorted(zip(known.place.tolist(), known.revision.tolist(), known.value.tolist(), strict=True))
        assert found == [(0, 1, 10.0), (1, 2, 12.0)]
    finally:
        await session._reading.close()


async def test_reading_back_shows_what_was_pushed(under_contract, push, a_batch, as_role, eventually):
    await push(under_contract, a_batch())

    async def latest():
        request = observation_pb2.ListLatestObservationsRequest()
        return (await under_contract.observations.ListLatestObservations(request, **as_role("partner"))).observations

    (found,) = await eventually(latest)
    assert (found.series_key, found.value, found.unit, found.tenant, found.revision) == (KEY, 11.0, "ug/m3", "vinh", 1)
