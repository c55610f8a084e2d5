"""What a device may get wrong: each comes back as a row with the field and the remedy, or as a note on the device."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import pytest

DEVICE, KEY = "aq-vinh-02", "air-quality/pm25_ugm3/16690/aq-vinh-02"
_NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=40)


def _reading(number: int, *, at: str = "", values: Any = None, **more: Any) -> str:
    moment = at or (_NOW + timedelta(seconds=number)).isoformat()
    return json.dumps({"at": moment, "values": values if values is not None else {"pm25_ugm3": 20.0 + number}, **more})


CASES = {
    "not JSON": ("pm25=31.2;", "not-readable", "payload", "pm25=31.2;"),
    "not UTF-8": (b'{"at": "\xff\xfe"}', "not-readable", "payload", "xff"),
    "no values": (_reading(1, values=[1, 2]), "not-readable", "values", "[1, 2]"),
    "a wrong unit": (_reading(2, units={"pm25_ugm3": "ppm"}), "unit-wrong", "units.pm25_ugm3", "ppm"),
    "an absurd value": (_reading(3, values={"pm25_ugm3": -40.0}), "value-out-of-range", "values.pm25_ugm3", "-40"),
    "no number": (_reading(4, values={"pm25_ugm3": "a lot"}), "value-not-readable", "values.pm25_ugm3", "a lot"),
    "infinity": (_reading(5, values={"pm25_ugm3": 1e999}), "value-not-finite", "values.pm25_ugm3", "nf"),
    "a clock in the future": (_reading(6, at="2199-01-01T00:00:00Z"), "time-in-future", "at", "2199"),
    "a clock in the past": (_reading(7, at="2001-01-01T00:00:00Z"), "time-too-late", "at", "2001"),
    "a time without a zone": (_reading(8, at="2026-11-23 08:00"), "time-not-readable", "at", "2026-11-23 08:00"),
    "an unknown measure": (_reading(9, values={"radon_bqm3": 9.0}), "measure-unknown", "values.radon_bqm3", "radon"),
    "SQL for a measure": (
        _reading(10, values={"x'; DROP TABLE ingest.observation; --": 1.0}),
        "measure-unknown",
        "values.x'; DROP TABLE ingest.observation; --",
        "DROP TABLE",
    ),
    "control characters": (_reading(11, values={"a\x00\x1b[31m": 1.0}), "measure-unknown", None, "31m"),
    "more than the cap": (
        json.dumps([{"at": "x", "values": {"pad": "y" * 300_000}}]),
        "payload-too-large",
        "payload",
        '"pad"',
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_payload_that_breaks_the_contract_is_set_aside(
    case: str, device: Callable[..., Any], quarantined: Callable[..., Any]
) -> None:
    payload, rule, field, original = CASES[case]
    station = await device(DEVICE)
    await station.publish(payload)
    item = await quarantined(DEVICE, rule, original)
    assert (item["tenant"], item["door"]) == ("nghe-an", "mqtt")
    assert field is None or item["field"] == field
    shown = json.dumps(item, ensure_ascii=False)
    assert shown.isprintable()


async def test_the_good_part_of_a_message_counts(
    device: Callable[..., Any],
    items: Callable[..., Any],
    quarantined: Callable[..., Any],
    eventually: Callable[..., Any],
) -> None:
    station = await device(DEVICE)
    at = _NOW + timedelta(seconds=100)
    await station.publish({"at": at.isoformat(), "values": {"pm25_ugm3": 25.5, "pm10_ugm3": 99_999.0}})
    await quarantined(DEVICE, "value-out-of-range", "99999")
    window = {"from": at.isoformat(), "to": (at + timedelta(seconds=1)).isoformat()}

    async def stored() -> list[dict[str, Any]]:
        return list(await items("truc.ban", "/observations", series_key=KEY, **window))

    (kept,) = await eventually(stored, 10)
    assert kept["value"] == 25.5
    assert not await items("truc.ban", "/observations", series_key=KEY.replace("pm25_ugm3", "pm10_ugm3"), **window)


async def test_a_message_of_ten_megabytes_cuts_the_connection_and_the_device_lives_on(
    device: Callable[..., Any], items: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    station = await device(DEVICE)
    lost = asyncio.ensure_future(_until_lost(station.client))
    sending = asyncio.ensure_future(station.client.publish(station.topic, b"x" * 10_000_000, qos=1, timeout=15))
    await asyncio.wait([lost, sending], return_when=asyncio.FIRST_COMPLETED, timeout=15)
    sending.cancel()
    assert lost.done()
    await asyncio.gather(lost, sending, return_exceptions=True)
    await station.reconnect()
    at = _NOW + timedelta(seconds=200)
    await station.publish({"at": at.isoformat(), "values": {"pm25_ugm3": 26.5}})
    window = {"from": at.isoformat(), "to": (at + timedelta(seconds=1)).isoformat()}

    async def stored() -> list[dict[str, Any]]:
        return list(await items("truc.ban", "/observations", series_key=KEY, **window))

    assert await eventually(stored, 10)

    async def is_noted() -> bool:
        found = await items("truc.ban", "/device-status")
        return any(each["device_id"] == DEVICE and "quá lớn" in each["last_refusal_vi"] for each in found)

    assert await eventually(is_noted, 10)


async def _until_lost(client: aiomqtt.Client) -> None:
    async for _ in client.messages:
        continue


@pytest.mark.parametrize(
    ("user", "client_id", "password"),
    [
        ("aq-nowhere-01", "aq-nowhere-01", "secret"),
        (DEVICE, DEVICE, "wrong"),
        ("aq-vinh-01'--", "aq-vinh-01'--", "x"),
        (None, "nobody", None),
    ],
)
async def test_an_unknown_device_is_not_admitted(
    platform: Any, user: str | None, client_id: str, password: str | None
) -> None:
    host, _, port = platform.run.addresses["mqtt"].rpartition(":")
    client = aiomqtt.Client(
        host,
        int(port),
        username=user,
        password=password,
        identifier=client_id,
        protocol=aiomqtt.ProtocolVersion.V311,
        timeout=10,
    )
    with pytest.raises(aiomqtt.MqttError, match=r"[Nn]ot authori[sz]ed|[Ii]dentifier not valid"):
        await client.__aenter__()


async def test_a_device_that_takes_anothers_client_id_is_not_admitted(platform: Any, api: Callable[..., Any]) -> None:
    answer = await api("quan.tri").post(f"/api/v1/devices/{DEVICE}/credential")
    host, _, port = platform.run.addresses["mqtt"].rpartition(":")
    client = aiomqtt.Client(
        host,
        int(port),
        username=DEVICE,
        password=answer.json()["secret"],
        identifier="aq-vinh-01",
        protocol=aiomqtt.ProtocolVersion.V311,
        timeout=10,
    )
    with pytest.raises(aiomqtt.MqttError, match=r"[Nn]ot authori[sz]ed"):
        await client.__aenter__()
