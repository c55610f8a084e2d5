"""Journey 3: what sensors see becomes an incident, and a security team pulls it as STIX 2.1 by TAXII 2.1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from taxii2client.v21 import ApiRoot, Collection, Server, as_pages

EVE_ATTACKER, SSH_ATTACKER = "192.0.2.31", "192.0.2.32"
SENSOR = "ids-journey"
"""Names and addresses (RFC 5737) of this journey only."""
Within = Callable[..., Awaitable[Any]]


@pytest.fixture
async def collection(platform: Any, tool_of: Callable[..., Any]) -> Collection:
    """The province's collection as the tool of its security team finds it: discovery, API root, collection."""
    auth = await tool_of("soc-partner-nghe-an")

    def discover() -> Collection:
        server = Server(f"{platform.run.public_url}/taxii2/", auth=auth)
        root: ApiRoot = server.default
        assert root.url.endswith("/taxii2/nghe-an/")
        (found,) = root.collections
        assert (found.can_read, found.can_write) == (True, False)
        return found

    return await asyncio.to_thread(discover)


def _eve(at: datetime, number: int) -> bytes:
    record = {
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.%f+0000"),
        "flow_id": 655_000 + number,
        "event_type": "alert",
        "host": SENSOR,
        "src_ip": EVE_ATTACKER,
        "src_port": 50_000 + number,
        "dest_ip": "10.40.1.20",
        "dest_port": 443,
        "proto": "TCP",
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": 2034647,
            "signature": "ET EXPLOIT Apache log4j RCE Attempt",
            "category": "Attempted Administrator Privilege Gain",
            "severity": 1,
        },
    }
    return json.dumps(record).encode()


def _syslog(at: datetime, number: int) -> bytes:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    text = f"Failed password for invalid user quantri from {SSH_ATTACKER} port {40_000 + number} ssh2"
    line = f"<86>1 {stamp} vpn-journey sshd 655 - - {text}".encode()
    return b"%d %b" % (len(line), line)


def _bundle(collection: Collection, **query: Any) -> list[dict[str, Any]]:
    return [
        each for page in as_pages(collection.get_objects, per_request=2, **query) for each in page.get("objects", [])
    ]


def _about(objects: list[dict[str, Any]], kind: str, text: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["type"] == kind and text in json.dumps(each)]


async def _send(address: str, frames: bytes) -> None:
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(frames)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def test_an_alert_and_a_log_line_become_incidents_that_a_soc_pulls(
    platform: Any,
    api: Callable[..., Any],
    items: Callable[..., Any],
    eventually: Within,
    collection: Collection,
) -> None:
    now = datetime.now(UTC) - timedelta(minutes=5)
    partner = api("soc-partner-nghe-an")

    async def incidents(source_ip: str) -> list[dict[str, Any]]:
        return [each for each in await items("an.ninh", "/incidents") if each["source_ip"] == source_ip]

    async def pulled(kind: str, text: str, **query: Any) -> list[dict[str, Any]]:
        return _about(await asyncio.to_thread(_bundle, collection, **query), kind, text)

    # Suricata's lines by HTTP: alerts are taken, a flow record is not for the SOC, a line that is no JSON is set aside.
    lines = [_eve(now, 1), b'{"timestamp":"2026-11-23T08:00:00Z","event_type":"flow"}', b"not json"]
    taken = await partner.post(
        f"/api/v1/security-events?sensor={SENSOR}",
        content=b"\n".join(lines),
        headers={"Content-Type": "application/x-ndjson"},
    )
    receipt = taken.json()
    assert taken.status_code == 202, taken.text
    assert [receipt[key] for key in ("received", "accepted", "ignored", "quarantined")] == [3, 1, 1, 1]
    (problem,) = receipt["problems"]
    assert problem["line"] == 3
    assert problem["reason"]["vi"]
    (incident,) = await incidents(EVE_ATTACKER)
    assert (incident["severity"], incident["event_count"], incident["sensors"]) == ("high", 1, [SENSOR])
    assert receipt["incident_ids"] == [incident["incident_id"]]

    # The same alert again is the same event; another one joins the incident.
    for line, counts in ((_eve(now, 1), [0, 1]), (_eve(now + timedelta(minutes=1), 2), [1, 0])):
        answer = await partner.post(
            "/api/v1/security-events", content=line, headers={"Content-Type": "application/x-ndjson"}
        )
        assert [answer.json()[key] for key in ("accepted", "duplicate")] == counts
    (incident,) = await incidents(EVE_ATTACKER)
    assert incident["event_count"] == 2

    # Syslog over TCP, octets counted.
    await _send(platform.run.addresses["syslog"], b"".join(_syslog(now, number) for number in range(3)))
    (guessing,) = await eventually(lambda: incidents(SSH_ATTACKER), 10)
    assert (guessing["category"], guessing["event_count"]) == ("authentication-failure", 3)

    # The security team pulls: page by page, and what it has not seen since.
    (mine,) = await pulled("incident", incident["incident_id"])
    assert mine["spec_version"] == "2.1"
    assert await pulled("ipv4-addr", EVE_ATTACKER)
    first, *_ = await asyncio.to_thread(lambda: list(as_pages(collection.get_objects, per_request=1)))
    assert len(first["objects"]) == 1
    assert (first["more"], bool(first["next"])) == (True, True)
    records = await asyncio.to_thread(lambda: collection.get_manifest(limit=1000)["objects"])
    seen_until = max(each["date_added"] for each in records)
    assert not await asyncio.to_thread(_bundle, collection, added_after=seen_until)
    await _send(platform.run.addresses["syslog"], _syslog(now + timedelta(minutes=2), 9))

    async def news() -> list[dict[str, Any]]:
        return await pulled("incident", guessing["incident_id"], added_after=seen_until)

    (changed,) = await eventually(news, 10)
    assert changed["id"] == f"incident--{guessing['incident_id']}"
    assert not await pulled("incident", incident["incident_id"], added_after=seen_until)


async def test_a_refused_log_in_at_the_gateway_arrives_at_the_soc(
    platform: Any, items: Callable[..., Any], api: Callable[..., Any], eventually: Within, collection: Collection
) -> None:
    async def refused() -> list[dict[str, Any]]:
        found = await items("an.ninh", "/incidents")
        return [each for each in found if each["signature"] == "gateway-login-refused"]

    before = sum(each["event_count"] for each in await refused())
    answer = await api("").get("/api/v1/alerts", headers={"Authorization": "Bearer not.a.token"})
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"]

    async def counted() -> list[dict[str, Any]]:
        found = await refused()
        return found if sum(each["event_count"] for each in found) > before else []

    incident = (await eventually(counted, 10))[0]
    assert (incident["tenant"], incident["source_ip"]) == ("nghe-an", "127.0.0.1")

    async def pulled() -> list[dict[str, Any]]:
        objects = await asyncio.to_thread(_bundle, collection)
        return _about(objects, "incident", incident["incident_id"])

    assert await eventually(pulled, 10)
