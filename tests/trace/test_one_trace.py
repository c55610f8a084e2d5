"""One trace runs through each journey: from the door to the alert or the feed, over gRPC, NATS and SQL."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ioc_devtools.simulate.investment import COLUMNS
from ioc_devtools.testing.batches import batch_of, push, request_of
from ioc_devtools.testing.spans import Span
from ioc_devtools.testing.stations import reading

HOUR = timedelta(hours=1)
BAD = 145.0
OWNERS = ("SO-XD", "SO-YTE", "SO-GDDT", "SO-NNMT", "CA-TINH", "DIA-PHUONG")


@pytest.fixture
def whole_trace(platform: Any, eventually: Callable[..., Any]) -> Callable[..., Any]:
    """Gives `await whole_trace(trace_id, parts, over, outside=parent)`: its spans, once all of them have come.

    It is whole when it went through these parts and crossed these things, and is one tree: a single beginning (which
    has the parent `outside`, when the client had begun it), and every other span below one that is there.
    """

    async def whole(trace_id: str, parts: set[str], over: set[str], *, outside: str = "") -> list[Span]:
        def look() -> list[Span]:
            spans = platform.spans.of(trace_id)
            ids = {span.span_id for span in spans}
            beginnings = [span for span in spans if span.parent_id not in ids]
            is_one = len(beginnings) == 1 and beginnings[0].parent_id == outside
            is_through = parts <= {span.service for span in spans} and over <= {span.over for span in spans}
            return spans if is_one and is_through else []

        try:
            return list(await eventually(look, 15))
        except AssertionError:
            lines = [(s.service, s.name, s.span_id, s.parent_id) for s in platform.spans.of(trace_id)]
            raise AssertionError(f"trace {trace_id} is not one whole: {lines}") from None

    return whole


@pytest.fixture
def began() -> tuple[str, str, dict[str, str]]:
    """A trace that a client has begun: its id, the client's span, and the header that says so."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, span_id, {"traceparent": f"00-{trace_id}-{span_id}-01"}


def _newest_hour() -> datetime:
    now = datetime.now(UTC) + timedelta(minutes=4)
    return now.replace(minute=0, second=0, microsecond=0) - HOUR


def _twelve_hours() -> list[datetime]:
    start = _newest_hour() - 11 * HOUR
    return [start + timedelta(minutes=minute) for minute in range(12 * 60)]


async def test_from_a_reading_by_mqtt_to_its_alert(
    device: Callable[..., Any],
    items: Callable[..., Any],
    listen: Callable[..., Any],
    eventually: Callable[..., Any],
    whole_trace: Callable[..., Any],
) -> None:
    station = await device("aq-vinh-03")
    async with listen("truc.ban") as live:
        await station.publish([reading(at, {"pm25_ugm3": BAD}) for at in _twelve_hours()])
        await eventually(lambda: live.alerts("alert.raised", "aq-vinh-03"), 20)
        told = next(e for e in live.named("alert.raised") if e.data["alert"]["thing"] == "aq-vinh-03")
    found = await items("truc.ban", "/alerts", rule="vn-aqi-above-150")
    (alert,) = [each for each in found if each["thing"] == "aq-vinh-03"]
    spans = await whole_trace(alert["trace_id"], {"ingest", "kpi", "alerts"}, {"grpc", "nats", "sql"})
    # MQTT 3.1.1 carries no trace: it begins where the door takes the message in.
    (root,) = [span for span in spans if not span.parent_id]
    assert (root.service, root.name) == ("ingest", "mqtt intake")
    assert told.data["trace_id"] == alert["trace_id"]


def _figures(year: int, month: int, share: float) -> bytes:
    rows = [",".join(COLUMNS)]
    for owner in OWNERS:
        for measure, value in (("investment_plan_vnd", 10**12), ("disbursed_vnd", round(share * 10**12))):
            start = f"dataflow,NGHEAN:PUBLIC_INVESTMENT(1.0),R,M,40,{owner},{measure}"
            rows.append(f"{start},{year}-{month:02d},{value},VND")
    return "\r\n".join(rows).encode()


