"""Reading back: history as it was known, windows as of a position, state of sources, books, walls between tenants."""

from datetime import UTC, datetime, timedelta

import asyncpg
import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.ingest.v1 import (
    balance_pb2,
    intake_pb2,
    observation_pb2,
    quarantine_pb2,
)
from ioc.type.v1 import text_pb2
from ioc_ingest.policy import POLICY
from ioc_kit.rpc import error_from_call

KEY = "air-quality/pm25_ugm3/16681/aq-1"


def stamp(at):
    found = Timestamp()
    found.FromDatetime(at.astimezone(UTC).replace(tzinfo=None))
    return found


@pytest.fixture
def written(connect, eventually):
    """Gives `await written(service, n)`: waits until the writer has booked n accepted rows."""

    async def wait(service, rows):
        sql = await connect(service.urls)

        async def are_booked():
            return await sql.fetchval("SELECT coalesce(sum(accepted), 0) FROM book") >= rows

        await eventually(are_booked)

    return wait


@pytest.fixture
def history(as_role):
    """Gives the readings of the series as (value, revision)."""

    async def ask(service, *, roles=("partner",), tenant="vinh", **request):
        call = observation_pb2.ListObservationsRequest(series_key=KEY, **request)
        answer = await service.observations.ListObservations(call, **as_role(*roles, tenant=tenant))
        return [(o.value, o.revision) for o in answer.observations], answer

    return ask


@pytest.fixture
def windows(as_role):
    async def ask(service, *spans, as_of=0, key=KEY, roles=("service",), tenant="nghe-an"):
        asked = [
            observation_pb2.Window(**{"series_key": key, "from": stamp(start), "to": stamp(end)})
            for start, end in spans
        ]
        call = observation_pb2.AggregateWindowsRequest(windows=asked, as_of_position=as_of)
        return await service.observations.AggregateWindows(call, **as_role(*roles, tenant=tenant))

    return ask


async def test_the_value_known_before_a_correction_stays_readable(under_contract, push, a_batch, written, history):
    age = [timedelta(minutes=1)]
    (first,) = await push(under_contract, a_batch("b-1", (10.0,), ages=age))
    await written(under_contract, 1)
    known_then = datetime.now(UTC)
    await push(under_contract, a_batch("b-2", (12.0,), ages=age))
    await written(under_contract, 2)
    assert (await history(under_contract))[0] == [(12.0, 2)]
    assert (await history(under_contract, as_of=stamp(known_then)))[0] == [(10.0, 1)]
    before = first.received_at.ToDatetime(UTC) - timedelta(seconds=1)
    assert (await history(under_contract, as_of=stamp(before)))[0] == []
    assert (await history(under_contract, include_revisions=True))[0] == [(10.0, 1), (12.0, 2)]


async def test_history_comes_in_pages_that_lose_and_repeat_nothing(under_contract, push, a_batch, written, history):
    await push(under_contract, a_batch("b-1", tuple(float(n) for n in range(7))))
    await push(under_contract, a_batch("b-2", (50.0,), ages=[timedelta(minutes=4)]))
    await written(under_contract, 8)
    for every, expected in ((False, [0, 1, 2, 50, 4, 5, 6]), (True, [0, 1, 2, 3, 50, 4, 5, 6])):
        found, token = [], ""
        while True:
            rows, answer = await history(under_contract, page_size=2, page_token=token, include_revisions=every)
            found += [value for value, _ in rows]
            token = answer.next_page_token
            if not token:
                break
        assert found == expected


async def test_history_keeps_to_the_interval_asked_for(under_contract, push, a_batch, written, history, now):
    await push(under_contract, a_batch("b-1", (1.0, 2.0, 3.0)))
    await written(under_contract, 3)
    interval = text_pb2.Interval(**{"from": stamp(now - timedelta(minutes=2)), "to": stamp(now - timedelta(minutes=1))})
    assert (await history(under_contract, interval=interval))[0] == [(2.0, 1)]


async def test_windows_are_aggregated_by_the_newest_revision_and_bad_readings_only_counted(
    under_contract, push, a_batch, written, windows, now
):
    request = a_batch("b-1", (10.0, 20.0, 30.0), quality=[1, 3, 2])
    (first,) = await push(under_contract, request)
    (second,) = await push(under_contract, a_batch("b-2", (50.0,), ages=[timedelta(minutes=1)]))
    await written(under_contract, 4)
    span = (now - timedelta(minutes=10), now)
    answer = await windows(under_contract, span, (now - timedelta(days=2), now - timedelta(days=1)))
    full, empty = answer.aggregates
    assert (full.count, full.bad_count, full.expected) == (2, 1, 10)
    assert (full.mean, full.sum, full.min, full.max, full.last) == (30.0, 60.0, 10.0, 50.0, 50.0)
    assert full.last_at.ToDatetime(UTC) == now - timedelta(minutes=1)
    assert (full.position, full.contract_version, answer.ledger_position) == (second.position, 1, second.position)
    assert (empty.count, empty.HasField("mean"), empty.HasField("last"), empty.expected) == (0, False, False, 1440)
    then = (await windows(under_contract, span, as_of=first.position)).aggregates[0]
    assert (then.mean, then.position) == (20.0, first.position)


