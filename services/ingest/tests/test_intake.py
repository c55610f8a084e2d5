"""Batches through the gRPC door: receipts, idempotence, bad input, quarantine, books."""

import hashlib
from datetime import timedelta

import grpc
import pytest

from ioc.federation.v1 import stamp_pb2
from ioc.ingest.v1 import balance_pb2, events_pb2, intake_pb2, quarantine_pb2
from ioc.registry.v1 import contract_pb2
from ioc_kit.rpc import error_from_call

DAY = timedelta(days=1)


@pytest.fixture
def fails(push):
    """Gives the error that a push ends with."""

    async def run(service, *requests, **caller):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await push(service, *requests, **caller)
        return error_from_call(caught.value)

    return run


@pytest.fixture
def quarantined(as_role):
    async def ask(service, **request):
        call = quarantine_pb2.ListQuarantineItemsRequest(**request)
        return (await service.quarantine.ListQuarantineItems(call, **as_role("oc-admin"))).items

    return ask


@pytest.fixture
def balance(as_role):
    async def ask(service, tenant="vinh", roles=("oc-admin",)):
        return await service.balance.GetBalance(balance_pb2.GetBalanceRequest(), **as_role(*roles, tenant=tenant))

    return ask


async def test_a_receipt_means_that_the_log_has_the_batch(under_contract, push, a_batch, bus):
    request = a_batch()
    (receipt,) = await push(under_contract, request)
    assert (receipt.received, receipt.accepted, receipt.quarantined, receipt.is_repeat) == (2, 2, 0, False)
    assert receipt.content_sha256 == hashlib.sha256(request.batch.SerializeToString(deterministic=True)).digest()
    stored = await bus.jetstream.get_msg("OBSERVATIONS", receipt.position)
    batch = events_pb2.BatchAccepted.FromString(stored.data)
    assert list(batch.batch.value) == [10.0, 11.0]
    assert (batch.source, batch.door, batch.batch_id, batch.contract_version) == ("air-quality", "grpc", "b-1", 1)
    assert stored.headers["ce-type"] == "ioc.ingest.v1.BatchAccepted"


async def test_no_receipt_is_given_for_what_the_log_does_not_take(under_contract, push, a_batch, bus, fails):
    await push(under_contract, a_batch())
    stream = await bus.jetstream.stream_info("OBSERVATIONS")
    await bus.jetstream.update_stream(stream.config.evolve(max_bytes=1))
    error = await fails(under_contract, a_batch("b-2", (1.0,)))
    assert error.code is grpc.StatusCode.UNAVAILABLE
    await bus.jetstream.update_stream(stream.config)
    (receipt,) = await push(under_contract, a_batch("b-2", (1.0,)))
    assert not receipt.is_repeat


async def test_the_same_batch_again_is_answered_with_its_first_receipt_and_stores_nothing(
    under_contract, push, a_batch, balance, eventually
):
    first, in_flight = await push(under_contract, a_batch(), a_batch())
    (later,) = await push(under_contract, a_batch())
    assert [in_flight.is_repeat, later.is_repeat] == [True, True]
    assert {r.position for r in (first, in_flight, later)} == {first.position}
    assert later.received_at == first.received_at

    async def is_stored():
        rows = (await balance(under_contract)).rows
        return [(row.received, row.stored) for row in rows] == [(2, 2)]

    await eventually(is_stored)


@pytest.mark.parametrize("knows", ["the stream", "the books"])
async def test_a_batch_is_known_again_by_a_door_that_has_just_started(
    knows, under_contract, start_service, push, a_batch, eventually, fails, postgres
):
    async def is_booked():
        return (await push(under_contract, a_batch("probe-2", (1.0,))))[0].is_repeat

    (first,) = await push(under_contract, a_batch())
    if knows == "the books":
        await push(under_contract, a_batch("probe-2", (1.0,)))
        await eventually(is_booked)
    async with start_service(under_contract.urls) as other:
        (again,) = await push(other, a_batch())
        assert (again.is_repeat, again.position) == (True, first.position)
        error = await fails(other, a_batch(values=(9.0, 9.0)))
        assert error.reason == "BATCH_ID_REUSED"


async def test_a_batch_id_used_for_other_content_is_refused(under_contract, push, a_batch, fails):
    await push(under_contract, a_batch())
    error = await fails(under_contract, a_batch(values=(10.0, 12.0)))
    assert (error.reason, error.metadata["batch_id"]) == ("BATCH_ID_REUSED", "b-1")


