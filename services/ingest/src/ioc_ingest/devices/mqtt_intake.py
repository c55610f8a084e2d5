"""What devices published with QoS 1 or 2, out of the server's own MQTT stream, kept there until it is durable here.

A PUBACK promises only that `$MQTT_msgs` has the message, and that stream keeps it only while a consumer is interested.
So a durable consumer of ours must stand before the first device connects; a stream of ours on the same subjects would
not do, because the server acknowledges also what such a stream refuses. The stream does not exist until an MQTT client
has connected: ingest connects one itself.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiomqtt
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from ioc_kit.bus import ConsumerGone, GroupPull

log = structlog.get_logger()
STREAM = "$MQTT_msgs"
DURABLE = "ingest-mqtt"
DEVICE_MESSAGE_BYTES = 256 * 1024
"""The cap of the contract for one message of a device.

The server's own is 1 MiB for everybody (tried: a limit per user does not bind MQTT). What lies between arrives here, to
be quarantined in sight of all; what is larger cuts the device's connection.
"""
_PREFIX = "$MQTT.msgs."
_GROUP = 500
_ACK_WAIT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class MqttLogin:
    """Where the MQTT listener is, and ingest's own static user there."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceMessage:
    """One publish of a device, as it came: nothing in `payload` is checked.

    `tenant` and `device` are proven: the server lets a device publish below `dev/<tenant>/<device>/` only.
    `leaf` is the rest of the topic (`readings`). `sequence` is the position in `$MQTT_msgs`, which starts anew when
    that stream does: good for a log line, not as an identity. `received_at` is the server's time. `tries` is 1 the
    first time.
    """

    tenant: str
    device: str
    leaf: str
    topic: str
    payload: bytes
    qos: int
    sequence: int
    received_at: datetime
    tries: int
    handle: Msg = field(repr=False, compare=False)

    async def ack(self) -> None:
        """It is durable elsewhere: the server may forget it. When the acknowledgement is lost it comes again."""
        await self.handle.ack()

    async def retry_after(self, wait: timedelta) -> None:
        """It comes again after `wait`."""
        await self.handle.nak(delay=wait.total_seconds())


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages in the order of the server; never empty."""

    messages: Sequence[DeviceMessage]

    async def ack(self) -> None:
        """All of it is durable elsewhere."""
        for message in self.messages:
            await message.ack()

    async def retry_after(self, wait: timedelta) -> None:
        """All of it comes again after `wait`."""
        for message in self.messages:
            await message.retry_after(wait)


class MqttIntake:
    """The durable consumer on `$MQTT_msgs`. Several replicas share one durable; order holds within a batch only.

    What is not acknowledged within `ack_wait` comes again.
    """

    def __init__(
        self,
        client: Client,
        login: MqttLogin,
        *,
        durable: str = DURABLE,
        group: int = _GROUP,
        ack_wait: timedelta = _ACK_WAIT,
    ) -> None:
        self._client = client
        self._jetstream = client.jetstream()
        self._login = login
        self._durable = durable
        self._group = group
        self._ack_wait = ack_wait

    async def prepare(self) -> None:
        """Makes the stream exist and the durable stand. Only after that may devices be admitted.

        Raises aiomqtt.MqttError or nats.errors.Error when the server does not answer; repeat it then.
        """
        login = self._login
        async with aiomqtt.Client(
            login.host,
            login.port,
            username=login.user,
            password=login.password,
            # A client id throws out whoever has the same: replicas must differ, and no device may be called so.
            identifier=f"ingest:{secrets.token_hex(8)}",
            clean_session=True,
            timeout=10,
        ):
            await self._jetstream.stream_info(STREAM)
        await self._jetstream.add_consumer(
            STREAM,
            ConsumerConfig(
                durable_name=self._durable,
                filter_subject=f"{_PREFIX}dev.>",
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=self._ack_wait.total_seconds(),
                deliver_policy=DeliverPolicy.ALL,
                max_deliver=-1,
                max_ack_pending=self._group * 8,
            ),
        )

    async def batches(self) -> AsyncIterator[Batch]:
        """What came, for as long as it is iterated; at most about `group` messages at a time, handed on at once.

        A lost connection is waited out. When the durable has gone (somebody emptied JetStream) it is made again.
        """
        while True:
            async with GroupPull(self._client, STREAM, self._durable, self._group) as pull:
                try:
                    while True:
                        if batch := await self._own(await pull.next_group()):
                            yield batch
                except ConsumerGone:
                    log.error("the durable consumer on the MQTT stream has gone; making it again")
            await self.prepare()

    async def waiting(self) -> int:
        """Messages that were acknowledged to devices and not yet to the server: the backlog of this door."""
        info = await self._jetstream.consumer_info(STREAM, self._durable)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def _own(self, messages: Sequence[Msg]) -> Batch | None:
        found = []
        for message in messages:
            read = read_message(message)
            if read is None:
                # A downlink of ours, or a publish of a static user outside the topics of devices.
                await message.ack()
            else:
                found.append(read)
        return Batch(found) if found else None


def read_message(message: Msg) -> DeviceMessage | None:
    """A device's uplink; None for anything else below `dev`."""
    levels = message.subject.removeprefix(_PREFIX).split(".", 3)
    if len(levels) < 4 or levels[0] != "dev" or levels[3] == "down" or levels[3].startswith("down."):
        return None
    metadata = message.metadata
    return DeviceMessage(
        tenant=levels[1],
        device=levels[2],
        leaf=topic_of(levels[3]),
        topic=topic_of(message.subject.removeprefix(_PREFIX)),
        payload=message.data,
        qos=int((message.headers or {}).get("Nmqtt-Pub", "1")),
        sequence=metadata.sequence.stream,
        received_at=metadata.timestamp,
        tries=metadata.num_delivered or 1,
        handle=message,
    )


def topic_of(subject: str) -> str:
    """The MQTT topic that the server made the subject of: `.` for `/`, `//` for a dot, `/` for an empty level."""
    return "".join({".": "/", "//": ".", "/": ""}.get(part, part) for part in _parts(subject))


def _parts(subject: str) -> list[str]:
    if "/" not in subject:
        return list(subject)
    parts = []
    position = 0
    while position < len(subject):
        length = 2 if subject.startswith("//", position) else 1
        parts.append(subject[position : position + length])
        position += length
    return parts