async def test_a_window_that_ends_before_it_begins_is_refused_by_name(under_contract, windows, now):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await windows(under_contract, (now, now + timedelta(1)), (now, now))
    assert error_from_call(caught.value).violations[0].field == "windows[1].to"


async def test_a_window_of_a_series_out_of_reach_is_as_one_without_readings(
    under_contract, push, a_batch, written, windows, now
):
    await push(under_contract, a_batch())
    await written(under_contract, 2)
    span = (now - timedelta(hours=1), now)
    unknown = (await windows(under_contract, span, key="no/such/series")).aggregates[0]
    other = (await windows(under_contract, span, roles=("oc-admin",), tenant="hoang-mai")).aggregates[0]
    own = (await windows(under_contract, span, roles=("oc-admin",), tenant="vinh")).aggregates[0]
    assert (unknown.count, other.count, own.count) == (0, 0, 2)


async def test_sources_tell_when_they_last_delivered_and_turn_stale(
    under_contract, push, a_batch, written, as_role, connect, now
):
    async def status():
        request = observation_pb2.ListSourceStatusRequest()
        return (await under_contract.status.ListSourceStatus(request, **as_role("partner"))).sources[0]

    silent = await status()
    assert (silent.is_stale, silent.HasField("last_received_at"), silent.series_count) == (True, False, 4)
    await push(under_contract, a_batch(values=(1.0, -50.0)))
    await written(under_contract, 1)
    found = await status()
    assert (found.is_stale, found.stored_24h, found.quarantined_24h, found.cadence.seconds) == (False, 1, 1, 60)
    assert found.last_observed_at.ToDatetime(UTC) == now - timedelta(minutes=2)
    sql = await connect(under_contract.urls)
    await sql.execute("UPDATE book SET received_at = received_at - interval '4 minutes'")
    assert (await status()).is_stale


async def test_books_show_what_lies_in_the_log_as_pending_until_it_is_written(
    under_contract, push, a_batch, as_role, connect, eventually
):
    sql = await connect(under_contract.urls)
    # Whoever holds this stops the writer inside its transaction.
    held = sql.transaction()
    await held.start()
    await sql.execute("LOCK TABLE book IN EXCLUSIVE MODE")
    await push(under_contract, a_batch(values=(1.0, 2.0, -5.0)))

    async def rows():
        call = under_contract.balance.GetBalance(balance_pb2.GetBalanceRequest(), **as_role("partner"))
        return [(r.received, r.accepted, r.quarantined, r.stored, r.pending, r.is_balanced) for r in (await call).rows]

    assert await rows() == [(3, 2, 1, 0, 2, True)]
    await held.rollback()

    async def are_written():
        return await rows() == [(3, 2, 1, 2, 0, True)]

    await eventually(are_written)


async def test_a_row_that_vanished_from_the_ledger_or_stands_twice_shows_in_the_recount(
    under_contract, push, a_batch, written, as_role, connect
):
    await push(under_contract, a_batch())
    await written(under_contract, 2)

    async def recount():
        request = balance_pb2.RecountLedgerRequest()
        answer = await under_contract.balance.RecountLedger(request, **as_role("province-admin", tenant="nghe-an"))
        return answer.ledger_rows, answer.booked_rows, answer.repeated_rows

    assert await recount() == (2, 2, 0)
    sql = await connect(under_contract.urls)
    await sql.execute(
        "INSERT INTO observation SELECT series_id, tenant, at, 2, value, quality, now(), 9 FROM observation LIMIT 1"
    )
    assert await recount() == (3, 2, 1)


async def test_an_interval_of_books_that_is_too_long_or_empty_is_refused(under_contract, as_role, now):
    for days in (-1, 0, 33):
        interval = text_pb2.Interval(**{"from": stamp(now), "to": stamp(now + timedelta(days=days, minutes=-1))})
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await under_contract.balance.GetBalance(
                balance_pb2.GetBalanceRequest(interval=interval), **as_role("partner")
            )
        assert error_from_call(caught.value).violations[0].field == "interval"


@pytest.mark.parametrize("text", ["'; DROP TABLE series; --", "\x1b[31m", "ü" * 500, "%", "a/b/c"])
async def test_any_text_in_a_filter_finds_nothing_and_breaks_nothing(text, under_contract, as_role):
    caller = as_role("partner")
    for name in ("source", "measure", "area", "thing"):
        request = observation_pb2.ListLatestObservationsRequest(**{name: text})
        assert not (await under_contract.observations.ListLatestObservations(request, **caller)).observations
    for name in ("source", "door", "rule"):
        items = quarantine_pb2.ListQuarantineItemsRequest(**{name: text})
        assert not (await under_contract.quarantine.ListQuarantineItems(items, **caller)).items
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await under_contract.observations.ListObservations(
            observation_pb2.ListObservationsRequest(series_key=text), **caller
        )
    assert error_from_call(caught.value).reason == "SERIES_UNKNOWN"