async def test_bad_rows_go_to_quarantine_with_reason_and_remedy_and_the_good_rows_count(
    under_contract, push, a_batch, quarantined, balance, eventually
):
    request = a_batch(
        values=(10.0, float("nan"), 5000.0, 20.0, 30.0),
        ages=[timedelta(minutes=5), timedelta(minutes=4), timedelta(minutes=3), 9 * DAY, -DAY],
    )
    (receipt,) = await push(under_contract, request)
    assert (receipt.received, receipt.accepted, receipt.quarantined) == (5, 1, 4)
    items = await eventually(lambda: quarantined(under_contract))
    assert {(item.row, item.rule, item.field) for item in items} == {
        (2, "value-not-finite", "value"),
        (3, "value-out-of-range", "value"),
        (4, "time-too-late", "time_us"),
        (5, "time-in-future", "time_us"),
    }
    for item in items:
        assert item.reason.vi
        assert item.remedy.en
        assert (item.tenant, item.origin, item.door) == ("vinh", "b-1", "grpc")
        assert b"aq-1" in item.original
    books = await balance(under_contract)
    assert books.is_balanced
    assert [(row.received, row.accepted, row.quarantined, row.stored) for row in books.rows] == [(5, 1, 4, 1)]


async def test_rows_of_an_unknown_series_are_quarantined_under_the_key_that_was_sent(
    under_contract, push, a_batch, quarantined, eventually
):
    (receipt,) = await push(under_contract, a_batch(key="air-quality/pm25_ugm3/16681/aq-77"))
    assert (receipt.accepted, receipt.quarantined, receipt.position) == (0, 2, 0)
    items = await eventually(lambda: quarantined(under_contract, rule="series-unknown"))
    assert len(items) == 2
    assert "aq-77" in items[0].reason.vi


async def test_a_quarantine_item_is_found_by_its_id_and_by_nobody_elses_tenant(
    under_contract, push, a_batch, quarantined, eventually, as_role
):
    await push(under_contract, a_batch(values=(-5.0,)))
    (item,) = await eventually(lambda: quarantined(under_contract))
    request = quarantine_pb2.GetQuarantineItemRequest(item_id=item.item_id)
    answer = await under_contract.quarantine.GetQuarantineItem(request, **as_role("oc-operator"))
    assert answer.item == item
    for item_id, caller in (
        (item.item_id, as_role("partner", tenant="hoang-mai")),
        ("nonsense", as_role("partner")),
        ("ffffffffffffffff-ffffff", as_role("partner")),
        ("'; DROP TABLE quarantine", as_role("partner")),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await under_contract.quarantine.GetQuarantineItem(
                quarantine_pb2.GetQuarantineItemRequest(item_id=item_id), **caller
            )
        assert error_from_call(caught.value).reason == "QUARANTINE_ITEM_NOT_FOUND"


@pytest.mark.parametrize(
    ("columns", "reason", "field"),
    [
        ({"time_us": [1]}, "UNEQUAL_COLUMNS", "batch.time_us"),
        ({"value": [1.0, 2.0, 3.0]}, "UNEQUAL_COLUMNS", "batch.value"),
        ({"quality": [1]}, "UNEQUAL_COLUMNS", "batch.quality"),
        ({"series_index": [0, 7]}, "INVALID_INPUT", "batch.series_index"),
        ({"series_keys": [""]}, "INVALID_INPUT", "batch.series_keys[0]"),
        ({"series_keys": ["a\x00b"]}, "INVALID_INPUT", "batch.series_keys[0]"),
        ({"series_index": [], "time_us": []}, "UNEQUAL_COLUMNS", "batch.value"),
    ],
)
async def test_a_batch_that_cannot_be_read_is_refused_whole_and_its_fields_are_named(
    columns, reason, field, under_contract, a_batch, fails, balance
):
    request = a_batch()
    for name, column in columns.items():
        request.batch.ClearField(name)
        getattr(request.batch, name).extend(column)
    error = await fails(under_contract, request)
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert field in [violation.field for violation in error.violations]
    assert list((await balance(under_contract)).rows) == []


async def test_receipts_of_earlier_batches_come_before_the_error_of_a_later_one(under_contract, a_batch, as_role):
    bad = a_batch("b-2")
    bad.batch.value.append(1.0)
    call = under_contract.intake.PushBatches(iter([a_batch("b-1"), bad]), **as_role("partner"))
    receipts = []

    async def read():
        async for answer in call:
            receipts.append(answer.receipt.batch_id)

    with pytest.raises(grpc.aio.AioRpcError):
        await read()
    assert receipts == ["b-1"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"batch_id": ""}, "INVALID_INPUT"),
        ({"batch_id": "x" * 129}, "INVALID_INPUT"),
        ({"batch_id": "a\r\nNats-Msg-Id: b"}, "INVALID_INPUT"),
        ({"source": "no-such-source"}, "SOURCE_UNKNOWN"),
        ({"source": "'; DROP TABLE observation; --"}, "SOURCE_UNKNOWN"),
        ({"source": "a\x00b"}, "SOURCE_UNKNOWN"),
    ],
)
async def test_a_request_with_a_wrong_name_is_refused(change, reason, under_contract, a_batch, fails):
    request = a_batch()
    for name, value in change.items():
        setattr(request, name, value)
    assert (await fails(under_contract, request)).reason == reason


