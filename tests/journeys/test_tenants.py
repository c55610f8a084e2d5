"""Journey 4: Vinh's centre pushes by gRPC and reads by REST; Hoàng Mai sees nothing of it; the province sees both."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import grpc
import pytest
import requests
from taxii2client.v21 import ApiRoot, Server

from ioc.ingest.v1 import observation_pb2, observation_pb2_grpc
from ioc_devtools.testing.batches import batch_of, push, request_of
from ioc_devtools.testing.stations import reading

VINH_STATION = "aq-tt-01"
VINH_SERIES = f"air-quality/pm25_ugm3/16708/{VINH_STATION}"
HOANG_MAI_SERIES = "air-quality/no2_ugm3/17110/aq-hm-01"
HOUR = timedelta(hours=1)
BAD = 140.0


def _hours(newest: datetime, count: int, value: float) -> list[tuple[datetime, float]]:
    start = newest - (count - 1) * HOUR
    return [(start + timedelta(minutes=minute), value) for minute in range(60 * count)]


async def _latest(channel: grpc.aio.Channel, metadata: Any) -> list[Any]:
    stub = observation_pb2_grpc.ObservationServiceStub(channel)
    request = observation_pb2.ListLatestObservationsRequest(page_size=1000)
    return list((await stub.ListLatestObservations(request, metadata=metadata)).observations)


async def test_vinh_pushes_and_reads_and_hoang_mai_sees_nothing_of_it(
    platform: Any,
    api: Callable[..., Any],
    items: Callable[..., Any],
    channel: Callable[..., Any],
    listen: Callable[..., Any],
    eventually: Callable[..., Any],
    newest_hour: datetime,
) -> None:
    ingest, sign_ins = channel("ingest"), platform.sign_ins

    async def alerts_of(login: str) -> list[dict[str, Any]]:
        return [each for each in await items(login, "/alerts") if each["thing"] == VINH_STATION]

    async with listen("hoangmai.truc") as theirs, listen("vinh.truc") as own, listen("truc.ban") as all_of_it:
        # The stream of the centre, stamped; the receipt echoes what it proved.
        batch = batch_of({VINH_SERIES: _hours(newest_hour, 12, BAD)})
        sent = request_of(batch, sequence=1)
        metadata = await sign_ins.metadata("vinh-ioc")
        (receipt,) = await push(ingest, metadata, sent)
        assert (receipt.received, receipt.accepted, receipt.quarantined) == (720, 720, 0)
        content = hashlib.sha256(batch.SerializeToString(deterministic=True)).digest()
        assert receipt.stamp_verdict.stamp.content_sha256 == receipt.content_sha256 == content
        (again,) = await push(ingest, metadata, sent)
        assert (again.is_repeat, again.position) == (True, receipt.position)
        no2 = batch_of({HOANG_MAI_SERIES: _hours(newest_hour, 1, 21.0)})
        (their_receipt,) = await push(ingest, await sign_ins.metadata("hoang-mai-ioc"), request_of(no2))
        assert their_receipt.accepted == 60

        # Vinh reads its indicator and its warning by REST, and is told live; the province is told too.
        async def index() -> list[dict[str, Any]]:
            values = await items("vinh-ioc", "/indicator-values/latest", code="vn_aqi_hourly")
            return [each for each in values if each["thing"] == VINH_STATION and each["value"]]

        (value,) = await eventually(index, 20)
        assert (value["tenant"], value["value"] > 150) == ("vinh", True)
        (alert,) = await eventually(lambda: alerts_of("vinh.truc"), 20)
        assert alert["tenant"] == "vinh"
        await eventually(lambda: own.alerts("alert.raised", VINH_STATION), 10)
        await eventually(lambda: all_of_it.alerts("alert.raised", VINH_STATION), 10)

        # Hoàng Mai has its own reading, so that it is read for sure, and nothing of Vinh's: REST, gRPC, live events.
        async def mine() -> bool:
            found = await items("hoang-mai-ioc", "/observations/latest")
            return HOANG_MAI_SERIES in {each["series_key"] for each in found}

        await eventually(mine, 10)
        for login in ("hoangmai.truc", "hoang-mai-ioc"):
            for path in ("/observations/latest", "/series", "/indicator-values/latest", "/alerts", "/contracts"):
                assert {each["tenant"] for each in await items(login, path)} <= {"hoang-mai"}, path
            assert not await alerts_of(login)
            for path in (
                f"/observations?series_key={VINH_SERIES}",
                f"/alerts/{alert['alert_id']}",
                f"/indicator-values/{value['value_id']}",
                f"/indicator-values/{value['value_id']}/explain",
                f"/indicator-values/{value['value_id']}/proof",
            ):
                assert (await api(login).get(f"/api/v1{path}")).status_code == 404, path
            balance = (await api(login).get("/api/v1/balance")).json()
            assert {row["tenant"] for row in balance["rows"]} <= {"hoang-mai"}
        by_grpc = await _latest(ingest, await sign_ins.metadata("hoang-mai-ioc"))
        assert {each.tenant for each in by_grpc} == {"hoang-mai"}
        assert {event.data["tenant"] for event in theirs.events if "tenant" in event.data} <= {"hoang-mai"}
        refused = await api("hoangmai.truc").post(f"/api/v1/alerts/{alert['alert_id']}/acknowledge")
        assert refused.status_code == 404

    # The province sees both, and one of them alone when it says so.
    both = {each["tenant"] for each in await items("truc.ban", "/observations/latest")}
    assert {"vinh", "hoang-mai"} <= both
    alone = {each["tenant"] for each in await items("truc.ban", "/observations/latest", tenant="vinh")}
    assert alone == {"vinh"}
    assert await alerts_of("truc.ban")


async def test_naming_another_tenant_is_refused(
    platform: Any, api: Callable[..., Any], channel: Callable[..., Any]
) -> None:
    answer = await api("hoangmai.truc").get("/api/v1/observations/latest?tenant=vinh")
    assert (answer.status_code, answer.json()["reason"]) == (403, "TENANT_FORBIDDEN")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _latest(channel("ingest"), await platform.sign_ins.metadata("hoang-mai-ioc", tenant="vinh"))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_centre_cannot_push_into_another_tenants_series(
    platform: Any, channel: Callable[..., Any], items: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    at = datetime.now(UTC).replace(microsecond=123_000) - HOUR
    batch = batch_of({VINH_SERIES: [(at, 1.0)], HOANG_MAI_SERIES: [(at, 22.0)]})
    (receipt,) = await push(channel("ingest"), await platform.sign_ins.metadata("hoang-mai-ioc"), request_of(batch))
    assert (receipt.accepted, receipt.quarantined) == (1, 1)
    window = {"from": at.isoformat(), "to": (at + timedelta(seconds=1)).isoformat()}

    async def stored() -> list[dict[str, Any]]:
        return list(await items("truc.ban", "/observations", series_key=HOANG_MAI_SERIES, **window))

    assert await eventually(stored, 10)
    assert not await items("truc.ban", "/observations", series_key=VINH_SERIES, **window)


async def test_a_device_hears_and_says_nothing_outside_its_own_topic(
    device: Callable[..., Any], items: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    theirs, other = await device("aq-hm-01"), await device("aq-vinh-03")
    heard: list[str] = []
    for topic in ("dev/nghe-an/#", "dev/vinh/#", "dev/+/aq-vinh-03/readings", "#"):
        granted = await theirs.client.subscribe(topic, qos=1, timeout=10)
        assert all(_is_refused(code) for code in granted), topic

    async def overhear() -> None:
        async for message in theirs.client.messages:
            heard.append(str(message.topic))

    overhearing = asyncio.create_task(overhear())
    at = (datetime.now(UTC) - timedelta(hours=30)).replace(second=0, microsecond=0)
    window = {"from": at.isoformat(), "to": (at + timedelta(seconds=1)).isoformat()}
    await other.publish(reading(at, {"humidity_percent": 71.5}))
    # A publish on somebody else's topic is acknowledged (MQTT 3.1.1 knows no refusal) and dropped.
    try:
        await theirs.client.publish(other.topic, b'{"at":"x"}', qos=1, timeout=5)
    except aiomqtt.MqttError:
        overhearing.cancel()

    async def stored() -> list[dict[str, Any]]:
        key = "air-quality/humidity_percent/16702/aq-vinh-03"
        return list(await items("truc.ban", "/observations", series_key=key, **window))

    (kept,) = await eventually(stored, 10)
    assert kept["value"] == 71.5
    overhearing.cancel()
    await asyncio.gather(overhearing, return_exceptions=True)
    assert not heard
    assert '{"at":"x"}' not in str(await items("truc.ban", "/quarantine", door="mqtt"))

    async def is_noted() -> bool:
        found = [each for each in await items("hoangmai.truc", "/device-status") if each["device_id"] == "aq-hm-01"]
        return bool(found) and "sai chủ đề" in found[0]["last_refusal_vi"]

    assert await eventually(is_noted, 10)


def _is_refused(code: Any) -> bool:
    return int(getattr(code, "value", code)) >= 0x80


async def test_a_security_team_finds_its_own_collection_only(platform: Any, tool_of: Callable[..., Any]) -> None:
    taxii, auth = f"{platform.run.public_url}/taxii2/", await tool_of("vinh-ioc")
    roots = await asyncio.to_thread(lambda: [root.url for root in Server(taxii, auth=auth).api_roots])
    assert roots == [f"{taxii}vinh/"]
    with pytest.raises(requests.HTTPError) as refused:
        await asyncio.to_thread(lambda: ApiRoot(f"{taxii}hoang-mai/", auth=auth).title)
    assert refused.value.response.status_code == 404