async def test_a_nul_in_a_text_is_told_as_a_wrong_argument(under_contract, as_role):
    request = observation_pb2.ListObservationsRequest(series_key="a\x00b")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await under_contract.observations.ListObservations(request, **as_role("partner"))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_tenant_sees_nothing_of_anothers_and_the_province_sees_both(
    under_contract, publish_contract, air_contract, push, a_batch, written, as_role, eventually, history
):
    await publish_contract(air_contract(tenant="hoang-mai"))

    async def is_known():
        try:
            return await push(under_contract, a_batch("hm-1", (77.0,)), tenant="hoang-mai")
        except grpc.aio.AioRpcError:
            return None

    await eventually(is_known)
    await push(under_contract, a_batch("v-1", (10.0, -5.0)))
    await written(under_contract, 2)

    async def tenants_seen(**caller):
        metadata = as_role(**caller) if not caller.get("roles") else as_role(*caller.pop("roles"), **caller)
        latest = await under_contract.observations.ListLatestObservations(
            observation_pb2.ListLatestObservationsRequest(), **metadata
        )
        books = await under_contract.balance.GetBalance(balance_pb2.GetBalanceRequest(), **metadata)
        sources = await under_contract.status.ListSourceStatus(observation_pb2.ListSourceStatusRequest(), **metadata)
        items = await under_contract.quarantine.ListQuarantineItems(
            quarantine_pb2.ListQuarantineItemsRequest(), **metadata
        )
        return (
            {o.tenant for o in latest.observations},
            {r.tenant for r in books.rows},
            {s.tenant for s in sources.sources},
            {i.tenant for i in items.items},
        )

    vinh, hoang_mai, both = {"vinh"}, {"hoang-mai"}, {"vinh", "hoang-mai"}
    assert await tenants_seen(roles=("partner",), tenant="vinh") == (vinh, vinh, vinh, vinh)
    assert await tenants_seen(roles=("partner",), tenant="hoang-mai") == (hoang_mai, hoang_mai, hoang_mai, set())
    assert await tenants_seen(roles=("operator",), tenant="nghe-an") == (both, both, both, vinh)
    narrowed = await tenants_seen(roles=("operator",), tenant="nghe-an", narrow_to="hoang-mai")
    assert narrowed == (hoang_mai, hoang_mai, hoang_mai, set())
    assert (await history(under_contract, tenant="hoang-mai"))[0] == [(77.0, 1)]
    assert (await history(under_contract, tenant="vinh"))[0] == [(10.0, 1)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tenants_seen(roles=("partner",), tenant="vinh", narrow_to="hoang-mai")
    assert error_from_call(caught.value).reason == "TENANT_FORBIDDEN"


async def test_row_security_itself_keeps_tenants_apart_whatever_the_service_asks(
    under_contract, push, a_batch, written
):
    await push(under_contract, a_batch(values=(1.0, -5.0)))
    await written(under_contract, 1)
    connection = await asyncpg.connect(under_contract.urls.runtime, server_settings={"search_path": "ingest"})
    try:
        for tenant, scope, sees in (
            ("vinh", "own", True),
            ("hoang-mai", "own", False),
            ("", "", False),
            ("nghe-an", "province", True),
        ):
            async with connection.transaction():
                await connection.execute(
                    "SELECT set_config('ioc.tenant', $1, true), set_config('ioc.scope', $2, true)", tenant, scope
                )
                for table in ("observation", "book", "receipt", "quarantine", "series", "contract"):
                    count = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608  # names above
                    assert (count > 0) is sees, (table, tenant)
    finally:
        await connection.close()


async def test_every_method_is_in_the_policy_and_refuses_who_has_no_role(under_contract, as_role):
    listed = set()
    for file in (balance_pb2, intake_pb2, observation_pb2, quarantine_pb2):
        for service in file.DESCRIPTOR.services_by_name.values():
            listed |= {f"/{service.full_name}/{method.name}" for method in service.methods}
    assert listed == set(POLICY)
    async with grpc.aio.insecure_channel(under_contract.address) as channel:
        for method in listed - {"/ioc.ingest.v1.IntakeService/PushBatches", "/ioc.ingest.v1.IntakeService/UploadFile"}:
            call = channel.unary_unary(method, lambda message: message, lambda data: data)
            for metadata, code in (
                (as_role("public")["metadata"], grpc.StatusCode.PERMISSION_DENIED),
                ((), grpc.StatusCode.UNAUTHENTICATED),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call(b"", metadata=metadata)
                assert caught.value.code() is code
