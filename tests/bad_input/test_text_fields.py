"""SQL and control characters in every text that a caller may write: taken as text or refused, never carried out."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ioc_devtools.testing.stations import reading

SQL = "x'; DROP TABLE alerts.alert CASCADE; --"
CONTROL = "a\x00\x1b[31m\u0085b"
STREAM = "/api/v1/events"
"""Never ends; its one text, Last-Event-ID, has a test of its own."""


def _texts(document: dict[str, Any]) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Method and path of each operation, with place and name of its parameters that are text."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names = []
            for parameter in operation.get("parameters", []):
                kinds = json.dumps(parameter["schema"])
                if '"string"' in kinds and '"enum"' not in kinds:
                    names.append((parameter["in"], parameter["name"]))
            if names and path != STREAM:
                yield method, path, names


def _send(client: httpx.AsyncClient, method: str, path: str, place: str, name: str, text: str) -> Any:
    url = re.sub(r"\{(\w+)\}", lambda m: "x" if (place, m[1]) != ("path", name) else "\0", path)
    safe = httpx.URL(client.base_url).copy_with(raw_path=b"/")
    encoded = "".join(f"%{byte:02X}" for byte in text.encode())
    query = f"?{name}={encoded}" if place == "query" else ""
    target = safe.join(url.replace("\0", encoded) + query)
    return client.request(method, target, json={} if method in ("post", "put") else None)


@pytest.mark.parametrize("text", [SQL, CONTROL], ids=["SQL", "control characters"])
async def test_every_text_of_every_address_is_only_text(text: str, api: Callable[..., Any], refused: Any) -> None:
    client = api("quan.tri")
    document = (await client.get("/openapi.json")).json()
    operations = list(_texts(document))
    assert len(operations) > 30
    for method, path, names in operations:
        for place, name in names:
            if place == "header":
                continue
            answer = await _send(client, method, path, place, name, text)
            where = (method, path, name, answer.status_code, answer.text[:300])
            assert answer.status_code < 500, where
            assert "Traceback" not in answer.text, where
            if text == CONTROL:
                assert answer.status_code in (400, 404, 415, 422), where
    assert (await client.get("/api/v1/alerts")).status_code == 200


async def test_a_note_keeps_what_was_written_and_refuses_what_is_no_text(
    device: Callable[..., Any], items: Callable[..., Any], api: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    station = await device("aq-vinh-02")
    now = datetime.now(UTC).replace(second=0, microsecond=0)

    async def alerts() -> list[dict[str, Any]]:
        found = await items("truc.ban", "/alerts", rule="pm25-minute-above", state="open")
        return [each for each in found if each["thing"] == "aq-vinh-02"]

    await station.publish(reading(now, {"pm25_ugm3": 300.0}))
    (alert,) = await eventually(alerts, 10)
    path = f"/api/v1/alerts/{alert['alert_id']}/acknowledge"
    refused = await api("truc.ban").post(path, json={"note": CONTROL})
    assert refused.status_code == 422, refused.text
    taken = await api("truc.ban").post(path, json={"note": SQL})
    assert (taken.status_code, taken.json()["acknowledge_note"]) == (200, SQL)
    transitions = await items("truc.ban", f"/alerts/{alert['alert_id']}/transitions")
    assert transitions[-1]["note"] == SQL


async def test_an_event_id_that_is_none_begins_anew(listen: Callable[..., Any], eventually: Callable[..., Any]) -> None:
    async with listen("truc.ban", last_id=SQL) as live:
        await eventually(lambda: live.named("reset"), 5)
        assert live.named("reset")[0].data["reason"] == "position-not-held"


async def test_hostile_security_lines_are_set_aside_or_taken_as_text(
    platform: Any, api: Callable[..., Any], items: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    alert = {"signature_id": 1, "signature": SQL, "category": "a\x00\x1b[31mb", "severity": 2}
    good = {"timestamp": datetime.now(UTC).isoformat(), "event_type": "alert", "src_ip": "192.0.2.88", "alert": alert}
    lines = [json.dumps(good).encode(), b"\x00\xff", b'{"event_type": "alert"}', b"[" * 5000]
    answer = await api("soc-partner-nghe-an").post(
        "/api/v1/security-events", content=b"\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
    )
    assert answer.status_code == 202, answer.text
    receipt = answer.json()
    assert [receipt[key] for key in ("received", "accepted", "quarantined")] == [4, 1, 3]
    assert all(problem["reason"]["vi"] for problem in receipt["problems"])
    incident = (await api("an.ninh").get(f"/api/v1/incidents/{receipt['incident_ids'][0]}")).json()
    assert incident["title"] == SQL
    assert incident["category"].isprintable()

    host, _, port = platform.run.addresses["syslog"].rpartition(":")
    line = f"<34>1 - hostile-655 su - - - {SQL}\x1b[31m".encode()
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"%d %b" % (len(line), line) + b"9 no syslog" + b"x" * 100)

    async def set_aside() -> list[dict[str, Any]]:
        found = await items("an.ninh", "/security-events/quarantine")
        return [each for each in found if each["door"] == "syslog"]

    assert await eventually(set_aside, 10)
