"""Log-ins over MQTT against a real server: who is let in, what they may do then, what is counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import pytest

from ioc_ingest.devices import (
    AuthCallout,
    DeviceConnections,
    IncidentCounter,
    IncidentKind,
    Qos0Watch,
    ServerLogWatch,
)
from ioc_kit.clock import SystemClock
from ioc_kit.embedded import EmbeddedNats

Device = Callable[..., AbstractAsyncContextManager[aiomqtt.Client]]
Eventually = Callable[..., Awaitable[None]]
READINGS = "dev/vinh/aq-vinh-01/readings"


async def until_cut_off(log_in: AbstractAsyncContextManager[aiomqtt.Client], then: Callable[..., Any]) -> None:
    """Logs in, does something, and returns when the server has ended the connection; fails when it does not."""
    try:
        async with log_in as client, asyncio.timeout(10):
            await then(client)
            async for _ in client.messages:
                pass
    except aiomqtt.MqttError:
        return
    pytest.fail("the connection was not ended")


async def is_refused(log_in: AbstractAsyncContextManager[aiomqtt.Client]) -> bool:
    try:
        async with log_in:
            return False
    except aiomqtt.MqttError:
        return True


async def test_a_device_with_its_secret_is_let_in(callout: AuthCallout, device: Device) -> None:
    async with device("aq-vinh-01") as client:
        await client.publish(READINGS, b"{}", qos=1)


@pytest.mark.parametrize(
    ("name", "changed", "reason", "counted_for"),
    [
        ("aq-vinh-01", {"password": "wrong"}, "wrong-secret", None),
        ("aq-vinh-02", {"user": "aq-vinh-01"}, "wrong-client-id", "aq-vinh-01"),
        ("gone-01", {}, "revoked", "gone-01"),
        ("nobody-01", {}, "unknown-device", None),
    ],
)
async def test_a_wrong_log_in_is_refused_and_counted(
    callout: AuthCallout,
    device: Device,
    incidents: IncidentCounter,
    name: str,
    changed: dict[str, str],
    reason: str,
    counted_for: str | None,
) -> None:
    assert await is_refused(device(name, **changed))
    # The server asks once or more for one log-in.
    assert incidents.counts[(IncidentKind.LOGIN_REFUSED, counted_for)] >= 1
    assert incidents.last[(IncidentKind.LOGIN_REFUSED, counted_for)].detail.startswith(reason)


async def test_another_device_cannot_throw_one_out_by_its_client_id(callout: AuthCallout, device: Device) -> None:
    async with device("aq-vinh-01") as client:
        assert await is_refused(device("aq-vinh-01", user="aq-vinh-02"))
        await client.publish(READINGS, b"{}", qos=1)


async def test_nobody_is_let_in_while_the_directory_is_away(
    callout: AuthCallout, device: Device, directory: Any, incidents: IncidentCounter
) -> None:
    directory.is_away = True
    assert await is_refused(device("aq-vinh-01"))
    assert incidents.last[(IncidentKind.LOGIN_REFUSED, None)].detail.startswith("directory-away")
    directory.is_away = False
    assert not await is_refused(device("aq-vinh-01"))


async def test_nobody_is_let_in_while_the_callout_is_away(callout: AuthCallout, device: Device) -> None:
    await callout.stop()
    assert await is_refused(device("aq-vinh-01"))
    await callout.start()
    assert not await is_refused(device("aq-vinh-01"))


async def test_a_device_is_not_let_in_by_the_nats_protocol(
    callout: AuthCallout, server: EmbeddedNats, secrets: dict[str, str], incidents: IncidentCounter
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    login = json.dumps({"user": "aq-vinh-01", "pass": secrets["aq-vinh-01"], "verbose": False})
    writer.write(f"CONNECT {login}\r\nPING\r\n".encode())
    await reader.readline()
    assert b"Authorization Violation" in await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    await writer.wait_closed()
    assert incidents.last[(IncidentKind.LOGIN_REFUSED, None)].detail.startswith("not-mqtt")


@pytest.mark.parametrize(
    "topic",
    ["#", "+/#", "dev/#", "dev/vinh/#", "dev/vinh/+/down/#", "dev/vinh/aq-vinh-02/down/#", READINGS, "$SYS/#", "ioc/#"],
)
async def test_a_device_cannot_listen_to_anybody_elses_topics(callout: AuthCallout, device: Device, topic: str) -> None:
    async with device("aq-vinh-01") as client:
        (granted,) = await client.subscribe(topic, qos=1)
        assert granted.value == 0x80


async def test_a_device_hears_its_own_downlink(
    callout: AuthCallout, device: Device, server: EmbeddedNats, intake: Any
) -> None:
    async with (
        device("aq-vinh-01") as client,
        aiomqtt.Client(
            "127.0.0.1", server.mqtt_port, identifier="x:1", username="ingest", password="secret-of-ingest"
        ) as ingest_client,
    ):
        (granted,) = await client.subscribe("dev/vinh/aq-vinh-01/down/#", qos=1)
        assert granted.value == 1
        await ingest_client.publish("dev/vinh/aq-vinh-01/down/interval", b"60", qos=1)
        message = await asyncio.wait_for(anext(aiter(client.messages)), 10)
        assert (str(message.topic), message.payload) == ("dev/vinh/aq-vinh-01/down/interval", b"60")


async def test_a_publish_outside_its_topics_is_acknowledged_dropped_and_counted(
    callout: AuthCallout,
    device: Device,
    server: EmbeddedNats,
    intake: Any,
    incidents: IncidentCounter,
    eventually: Eventually,
) -> None:
    watching = asyncio.create_task(ServerLogWatch(server.log_path, incidents).run())
    try:
        async with device("aq-vinh-01") as client:

            async def seen() -> bool:
                # Again until the watch has found the end of the log, from which it counts.
                for topic in ("dev/vinh/aq-vinh-02/readings", "dev/hoang-mai/aq-vinh-01/readings", "ioc/vinh/x"):
                    await client.publish(topic, b"{}", qos=1)
                return incidents.counts[(IncidentKind.TOPIC_REFUSED, "aq-vinh-01")] > 0

            await eventually(seen)
            await client.subscribe("#")
        await eventually(lambda: incidents.counts[(IncidentKind.SUBSCRIPTION_REFUSED, "aq-vinh-01")] == 1)
        assert await intake.waiting() == 0
    finally:
        watching.cancel()


async def test_a_revoked_device_is_cut_off_and_stays_out(
    callout: AuthCallout, device: Device, directory: Any, connect: Any, incidents: IncidentCounter
) -> None:
    connections = DeviceConnections(await connect("ingest-watch"), incidents)
    async with device("aq-vinh-02") as other:

        async def revoke(_: aiomqtt.Client) -> None:
            directory["aq-vinh-01"] = replace(directory["aq-vinh-01"], is_revoked=True)
            assert await connections.cut_off("aq-vinh-01") == 1

        await until_cut_off(device("aq-vinh-01"), revoke)
        assert await is_refused(device("aq-vinh-01"))
        await other.publish("dev/vinh/aq-vinh-02/readings", b"{}", qos=1)
    assert await connections.cut_off("never-here") == 0


async def test_a_device_that_logged_in_with_its_new_credential_stays(
    callout: AuthCallout, device: Device, connect: Any, incidents: IncidentCounter
) -> None:
    connections = DeviceConnections(await connect("ingest-watch"), incidents)
    before = datetime.now(UTC)

    async def change(_: aiomqtt.Client) -> None:
        assert await connections.cut_off("aq-vinh-01", before) == 0
        assert await connections.cut_off("aq-vinh-01", datetime.now(UTC)) == 1

    await until_cut_off(device("aq-vinh-01"), change)


async def test_a_log_in_ends_after_its_time(
    intake: Any, ingest: Any, device: Device, directory: Any, issuer: Any, incidents: IncidentCounter
) -> None:
    short = AuthCallout(ingest, directory, issuer.seed, SystemClock(), incidents, stay=timedelta(seconds=2))
    await short.start()
    await until_cut_off(device("aq-vinh-01"), lambda client: client.publish(READINGS, b"{}", qos=1))


@pytest.mark.parametrize(
    ("topic", "size", "kind"),
    [(READINGS, 1_500_000, IncidentKind.TOO_LARGE), ("dev/vinh/aq-vinh-01/a b", 2, IncidentKind.BROKEN_PROTOCOL)],
)
async def test_a_message_that_the_server_cannot_take_cuts_the_connection_and_is_counted(
    callout: AuthCallout,
    device: Device,
    connect: Any,
    incidents: IncidentCounter,
    eventually: Eventually,
    topic: str,
    size: int,
    kind: IncidentKind,
) -> None:
    connections = DeviceConnections(await connect("ingest-watch"), incidents)
    await connections.start()
    # QoS 0, because nobody will ever acknowledge it.
    await until_cut_off(device("aq-vinh-01"), lambda client: client.publish(topic, bytes(size), qos=0))
    await eventually(lambda: incidents.counts[(kind, "aq-vinh-01")] == 1)


async def test_qos_0_is_counted_and_qos_1_is_not(
    callout: AuthCallout, device: Device, ingest: Any, incidents: IncidentCounter, eventually: Eventually
) -> None:
    await Qos0Watch(ingest, incidents).start()
    async with device("aq-vinh-01") as client:
        for qos in (1, 0, 1, 0, 2):
            await client.publish(READINGS, b"{}", qos=qos)
        await eventually(lambda: incidents.counts[(IncidentKind.NOT_DURABLE, "aq-vinh-01")] == 2)
        assert incidents.total(IncidentKind.NOT_DURABLE) == 2
