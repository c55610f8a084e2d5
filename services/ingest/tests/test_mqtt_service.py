"""The MQTT door of the running service: a device logs in, publishes, is quarantined, is revoked, with a real client."""

import asyncio
import json
import secrets
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiomqtt
import pytest
from nats.js.errors import NotFoundError

from ioc.ingest.v1 import balance_pb2, observation_pb2, quarantine_pb2
from ioc.registry.v1 import device_pb2, events_pb2
from ioc_ingest.devices import hash_secret
from ioc_kit.bus import Bus, StreamSpec, new_event
from ioc_kit.embedded import USER_NAMES, EmbeddedNats, Profile, new_issuer_key, platform_users

WATCH = "ingest-watch"
PASSWORDS = {name: f"secret-of-{name}" for name in USER_NAMES}
READINGS = "dev/vinh/aq-1/readings"
SECRET = secrets.token_urlsafe(32)


@pytest.fixture
def callout_key():
    return new_issuer_key()


@pytest.fixture
def nats_server(tmp_path, callout_key):
    """A server with MQTT, static users and the auth callout, as the platform runs it; replaces the shared one."""
    with EmbeddedNats(
        tmp_path,
        mqtt_port=0,
        users=platform_users(PASSWORDS),
        callout_issuer=callout_key.public,
        profile=Profile.TEST,
    ) as server:
        yield server


@pytest.fixture
async def bus(nats_server):
    connected = await Bus.connect(nats_server.url, "ops", PASSWORDS["ops"], name="test")
    yield connected
    await connected.close()


@pytest.fixture
async def registry_stream(bus):
    await bus.declare([StreamSpec("REGISTRY", ("ioc.*.registry.v1.>",)), StreamSpec("DEADLETTERS", ("dead.>",))])


@pytest.fixture
def publish_device(bus):
    """Publishes a device's credential as the registry does."""

    async def publish(device_id="aq-1", secret=SECRET, state=device_pb2.DEVICE_STATE_ACTIVE):
        message = events_pb2.DeviceCredentialChanged(
            device=device_pb2.Device(
                device_id=device_id,
                tenant="vinh",
                contract="air-quality",
                source="air-quality",
                thing=device_id,
                state=state,
            ),
            secret_sha256=hash_secret(device_id, secret).hex() if secret else "",
        )
        await bus.publish(
            new_event(message, tenant="vinh", source="registry", noun="device", verb="changed", at=datetime.now(UTC))
        )

    return publish


@pytest.fixture
def log_in(nats_server):
    """An MQTT client of the device."""

    @asynccontextmanager
    async def connect(device_id="aq-1", secret=SECRET):
        async with aiomqtt.Client(
            "127.0.0.1",
            nats_server.mqtt_port,
            identifier=device_id,
            username=device_id,
            password=secret,
            timeout=10,
        ) as client:
            yield client

    return connect


@pytest.fixture
async def door(
    fresh_urls,
    start_service,
    nats_server,
    callout_key,
    publish_contract,
    air_contract,
    publish_device,
    log_in,
    eventually,
    connect,
    bus,
):
    """The running service with an open MQTT door, Vinh's contract, and the device aq-1."""
    async with start_service(
        fresh_urls,
        nats_user="ingest",
        nats_password=PASSWORDS["ingest"],
        mqtt_host="127.0.0.1",
        mqtt_port=nats_server.mqtt_port,
        nats_system_user=WATCH,
        nats_system_password=PASSWORDS[WATCH],
        nats_callout_seed=callout_key.seed,
    ) as service:
        await publish_contract(air_contract())
        await publish_device()
        sql = await connect(fresh_urls)
        await eventually(lambda: sql.fetchval("SELECT count(*) FROM device"))

        async def is_prepared():
            try:
                return await bus.jetstream.consumer_info("$MQTT_msgs", "ingest-mqtt")
            except NotFoundError:
                return None

        # Whoever asks before the door is open waits for the server's own five seconds.
        await eventually(is_prepared)

        async def is_admitted():
            try:
                async with log_in():
                    return True
            except aiomqtt.MqttError:
                return False

        await eventually(is_admitted, seconds=20)
        yield service


@pytest.fixture
def ask(door, as_role):
    """Asks the running service as Vinh's administrator."""
    caller = as_role("oc-admin")

    class Ask:
        async def latest(self):
            request = observation_pb2.ListLatestObservationsRequest()
            return (await door.observations.ListLatestObservations(request, **caller)).observations

        async def quarantine(self):
            request = quarantine_pb2.ListQuarantineItemsRequest()
            return (await door.quarantine.ListQuarantineItems(request, **caller)).items

        async def books(self):
            return await door.balance.GetBalance(balance_pb2.GetBalanceRequest(), **caller)

        async def device(self):
            request = observation_pb2.ListDeviceStatusRequest()
            return (await door.status.ListDeviceStatus(request, **caller)).devices[0]

    return Ask()


