"""Live events: order, tenant wall, exact resumption, and the end of a stream."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from ioc.alerts.v1 import alert_pb2
from ioc.alerts.v1 import events_pb2 as alerts
from ioc.kpi.v1 import events_pb2 as kpi
from ioc.kpi.v1 import value_pb2
from ioc.soc.v1 import events_pb2 as soc
from ioc.soc.v1 import incident_pb2
from ioc_gateway.events import positions
from ioc_gateway.events.feeds import Item
from ioc_gateway.events.hub import QUEUE_LIMIT, Ended, Listener
from ioc_kit.bus import Bus, StreamSpec, new_event

STREAMS = [
    StreamSpec("ALERTS", ("ioc.*.alerts.v1.>",)),
    StreamSpec("KPI", ("ioc.*.kpi.v1.>",)),
    StreamSpec("SOC", ("ioc.*.soc.v1.>",)),
]


@dataclass
class Received:
    """An event as a front end got it."""

    name: str
    id: str
    data: Any

    @property
    def alert_id(self) -> str:
        return str(self.data["alert"]["alert_id"])


@pytest.fixture
async def streams(bus: Bus) -> Bus:
    await bus.declare(STREAMS)
    return bus


@pytest.fixture
def raise_alert(streams: Bus) -> Callable[..., Any]:
    async def publish(alert_id: str, tenant: str = "vinh") -> int:
        message = alerts.AlertRaised(alert=alert_pb2.Alert(alert_id=alert_id, tenant=tenant))
        return await streams.publish(
            new_event(message, tenant=tenant, source="alerts", noun="alert", verb="raised", at=datetime.now(UTC))
        )

    return publish


@asynccontextmanager
async def listening(client: Any, last_id: str | None = None, path: str = "/api/v1/events") -> AsyncIterator[Any]:
    """The events of a stream, one after the other; without `position` unless it comes first."""
    headers = {"Last-Event-ID": last_id} if last_id is not None else {}
    async with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        yield _events(answer)


async def _events(answer: Any) -> AsyncIterator[Received]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield Received(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}


async def _next(events: Any, name: str = "alert.raised") -> Received:
    async with asyncio.timeout(10):
        return await anext(event async for event in events if event.name == name)


async def _first(events: Any) -> Received:
    async with asyncio.timeout(10):
        return await anext(events)


async def test_an_alert_arrives_while_the_front_end_listens(gateway: Any, raise_alert: Any, eventually: Any) -> None:
    await eventually(lambda: "A" in gateway.parts.hub.positions)
    async with listening(gateway.client("operator")) as events:
        assert (await _first(events)).name == "position"
        position = await raise_alert("a1")
        event = await _next(events)
    assert event.alert_id == "a1"
    assert event.data["tenant"] == "vinh"
    assert f"A{position}" in event.id


async def test_resuming_loses_nothing_and_repeats_nothing(gateway: Any, raise_alert: Any, eventually: Any) -> None:
    client = gateway.client("operator")
    await eventually(lambda: "A" in gateway.parts.hub.positions)
    async with listening(client) as events:
        await _first(events)
        await raise_alert("a0")
        last = (await _next(events)).id
    for number in range(1, 51):
        await raise_alert(f"a{number}")
    seen: list[str] = []
    # Comes back again and again while more is raised: in the middle of a replay, at its end, live.
    for round_ in range(4):
        if round_ == 2:
            raising = asyncio.gather(*(raise_alert(f"b{number}") for number in range(20)))
        async with listening(client, last) as events:
            for _ in range(17 if round_ < 3 else 70 - 3 * 17):
                event = await _next(events)
                seen.append(event.alert_id)
                last = event.id
    await raising
    assert seen[:50] == [f"a{number}" for number in range(1, 51)]
    assert sorted(seen[50:]) == sorted(f"b{number}" for number in range(20))


async def test_a_stream_ended_before_any_event_resumes_from_its_beginning(
    gateway: Any, raise_alert: Any, eventually: Any
) -> None:
    client = gateway.client("operator")
    await eventually(lambda: "A" in gateway.parts.hub.positions)
    async with listening(client) as events:
        begun = (await _first(events)).id
    await raise_alert("while-away")
    async with listening(client, begun) as events:
        assert (await _next(events)).alert_id == "while-away"


async def test_a_tenant_gets_only_its_own_live_and_again(gateway: Any, raise_alert: Any, eventually: Any) -> None:
    await eventually(lambda: "A" in gateway.parts.hub.positions)
    mine, other = gateway.client("oc-operator", tenant="hoang-mai"), gateway.client("operator")
    async with listening(mine) as events, listening(other) as all_events:
        begun = (await _first(events)).id
        await _first(all_events)
        for number in range(5):
            await raise_alert(f"vinh-{number}", "vinh")
        await raise_alert("hm-live", "hoang-mai")
        # The province has seen all six, so that Vinh's five were handed out before; the tenant's first is its own.
        assert [(await _next(all_events)).alert_id for _ in range(6)][-1] == "hm-live"
        assert (await _next(events)).alert_id == "hm-live"
    async with listening(mine, begun) as events:
        assert (await _next(events)).alert_id == "hm-live"
        await raise_alert("vinh-later", "vinh")
        await raise_alert("hm-later", "hoang-mai")
        assert (await _next(events)).alert_id == "hm-later"


async def test_the_province_may_follow_one_tenant(gateway: Any, raise_alert: Any, eventually: Any) -> None:
    await eventually(lambda: "A" in gateway.parts.hub.positions)
    async with listening(gateway.client("operator"), path="/api/v1/events?tenant=hoang-mai") as events:
        await _first(events)
        await raise_alert("v", "vinh")
        await raise_alert("h", "hoang-mai")
        assert (await _next(events)).alert_id == "h"
    refused = await gateway.client("oc-admin", tenant="vinh").get("/api/v1/events?tenant=hoang-mai")
    assert (refused.status_code, refused.json()["reason"]) == (403, "TENANT_FORBIDDEN")


async def test_indicators_come_to_all_and_incidents_to_soc_roles_only(
    gateway: Any, streams: Bus, eventually: Any
) -> None:
    await eventually(lambda: {"A", "K", "S"} <= set(gateway.parts.hub.positions))
    now = datetime.now(UTC)
    computed = kpi.IndicatorComputed(value=value_pb2.IndicatorValue(value_id="v1", value=151.0), is_correction=True)
    opened = soc.IncidentOpened(incident=incident_pb2.Incident(incident_id="i1"))
    async with (
        listening(gateway.client("soc-analyst")) as for_soc,
        listening(gateway.client("analyst")) as for_analyst,
    ):
        assert "S" in (await _first(for_soc)).id
        assert "S" not in (await _first(for_analyst)).id
        await streams.publish(new_event(opened, tenant="vinh", source="soc", noun="incident", verb="opened", at=now))
        assert (await _next(for_soc, "incident.opened")).data["incident"]["incident_id"] == "i1"
        await streams.publish(
            new_event(computed, tenant="vinh", source="kpi", noun="indicator", verb="computed", at=now)
        )
        async with asyncio.timeout(10):
            event = await anext(event async for event in for_analyst if event.name != "position")
    assert event.name == "indicator.computed"
    assert (event.data["value"]["value"], event.data["is_correction"], event.data["previous"]) == (151.0, True, None)


@pytest.mark.parametrize("last_id", ["nonsense", "A1", "A99999-K0", "", "A1-K1-K1"])
async def test_an_id_that_is_not_ours_begins_from_now_and_says_so(
    gateway: Any, raise_alert: Any, eventually: Any, last_id: str
) -> None:
    await raise_alert("before")
    await eventually(lambda: gateway.parts.hub.positions.get("A") == 1)
    async with listening(gateway.client("operator"), last_id) as events:
        assert (await _first(events)).name == "reset"
        await raise_alert("after")
        assert (await _next(events)).alert_id == "after"


async def test_what_the_log_holds_no_more_is_said(
    gateway: Any, streams: Bus, raise_alert: Any, eventually: Any
) -> None:
    for number in range(5):
        await raise_alert(f"a{number}")
    await streams.jetstream.purge_stream("ALERTS", keep=1)
    await eventually(lambda: gateway.parts.hub.positions.get("A") == 5)
    async with listening(gateway.client("operator"), "A2-K0") as events:
        assert (await _first(events)).name == "reset"
    async with listening(gateway.client("operator"), "A4-K0") as events:
        assert [(await _first(events)).name, (await _first(events)).alert_id] == ["position", "a4"]


async def test_a_quiet_front_end_moves_along(gateway: Any, raise_alert: Any, eventually: Any) -> None:
    await eventually(lambda: "A" in gateway.parts.hub.positions)
    async with listening(gateway.client("oc-operator", tenant="hoang-mai")) as events:
        await _first(events)
        position = await raise_alert("not-theirs", "vinh")
        event = await _next(events, "position")
    assert positions.decode(event.id, "AK") == {"A": position, "K": 0}


async def test_the_stream_ends_with_the_token(gateway: Any, streams: Bus, eventually: Any) -> None:
    await eventually(lambda: "A" in gateway.parts.hub.positions)
    client = gateway.client("operator", exp=int(time.time()) + 2)
    async with asyncio.timeout(8), listening(client) as events:
        assert [event.name async for event in events] == ["position"]
    await eventually(lambda: gateway.parts.hub.open_streams == 0)


async def test_a_caller_holds_so_many_streams_and_no_more(make_gateway: Any, streams: Bus, eventually: Any) -> None:
    async with make_gateway(max_streams_per_caller=1) as gateway:
        client = gateway.client("operator", subject="one")
        await eventually(lambda: {"A", "K"} <= set(gateway.parts.hub.positions))
        async with listening(client) as events:
            await _first(events)
            refused = await client.get("/api/v1/events")
            assert (refused.status_code, refused.json()["reason"]) == (429, "TOO_MANY_STREAMS")
            assert int(refused.headers["retry-after"]) >= 1
            async with listening(gateway.client("operator", subject="two")) as others:
                await _first(others)
        await eventually(lambda: gateway.parts.hub.open_streams == 0)
        async with listening(client) as events:
            await _first(events)


async def test_a_role_without_a_feed_is_refused(gateway: Any) -> None:
    answer = await gateway.client("public").get("/api/v1/events")
    assert (answer.status_code, answer.json()["reason"]) == (403, "ROLE_REFUSED")


async def test_streams_that_do_not_exist_yet_are_followed_from_their_first_event(
    gateway: Any, bus: Bus, eventually: Any
) -> None:
    await eventually(lambda: gateway.parts.hub.positions == {"A": 0, "K": 0, "S": 0})
    async with listening(gateway.client("operator")) as events:
        await _first(events)
        await bus.declare(STREAMS)
        message = alerts.AlertRaised(alert=alert_pb2.Alert(alert_id="first"))
        at = datetime.now(UTC)
        await bus.publish(new_event(message, tenant="vinh", source="alerts", noun="alert", verb="raised", at=at))
        assert (await _next(events)).alert_id == "first"


async def test_an_event_that_does_not_read_does_not_stop_the_others(
    gateway: Any, streams: Bus, raise_alert: Any, eventually: Any
) -> None:
    await eventually(lambda: "A" in gateway.parts.hub.positions)
    async with listening(gateway.client("operator")) as events:
        await _first(events)
        await streams.jetstream.publish("ioc.vinh.alerts.v1.alert.raised", b"\xff\xff no event")
        await raise_alert("good")
        assert (await _next(events)).alert_id == "good"


async def test_a_slow_reader_is_cut_and_not_waited_for() -> None:
    listener = Listener({"A": 0}, None)
    for position in range(1, QUEUE_LIMIT + 5):
        listener.offer(Item("A", position, "vinh", "alert.raised", "{}"))
    taken = [(await listener.next(1)) for _ in range(QUEUE_LIMIT)]
    # What it was given is without a gap, so that it can come back behind the last one.
    assert [item.position for item in taken if item] == list(range(1, QUEUE_LIMIT + 1))
    with pytest.raises(Ended):
        await listener.next(1)


async def test_handing_out_takes_milliseconds(gateway: Any, raise_alert: Any, eventually: Any) -> None:
    await eventually(lambda: "A" in gateway.parts.hub.positions)
    taken: list[float] = []
    async with listening(gateway.client("operator")) as events:
        await _first(events)
        for number in range(50):
            begun = time.perf_counter()
            await raise_alert(f"a{number}")
            await _next(events)
            taken.append(time.perf_counter() - begun)
    # The middle one, so that a busy machine does not fail it; a reader that polls would be far above.
    assert sorted(taken)[25] < 0.05


@asynccontextmanager
async def standing_still(gateway: Any, eventually: Any) -> AsyncIterator[None]:
    """A front end that has asked for the events and reads nothing."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect((host, int(port)))
    with small:
        token = gateway.issuer.token("operator")
        small.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        await eventually(lambda: gateway.parts.hub.listeners == 1)
        yield


async def _publish_large(bus: Bus, kilobytes: int) -> int:
    message = alerts.AlertRaised(alert=alert_pb2.Alert(alert_id="a", acknowledge_note="x" * 1000 * kilobytes))
    at = datetime.now(UTC)
    return await bus.publish(new_event(message, tenant="vinh", source="alerts", noun="alert", verb="raised", at=at))


async def test_a_reader_that_stands_still_is_kept_little_for_and_then_let_go(
    gateway: Any, streams: Bus, eventually: Any
) -> None:
    await eventually(lambda: "A" in gateway.parts.hub.positions)
    async with standing_still(gateway, eventually):
        sent = 0
        while gateway.parts.hub.listeners:
            # What sockets hold, and as many events as may wait; more would be a memory that grows.
            assert sent < 2 * QUEUE_LIMIT
            position = await _publish_large(streams, 100)
            await eventually(lambda position=position: gateway.parts.hub.positions["A"] >= position, every=0.001)
            sent += 1
        assert gateway.parts.hub.open_streams <= 1
        # Its socket is still open and says nothing: the kernel ends the connection, and with it the stream.
        await eventually(lambda: gateway.parts.hub.open_streams == 0)
