"""What devices publish with QoS 1 arrives, and comes again until it is acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import pytest
from nats.aio.client import Client

from ioc_ingest.devices import DEVICE_MESSAGE_BYTES, AuthCallout, Batch, DeviceMessage, MqttIntake
from ioc_ingest.devices.mqtt_intake import topic_of
from ioc_kit.embedded import EmbeddedNats

Device = Callable[..., AbstractAsyncContextManager[aiomqtt.Client]]
READINGS = "dev/vinh/aq-vinh-01/readings"


@asynccontextmanager
async def reading(intake: MqttIntake) -> AsyncIterator[Callable[[], Any]]:
    """The next batch, within ten seconds."""
    async with aclosing(intake.batches()) as batches:
        iterator = aiter(batches)

        async def next_batch() -> Batch:
            return await asyncio.wait_for(anext(iterator), 10)

        yield next_batch


async def collect(intake: MqttIntake, count: int) -> list[DeviceMessage]:
    """The next `count` messages, acknowledged."""
    found: list[DeviceMessage] = []
    async with reading(intake) as next_batch:
        while len(found) < count:
            batch = await next_batch()
            found += batch.messages
            await batch.ack()
    return found


async def test_a_qos_1_publish_arrives_with_who_sent_it(
    callout: AuthCallout, intake: MqttIntake, device: Device
) -> None:
    async with device("aq-vinh-01") as client, reading(intake) as next_batch:
        await client.publish(READINGS, b'{"at": "x"}', qos=1)
        (message,) = (await next_batch()).messages
    assert (message.tenant, message.device, message.leaf) == ("vinh", "aq-vinh-01", "readings")
    assert (message.topic, message.payload, message.qos, message.tries) == (READINGS, b'{"at": "x"}', 1, 1)
    assert abs(datetime.now(UTC) - message.received_at) < timedelta(minutes=1)


async def test_a_message_comes_again_until_it_is_acknowledged(
    callout: AuthCallout,
    make_intake: Callable[..., MqttIntake],
    ingest: Client,
    device: Device,
    eventually: Callable[..., Any],
) -> None:
    intake = make_intake(ingest, ack_wait=timedelta(seconds=0.5))
    await intake.prepare()
    async with device("aq-vinh-01") as client, reading(intake) as next_batch:
        await client.publish(READINGS, b"1", qos=1)
        for tries in (1, 2, 3):
            batch = await next_batch()
            assert [message.tries for message in batch.messages] == [tries]
        await batch.retry_after(timedelta(seconds=0.1))
        batch = await next_batch()
        assert batch.messages[0].tries == 4
        await batch.ack()
        await ingest.flush()

    async def is_done() -> bool:
        # The server counts a moment after it was told.
        return await intake.waiting() == 0

    await eventually(is_done)


async def test_nothing_is_lost_while_nobody_reads(
    callout: AuthCallout,
    intake: MqttIntake,
    make_intake: Callable[..., MqttIntake],
    connect: Any,
    device: Device,
    ingest: Client,
) -> None:
    async with device("aq-vinh-01") as client:
        async with reading(intake) as next_batch:
            await client.publish(READINGS, b"before", qos=1)
            await (await next_batch()).ack()
        # The server knows now that the first reader has gone; what it had handed to it would come back after ack_wait.
        await ingest.flush()
        for number in range(50):
            await client.publish(READINGS, str(number).encode(), qos=1)
    another_process = make_intake(await connect("ingest"))
    await another_process.prepare()
    found = await collect(another_process, 50)
    assert [message.payload for message in found] == [str(number).encode() for number in range(50)]


async def test_nothing_is_lost_over_a_restart_of_the_server(
    callout: AuthCallout, intake: MqttIntake, server: EmbeddedNats, make_intake: Any, connect: Any, device: Device
) -> None:
    async with device("aq-vinh-01") as client:
        for number in range(20):
            await client.publish(READINGS, str(number).encode(), qos=1)
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    found = await collect(make_intake(await connect("ingest")), 20)
    assert [message.payload for message in found] == [str(number).encode() for number in range(20)]


async def test_reading_goes_on_when_the_connection_was_lost(
    callout: AuthCallout, intake: MqttIntake, connect: Any, ingest: Client, device: Device, eventually: Any
) -> None:
    system = await connect("sys")
    async with reading(intake) as next_batch:
        waiting = asyncio.create_task(next_batch())
        await ingest.flush()
        cid = str(ingest.client_id)
        server_id = ingest._server_info["server_id"]
        await system.request(f"$SYS.REQ.SERVER.{server_id}.KICK", f'{{"cid": {cid}}}'.encode(), timeout=5)
        await eventually(lambda: ingest.stats["reconnects"] == 1)
        async with device("aq-vinh-01") as client:
            await client.publish(READINGS, b"after", qos=1)
            assert [message.payload for message in (await waiting).messages] == [b"after"]


async def test_a_durable_that_somebody_deleted_is_made_again(
    callout: AuthCallout, intake: MqttIntake, connect: Any, device: Device, eventually: Any
) -> None:
    operator = await connect("ops")
    async with reading(intake) as next_batch:
        waiting = asyncio.create_task(next_batch())
        async with device("aq-vinh-01") as client:
            await client.publish(READINGS, b"1", qos=1)
            await (await waiting).ack()
            waiting = asyncio.create_task(next_batch())
            await operator.jetstream().delete_consumer("$MQTT_msgs", "ingest-mqtt")

            async def stands() -> bool:
                return any(
                    consumer.name == "ingest-mqtt"
                    for consumer in await operator.jetstream().consumers_info("$MQTT_msgs")
                )

            await eventually(stands)
            await client.publish(READINGS, b"2", qos=1)
            assert [message.payload for message in (await waiting).messages] == [b"2"]


async def test_a_lone_message_is_handed_on_at_once(callout: AuthCallout, intake: MqttIntake, device: Device) -> None:
    slowest = 0.0
    async with device("aq-vinh-01") as client, reading(intake) as next_batch:
        for _ in range(20):
            waiting = asyncio.create_task(next_batch())
            began = time.monotonic()
            await client.publish(READINGS, b"{}", qos=1)
            await (await waiting).ack()
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < 1.0


async def test_many_messages_come_in_groups(
    callout: AuthCallout, make_intake: Callable[..., MqttIntake], ingest: Client, device: Device
) -> None:
    intake = make_intake(ingest, group=40)
    await intake.prepare()
    async with device("aq-vinh-01", max_inflight_messages=200) as client:
        await asyncio.gather(*(client.publish(READINGS, str(number).encode(), qos=1) for number in range(200)))
    sizes = []
    async with reading(intake) as next_batch:
        while sum(sizes) < 200:
            batch = await next_batch()
            sizes.append(len(batch.messages))
            await batch.ack()
    assert sum(sizes) == 200
    assert max(sizes) <= 40
    assert len(sizes) < 40


async def test_a_message_over_the_cap_of_the_contract_arrives_to_be_quarantined(
    callout: AuthCallout, intake: MqttIntake, device: Device
) -> None:
    async with device("aq-vinh-01") as client:
        await client.publish(READINGS, bytes(DEVICE_MESSAGE_BYTES + 1), qos=1)
    (message,) = await collect(intake, 1)
    assert len(message.payload) == DEVICE_MESSAGE_BYTES + 1


async def test_before_the_intake_is_prepared_the_server_acknowledges_and_forgets(
    server: EmbeddedNats, make_intake: Callable[..., MqttIntake], ingest: Client, eventually: Callable[..., Any]
) -> None:
    # Why the order of opening matters. Only a static user can be in so early: devices wait for the callout.
    async with aiomqtt.Client(
        "127.0.0.1", server.mqtt_port, identifier="x:1", username="ingest", password="secret-of-ingest"
    ) as early:
        await early.publish(READINGS, b"acknowledged", qos=1)
        intake = make_intake(ingest)
        await intake.prepare()
        assert await intake.waiting() == 0
        await early.publish(READINGS, b"kept", qos=1)

        async def is_kept() -> bool:
            # The server counts what is pending a moment after it has acknowledged.
            return await intake.waiting() == 1

        await eventually(is_kept)
        assert [message.payload for message in await collect(intake, 1)] == [b"kept"]


async def test_a_downlink_is_not_taken_for_a_reading(
    callout: AuthCallout, intake: MqttIntake, server: EmbeddedNats, device: Device
) -> None:
    async with aiomqtt.Client(
        "127.0.0.1", server.mqtt_port, identifier="x:1", username="ingest", password="secret-of-ingest"
    ) as ingest_client:
        await ingest_client.publish("dev/vinh/aq-vinh-01/down/interval", b"60", qos=1)
    async with device("aq-vinh-01") as client:
        await client.publish(READINGS, b"1", qos=1)
    (message,) = await collect(intake, 1)
    assert message.payload == b"1"


@pytest.mark.parametrize(
    ("subject", "topic"),
    [("dev.vinh.a.readings", "dev/vinh/a/readings"), ("x.a//b", "x/a.b"), ("x./.y", "x//y")],
)
def test_a_subject_reads_back_as_its_topic(subject: str, topic: str) -> None:
    assert topic_of(subject) == topic
