"""Rates, sizes, refused log-ins."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from ioc.soc.v1 import events_pb2
from ioc_gateway.addresses import TrustedProxies
from ioc_gateway.refusals import MAX_KINDS, Refusals
from ioc_kit.bus import Bus, StreamSpec
from ioc_kit.bus.envelope import from_message
from ioc_kit.errors import Unauthenticated


async def refused_events(bus: Bus) -> list[tuple[str, events_pb2.LoginRefused, bytes]]:
    """Subject, message and raw bytes of everything in the gateway's stream."""
    state = (await bus.jetstream.stream_info("GATEWAY")).state
    found = []
    for position in range(max(state.first_seq, 1), state.last_seq + 1):
        message = await bus.jetstream.get_msg("GATEWAY", position)
        event = from_message(message.subject, message.data, message.headers, position)
        raw = message.data + repr(message.headers).encode()
        found.append((message.subject, event.read(events_pb2.LoginRefused), raw))
    return found


async def test_a_caller_may_ask_so_often_and_no_more(make_gateway: Any) -> None:
    async with make_gateway(rate_per_minute=3) as gateway:
        client = gateway.client("operator", subject="busy")
        assert [(await client.get("/api/v1/me")).status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = await client.get("/api/v1/me")
        assert answer.json()["reason"] == "QUOTA_EXHAUSTED"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert (await gateway.client("operator", subject="other").get("/api/v1/me")).status_code == 200


async def test_an_address_without_a_token_may_ask_so_often(make_gateway: Any) -> None:
    async with make_gateway(anonymous_rate_per_minute=2) as gateway:
        client = gateway.client()
        assert [(await client.get("/api/v1/me")).status_code for _ in range(3)] == [401, 401, 429]
        # Who can sign in is not shut out by somebody at the same address who cannot.
        assert (await gateway.client("operator").get("/api/v1/me")).status_code == 200


async def test_a_body_over_the_limit_is_refused_with_and_without_a_length(make_gateway: Any, peers: Any) -> None:
    async def chunks() -> Any:
        for _ in range(4):
            yield b"{}\n" * 100

    async with make_gateway(max_body_bytes=1000) as gateway:
        client = gateway.client("soc-analyst")
        headers = {"Content-Type": "application/x-ndjson"}
        for body in (b"{}\n" * 400, chunks()):
            answer = await client.post("/api/v1/security-events", content=body, headers=headers)
            assert (answer.status_code, answer.json()["reason"]) == (413, "BODY_TOO_LARGE")
        # Nothing was passed on: the first lines of a body that was cut would have looked like a whole one.
        assert not peers.asked
        assert (await client.post("/api/v1/security-events", content=b"{}", headers=headers)).status_code == 202


async def test_events_reach_soc_bridge_in_the_form_of_their_sensor(gateway: Any, peers: Any) -> None:
    client = gateway.client("soc-analyst")
    url = "/api/v1/security-events?sensor=suricata-1"
    await client.post(url, content=b'{"a":1}\n{"a":2}', headers={"Content-Type": "application/x-ndjson"})
    _, asked = peers.last("SubmitSecurityEvents")
    assert (asked.format, asked.sensor, asked.payload) == (1, "suricata-1", b'{"a":1}\n{"a":2}')
    await client.post(url, json=[{"a": 1}, {"a": 2}])
    assert peers.last("SubmitSecurityEvents")[1].payload == b'{"a": 1}\n{"a": 2}'
    await client.post(url, content="<34>1 - - - - - - x", headers={"Content-Type": "text/plain"})
    assert peers.last("SubmitSecurityEvents")[1].format == 2
    refused = await client.post(url, content=b"x", headers={"Content-Type": "application/xml"})
    assert (refused.status_code, refused.json()["reason"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_refused_log_in_is_told_without_anything_of_the_token(
    gateway: Any, bus: Bus, issuer: Any, eventually: Any
) -> None:
    expired = issuer.token("province-admin", exp=1, subject="victim-name")
    answer = await gateway.client(token=expired).get("/api/v1/alerts?secret=query")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert answer.json()["facts"] == {"why": "expired"}
    ((subject, event, raw),) = await eventually(lambda: refused_events(bus))
    assert subject == "ioc.nghe-an.gateway.v1.login.refused"
    assert (event.why, event.client_ip, event.path, event.count) == ("expired", "127.0.0.1", "/api/v1/alerts", 1)
    for secret in (*expired.split("."), "victim-name", "secret"):
        assert secret.encode() not in raw


async def test_asking_without_any_token_is_no_refused_log_in(gateway: Any, bus: Bus) -> None:
    await gateway.client().get("/api/v1/me")
    await gateway.parts.refusals.publish_pending()
    assert await refused_events(bus) == []


@pytest.fixture
def request_at() -> Any:
    def make(path: str) -> Request:
        return Request({"type": "http", "path": path, "headers": [], "query_string": b"", "server": ("t", 80)})

    return make


async def test_an_attacker_cannot_make_us_publish_without_bound(bus: Bus, fixed_clock: Any, request_at: Any) -> None:
    await bus.declare([StreamSpec("GATEWAY", ("ioc.*.gateway.v1.>",))])
    refusals = Refusals(bus, "nghe-an", fixed_clock)
    for number in range(1000):
        refusals.tell(request_at("/x"), f"10.0.{number // 250}.{number % 250}", Unauthenticated("no", why="signature"))
    for _ in range(500):
        refusals.tell(request_at("/x"), "10.0.0.0", Unauthenticated("no", why="signature"))
    await refusals.publish_pending()
    events = [event for _, event, _ in await refused_events(bus)]
    assert len(events) == MAX_KINDS + 1
    # None of them is forgotten.
    assert sum(event.count for event in events) == 1500
    assert {event.count for event in events if event.client_ip == "10.0.0.0"} == {501}
    assert [(event.why, event.count) for event in events if not event.client_ip] == [("many", 1000 - MAX_KINDS)]


async def test_refusals_wait_for_a_log_that_is_away(bus: Bus, fixed_clock: Any, request_at: Any) -> None:
    refusals = Refusals(bus, "nghe-an", fixed_clock)
    refusals.tell(request_at("/x"), "10.0.0.1", Unauthenticated("no", why="signature"))
    await refusals.publish_pending()  # there is no stream that takes it yet
    refusals.tell(request_at("/y"), "10.0.0.1", Unauthenticated("no", why="signature"))
    await bus.declare([StreamSpec("GATEWAY", ("ioc.*.gateway.v1.>",))])
    await refusals.publish_pending()
    assert [event.count for _, event, _ in await refused_events(bus)] == [2]


@pytest.mark.parametrize(
    ("trusted", "client", "forwarded", "expected"),
    [
        ("", "10.0.0.1", "203.0.113.7", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.0/8", "10.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.0/8", "10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.0/8", "198.51.100.1", "203.0.113.7", "198.51.100.1"),
        ("10.0.0.0/8", "10.0.0.1", "not-an-address", "10.0.0.1"),
        ("fd00::/8,10.0.0.0/8", "fd00::1", "2001:db8::7", "2001:db8::7"),
    ],
)
def test_only_our_own_proxies_are_believed(trusted: str, client: str, forwarded: str, expected: str) -> None:
    scope = {"type": "http", "client": (client, 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}
    assert TrustedProxies(trusted).address_of(Request(scope)) == expected