async def test_from_an_uploaded_file_to_its_warning(
    api: Callable[..., Any],
    items: Callable[..., Any],
    eventually: Callable[..., Any],
    whole_trace: Callable[..., Any],
    began: tuple[str, str, dict[str, str]],
) -> None:
    trace_id, span_id, header = began
    today = datetime.now(timezone(timedelta(hours=7)))
    day = today - timedelta(days=31) if today.month == 1 else today
    expected = 95 * day.month / 12

    async def upload(percent: float, **headers: str) -> None:
        answer = await api("so.khdt").post(
            "/api/v1/sources/public-investment/files",
            content=_figures(day.year, day.month, percent / 100),
            headers={"Content-Type": "text/csv", **headers},
        )
        assert answer.status_code == 200, answer.text

    async def standing() -> list[dict[str, Any]]:
        query = {"rule": "disbursement-behind-target", "state": ["open", "acknowledged"]}
        return list(await items("phan.tich", "/alerts", **query))

    async def shares(percent: float) -> bool:
        values = await items("phan.tich", "/indicator-values/latest", code="disbursed_share")
        total = [each["value"] for each in values if not each["dimension_code"]]
        return bool(total) and abs((total[0] or 0) - percent) < 0.001

    async def nothing_stands() -> bool:
        return not await standing()

    on_target = min(expected + 4, 99)
    await upload(on_target)
    await eventually(lambda: shares(on_target), 20)
    await eventually(nothing_stands, 20)
    await upload(expected - 13, **header)
    (alert,) = await eventually(standing, 20)
    assert alert["trace_id"] == trace_id
    parts = {"gateway", "ingest", "kpi", "alerts"}
    await whole_trace(trace_id, parts, {"http", "grpc", "nats", "sql"}, outside=span_id)


async def test_from_a_sensors_alert_to_the_feed(
    api: Callable[..., Any], whole_trace: Callable[..., Any], began: tuple[str, str, dict[str, str]]
) -> None:
    trace_id, span_id, header = began
    record = {
        "timestamp": datetime.now(UTC).isoformat(),
        "event_type": "alert",
        "src_ip": "192.0.2.77",
        "dest_ip": "10.40.1.20",
        "alert": {"signature_id": 2010935, "signature": "ET SCAN inbound", "category": "Scan", "severity": 2},
    }
    taken = await api("soc-partner-nghe-an").post(
        "/api/v1/security-events",
        content=json.dumps(record),
        headers={"Content-Type": "application/x-ndjson", **header},
    )
    assert taken.status_code == 202, taken.text
    (incident_id,) = taken.json()["incident_ids"]
    incident = (await api("an.ninh").get(f"/api/v1/incidents/{incident_id}")).json()
    assert incident["trace_id"] == trace_id
    spans = await whole_trace(trace_id, {"gateway", "soc-bridge"}, {"http", "grpc", "sql"}, outside=span_id)
    # What the feed serves is written in it.
    assert any("stix_object" in span.attributes.get("db.statement", "") for span in spans)


async def test_from_a_refused_log_in_to_the_feed(
    api: Callable[..., Any],
    whole_trace: Callable[..., Any],
    began: tuple[str, str, dict[str, str]],
    forge: Callable[..., str],
) -> None:
    trace_id, span_id, header = began
    # Refusals of one kind within a second are told together, in the trace of the first: no other test makes this kind.
    answer = await api("").get("/api/v1/me", headers={"Authorization": f"Bearer {forge(sub=None)}", **header})
    assert answer.status_code == 401
    assert answer.json()["trace_id"] == trace_id
    await whole_trace(trace_id, {"gateway", "soc-bridge"}, {"http", "nats", "sql"}, outside=span_id)


async def test_from_a_centres_batch_to_its_alert(
    platform: Any,
    channel: Callable[..., Any],
    items: Callable[..., Any],
    eventually: Callable[..., Any],
    whole_trace: Callable[..., Any],
    began: tuple[str, str, dict[str, str]],
) -> None:
    trace_id, span_id, header = began
    batch = batch_of({"air-quality/pm25_ugm3/17110/aq-hm-01": [(at, BAD) for at in _twelve_hours()]})
    metadata = (*await platform.sign_ins.metadata("hoang-mai-ioc"), *header.items())
    (receipt,) = await push(channel("ingest"), metadata, request_of(batch))
    assert receipt.accepted == 720

    async def raised() -> list[dict[str, Any]]:
        found = await items("hoangmai.truc", "/alerts", rule="vn-aqi-above-150")
        return [each for each in found if each["thing"] == "aq-hm-01"]

    (alert,) = await eventually(raised, 20)
    assert alert["trace_id"] == trace_id
    await whole_trace(trace_id, {"ingest", "kpi", "alerts"}, {"grpc", "nats", "sql"}, outside=span_id)