async def test_a_batch_id_in_any_script_is_taken(under_contract, a_batch, push):
    (receipt,) = await push(under_contract, a_batch("đợt-1 «sáng»; DROP TABLE receipt"))
    assert receipt.accepted == 2
    (again,) = await push(under_contract, a_batch("đợt-1 «sáng»; DROP TABLE receipt"))
    assert again.is_repeat


async def test_a_batch_of_too_many_rows_is_refused(under_contract, a_batch, fails):
    error = await fails(under_contract, a_batch(values=[1.0] * 100_001, ages=[DAY] * 100_001))
    assert (error.reason, error.metadata["limit"]) == ("BATCH_TOO_LARGE", "100000")


async def test_a_batch_larger_than_a_message_of_the_log_is_stored_whole(
    under_contract, a_batch, push, balance, eventually, postgres
):
    rows = 100_000
    ages = [timedelta(microseconds=n) + timedelta(hours=1) for n in range(rows)]
    (receipt,) = await push(under_contract, a_batch(values=[5.0] * rows, ages=ages))
    assert (receipt.accepted, receipt.position > 1) == (rows, True)

    async def is_stored():
        books = await balance(under_contract)
        return books.is_balanced and sum(row.stored for row in books.rows) == rows

    await eventually(is_stored, seconds=30)
    (again,) = await push(under_contract, a_batch(values=[5.0] * rows, ages=ages))
    assert (again.is_repeat, again.position, again.accepted) == (True, receipt.position, rows)


async def test_a_batch_of_bad_rows_larger_than_a_message_is_quarantined_whole(
    under_contract, a_batch, push, balance, eventually
):
    rows = 5_000
    (receipt,) = await push(under_contract, a_batch(values=[-5.0] * rows, ages=[DAY] * rows))
    assert (receipt.accepted, receipt.quarantined) == (0, rows)

    async def is_booked():
        books = await balance(under_contract)
        return books.is_balanced and sum(row.quarantined for row in books.rows) == rows

    await eventually(is_booked)


async def test_a_stamp_is_checked_against_the_content_and_gaps_are_told(under_contract, a_batch, push, fails):
    def stamped(batch_id, sequence, value=1.0, content=None):
        request = a_batch(batch_id, (value,))
        digest = content or hashlib.sha256(request.batch.SerializeToString(deterministic=True)).digest()
        request.stamp.CopyFrom(stamp_pb2.Stamp(sequence=sequence, content_sha256=digest))
        return request

    first, gap = await push(under_contract, stamped("s-1", 1), stamped("s-4", 4, 2.0))
    assert (first.stamp_verdict.expected_sequence, first.stamp_verdict.has_gap) == (1, False)
    assert (gap.stamp_verdict.expected_sequence, gap.stamp_verdict.has_gap) == (2, True)
    assert gap.stamp_verdict.stamp.sequence == 4
    error = await fails(under_contract, stamped("s-5", 5, 3.0, content=b"\x00" * 32))
    assert error.reason == "CONTENT_HASH_MISMATCH"


async def test_a_contract_that_only_observes_counts_and_lets_through(
    ingest, publish_contract, air_contract, a_batch, push, eventually
):
    await publish_contract(air_contract(mode=contract_pb2.CONTRACT_MODE_OBSERVE))

    async def is_let_through():
        try:
            return (await push(ingest, a_batch(values=(5000.0,))))[0]
        except grpc.aio.AioRpcError:
            return None

    receipt = await eventually(is_let_through)
    assert (receipt.accepted, receipt.quarantined) == (1, 0)


@pytest.mark.parametrize(("roles", "tenant"), [(("analyst",), "nghe-an"), (("public",), "vinh"), ((), "vinh")])
async def test_roles_that_deliver_nothing_are_refused(roles, tenant, under_contract, a_batch, fails):
    error = await fails(under_contract, a_batch(), roles=roles, tenant=tenant)
    assert error.code is grpc.StatusCode.PERMISSION_DENIED


async def test_another_tenant_cannot_deliver_into_a_contract_that_is_not_its_own(under_contract, a_batch, fails):
    error = await fails(under_contract, a_batch(), tenant="hoang-mai")
    assert error.reason == "SOURCE_UNKNOWN"


async def test_the_province_delivers_nothing_in_the_name_of_a_tenant(under_contract, a_batch, as_role):
    call = under_contract.intake.PushBatches(
        iter([a_batch()]), **as_role("province-admin", tenant="nghe-an", narrow_to="vinh")
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_request_without_a_batch_is_refused(under_contract, fails):
    error = await fails(under_contract, intake_pb2.PushBatchesRequest(batch_id="b", source="air-quality"))
    assert error.violations[0].field == "batch.series_index"