def a_payload(value=31.2, at=None, **more):
    at = at or datetime.now(UTC) - timedelta(seconds=30)
    return json.dumps({"at": at.isoformat(), "values": {"pm25_ugm3": value}, **more}).encode()


async def test_a_reading_of_a_device_comes_to_lie_in_the_ledger(door, ask, log_in, eventually, bus):
    async with log_in() as client:
        await client.publish(READINGS, a_payload(), qos=1)
    (found,) = await eventually(ask.latest)
    assert (found.series_key, found.value) == ("air-quality/pm25_ugm3/16681/aq-1", pytest.approx(31.2))

    async def is_acknowledged():
        info = await bus.jetstream.consumer_info("$MQTT_msgs", "ingest-mqtt")
        return info.num_pending + info.num_ack_pending == 0

    await eventually(is_acknowledged)

    async def is_counted():
        status = await ask.device()
        return status.messages == 1 and status.refused == 0 and status.HasField("last_seen_at")

    await eventually(is_counted)


async def test_what_a_device_sends_wrong_is_quarantined_with_reason_and_remedy_under_its_name(
    door, ask, log_in, eventually
):
    bad = {
        "not-readable": b"not json",
        "unit-wrong": a_payload(units={"pm25_ugm3": "mg/m3"}),
        "value-out-of-range": a_payload(5000.0),
        "time-in-future": a_payload(at=datetime.now(UTC) + timedelta(days=2)),
        "time-too-late": a_payload(at=datetime.now(UTC) - timedelta(days=30)),
        "payload-too-large": b" " * (300 * 1024),
        "measure-unknown": json.dumps({"at": datetime.now(UTC).isoformat(), "values": {"co2": 1}}).encode(),
    }
    async with log_in() as client:
        for payload in bad.values():
            await client.publish(READINGS, payload, qos=1)
        await client.publish("dev/vinh/aq-1/other", a_payload(), qos=1)
        await client.publish(READINGS, a_payload(12.5), qos=1)

    async def all_booked():
        rows = (await ask.books()).rows
        counts = (sum(r.received for r in rows), sum(r.quarantined for r in rows), sum(r.pending for r in rows))
        return counts == (len(bad) + 2, len(bad) + 1, 0) and len(await ask.quarantine()) == len(bad) + 1

    await eventually(all_booked)
    assert (await ask.books()).is_balanced
    items = await ask.quarantine()
    assert {item.rule for item in items} == set(bad)
    for item in items:
        assert (item.origin, item.door, item.source) == ("aq-1", "mqtt", "air-quality")
        assert item.reason.vi
        assert item.remedy.vi
    fields = {item.rule: item.field for item in items}
    assert (fields["value-out-of-range"], fields["time-in-future"], fields["time-too-late"]) == (
        "values.pm25_ugm3",
        "at",
        "at",
    )
    too_large = next(item for item in items if item.rule == "payload-too-large")
    assert too_large.original_bytes == 300 * 1024
    assert [o.value for o in await ask.latest()] == [12.5]

    async def is_counted():
        status = await ask.device()
        return status.refused == len(bad) + 1 and status.last_refusal_vi

    await eventually(is_counted)


async def test_readings_that_come_close_together_share_messages_of_the_log(door, ask, log_in, eventually, bus):
    before = (await bus.jetstream.stream_info("OBSERVATIONS")).state.messages
    start = datetime.now(UTC) - timedelta(hours=1)
    async with log_in() as client:
        for number in range(200):
            await client.publish(READINGS, a_payload(number, start + timedelta(seconds=number)), qos=1)

    async def all_stored():
        return sum(row.stored for row in (await ask.books()).rows) == 200

    await eventually(all_stored)
    assert (await bus.jetstream.stream_info("OBSERVATIONS")).state.messages - before < 100


async def test_a_revoked_device_is_cut_off_and_stays_out(door, log_in, publish_device):
    async with log_in() as client:
        await publish_device(secret="", state=device_pb2.DEVICE_STATE_REVOKED)
        with pytest.raises(aiomqtt.MqttError):
            await asyncio.wait_for(anext(aiter(client.messages)), 15)
    with pytest.raises(aiomqtt.MqttError):
        async with log_in():
            pass


async def test_a_device_without_a_contract_in_force_is_quarantined_and_nothing_is_lost(
    door, ask, log_in, publish_device, eventually
):
    await publish_device("aq-99")

    async def published():
        try:
            async with log_in("aq-99") as client:
                await client.publish("dev/vinh/aq-99/readings", a_payload(), qos=1)
        except aiomqtt.MqttError:
            return False
        return True

    await eventually(published)
    (item,) = await eventually(ask.quarantine)
    assert (item.rule, item.origin) == ("device-not-bound", "aq-99")
    assert json.loads(item.original)["values"] == {"pm25_ugm3": 31.2}
    assert (await ask.books()).is_balanced
