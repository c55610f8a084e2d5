"""What a centre's batch may get wrong: refused whole with its reason, or the rows set aside with theirs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from ioc_devtools.testing.batches import batch_of, push, request_of

KEY = "air-quality/temperature_c/16708/aq-tt-01"
_START = (datetime.now(UTC) - timedelta(hours=50)).replace(microsecond=0)


@pytest.fixture
async def fails(platform: Any, channel: Callable[..., Any]) -> Callable[..., Any]:
    """Gives `await fails(request)`: code and ErrorInfo reason with which Vinh's batch is refused."""
    metadata = await platform.sign_ins.metadata("vinh-ioc")

    async def send(*requests: Any) -> tuple[grpc.StatusCode, str, str]:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await push(channel("ingest"), metadata, *requests)
        trailing = dict(error.value.trailing_metadata() or ())
        details = trailing["grpc-status-details-bin"]
        text = str(error.value.details())
        assert "Traceback" not in text + details.decode("utf-8", "replace")
        return error.value.code(), details.decode("utf-8", "replace"), text

    return send


@pytest.fixture
def stored(items: Callable[..., Any]) -> Callable[..., Any]:
    """Gives `await stored(at)`: what the ledger has of the series at that second."""

    async def read(at: datetime) -> list[dict[str, Any]]:
        window = {"from": at.isoformat(), "to": (at + timedelta(seconds=1)).isoformat()}
        return list(await items("vinh-ioc", "/observations", series_key=KEY, **window))

    return read


async def test_columns_of_unequal_length_are_refused_whole(
    fails: Callable[..., Any], stored: Callable[..., Any]
) -> None:
    batch = batch_of({KEY: [(_START, 21.0), (_START + timedelta(seconds=1), 22.0)]})
    del batch.value[1]
    code, details, _ = await fails(request_of(batch))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "UNEQUAL_COLUMNS" in details
    assert not await stored(_START)


async def test_a_stamp_over_other_content_is_refused_whole(
    fails: Callable[..., Any], stored: Callable[..., Any]
) -> None:
    request = request_of(batch_of({KEY: [(_START, 21.0)]}), sequence=9)
    request.batch.value[0] = 99.0
    code, details, _ = await fails(request)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "CONTENT_HASH_MISMATCH" in details
    assert not await stored(_START)


async def test_a_batch_id_used_for_other_content_is_refused(
    platform: Any,
    channel: Callable[..., Any],
    fails: Callable[..., Any],
    eventually: Callable[..., Any],
    stored: Callable[..., Any],
) -> None:
    batch_id, at = f"vinh-{uuid.uuid4()}", _START + timedelta(seconds=10)
    metadata = await platform.sign_ins.metadata("vinh-ioc")
    await push(channel("ingest"), metadata, request_of(batch_of({KEY: [(at, 21.0)]}), batch_id=batch_id))
    code, details, _ = await fails(request_of(batch_of({KEY: [(at, 22.0)]}), batch_id=batch_id))
    assert code in (grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ABORTED)
    assert "BATCH_ID_REUSED" in details
    (kept,) = await eventually(lambda: stored(at), 10)
    assert kept["value"] == 21.0


@pytest.mark.parametrize("batch_id", ["x" * 129, "\x00\x1b[31m", "a\nb"])
async def test_a_hostile_batch_id_is_refused(batch_id: str, fails: Callable[..., Any]) -> None:
    code, _, text = await fails(request_of(batch_of({KEY: [(_START, 21.0)]}), batch_id=batch_id))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text.isprintable()


async def test_a_source_without_a_contract_is_refused(fails: Callable[..., Any]) -> None:
    for source in ("no-such-source", "'; DROP TABLE ingest.book; --", "a\x00b"):
        code, details, _ = await fails(request_of(batch_of({KEY: [(_START, 21.0)]}), source=source))
        assert (code, "SOURCE_UNKNOWN" in details) == (grpc.StatusCode.NOT_FOUND, True), source


async def test_a_series_key_with_control_characters_is_refused_and_named_by_its_place(
    fails: Callable[..., Any],
) -> None:
    code, _, text = await fails(request_of(batch_of({KEY: [(_START, 1.0)], "a\x00\x1b[31m": [(_START, 1.0)]})))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "series_keys[1]" in text
    assert text.isprintable()


async def test_unknown_series_and_broken_readings_are_set_aside_and_the_good_one_counts(
    platform: Any,
    channel: Callable[..., Any],
    items: Callable[..., Any],
    eventually: Callable[..., Any],
    stored: Callable[..., Any],
) -> None:
    at, batch_id = _START + timedelta(seconds=20), f"vinh-{uuid.uuid4()}"
    batch = batch_of(
        {
            KEY: [(at, 23.5), (at + timedelta(days=400), 1.0), (at + timedelta(seconds=1), float("nan"))],
            "air-quality/temperature_c/16708/no-such-station": [(at, 20.0)],
            "x'; DROP TABLE ingest.observation; --": [(at, 20.0)],
        }
    )
    metadata = await platform.sign_ins.metadata("vinh-ioc")
    (receipt,) = await push(channel("ingest"), metadata, request_of(batch, batch_id=batch_id))
    assert (receipt.received, receipt.accepted, receipt.quarantined) == (5, 1, 4)
    (kept,) = await eventually(lambda: stored(at), 10)
    assert kept["value"] == 23.5

    async def set_aside() -> list[dict[str, Any]]:
        found = [each for each in await items("vinh-ioc", "/quarantine") if each["origin"] == batch_id]
        return found if len(found) == 4 else []

    found = await eventually(set_aside, 10)
    assert sorted(each["rule"] for each in found) == [
        "series-unknown",
        "series-unknown",
        "time-in-future",
        "value-not-finite",
    ]
    for each in found:
        assert each["remedy"]["vi"]
        assert str(each["reason"]).isprintable()
