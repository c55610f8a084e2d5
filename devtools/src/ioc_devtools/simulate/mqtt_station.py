"""A station that publishes its readings by MQTT with QoS 1, as its contract says."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta, timezone

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from ioc_devtools.simulate.air import Air
from ioc_devtools.simulate.doors import Away, Doors
from ioc_devtools.simulate.memory import DeviceMemory
from ioc_devtools.simulate.rounds import Keep, Tell
from ioc_devtools.simulate.stations import Device

MINUTES_A_MESSAGE = 120
"""Readings that were not sent in time go as arrays; 120 minutes are about 25 KiB of the 256 that one may have."""
REFUSALS_BEFORE_NEW = 6
"""After so many refused log-ins in a row the password is held to be lost, and a new one is asked for."""
_PUBACK_SECONDS = 15.0
_VIET_NAM = timezone(timedelta(hours=7))


class MqttStation:
    """One device. Minutes count as sent when the broker has acknowledged them."""

    def __init__(self, device: Device, air: Air, doors: Doors, memory: DeviceMemory, keep: Keep, tell: Tell) -> None:
        self.name = device.station.code
        self._device = device
        self._air = air
        self._doors = doors
        self._memory = memory
        self._keep = keep
        self._tell = tell
        self._connection = AsyncExitStack()
        self._client: aiomqtt.Client | None = None
        self._lost: asyncio.Future[None] | None = None
        self._refusals = 0

    async def deliver(self, until: int) -> None:
        """Publishes every minute up to `until`, the newest last. Raises Away or Refused."""
        sent = 0
        while self._memory.sent_until < until:
            first = self._memory.sent_until + 1
            last = min(until, first + MINUTES_A_MESSAGE - 1)
            await self._publish(self._payload(first, last))
            self._memory.sent_until = last
            self._keep()
            sent += last - first + 1
        if sent > 1:
            self._tell(self.name, f"{sent} minutes delivered")

    async def aclose(self) -> None:
        """Disconnects."""
        client, self._client = self._client, None
        if self._lost is not None:
            self._lost.cancel()
            await asyncio.gather(self._lost, return_exceptions=True)
        if client is not None:
            try:
                await self._connection.aclose()
            except aiomqtt.MqttError as error:
                self._tell(self.name, f"had lost its connection already ({error})")

    def _payload(self, first: int, last: int) -> bytes:
        readings = [self._reading(minute) for minute in range(first, last + 1)]
        return json.dumps(readings[0] if len(readings) == 1 else readings, separators=(",", ":")).encode()

    def _reading(self, minute: int) -> dict[str, object]:
        measured = self._air.measure(self._device.station, minute)
        at = datetime.fromtimestamp(minute * 60, UTC).astimezone(_VIET_NAM)
        return {"at": at.isoformat(), "values": {name: measured[name] for name in self._device.measures}}

    async def _publish(self, payload: bytes) -> None:
        station = self._device.station
        client = self._client or await self._connect()
        topic = f"dev/{station.tenant}/{station.code}/readings"
        published = asyncio.ensure_future(client.publish(topic, payload, qos=1, timeout=_PUBACK_SECONDS))
        try:
            # A publish alone would not notice a connection that is cut while it waits.
            waited = [published, self._lost] if self._lost is not None else [published]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not published.done():
                raise aiomqtt.MqttError("the connection was cut")
            published.result()
        except aiomqtt.MqttError as error:
            await self.aclose()
            raise Away(f"the broker does not acknowledge: {error}") from error
        finally:
            published.cancel()

    async def _connect(self) -> aiomqtt.Client:
        if not self._memory.secret or self._refusals >= REFUSALS_BEFORE_NEW:
            await self._ask_for_a_secret()
        host, port = self._doors.address("mqtt")
        client = aiomqtt.Client(
            host,
            port,
            username=self.name,
            password=self._memory.secret,
            identifier=self.name,
            protocol=aiomqtt.ProtocolVersion.V311,
            timeout=_PUBACK_SECONDS,
        )
        self._connection = AsyncExitStack()
        try:
            await self._connection.enter_async_context(client)
        except aiomqtt.MqttError as error:
            self._refusals += isinstance(error, MqttConnectError)
            raise Away(f"the broker does not admit it: {error}") from error
        self._refusals = 0
        self._client = client
        self._lost = asyncio.ensure_future(_until_lost(client))
        return client

    async def _ask_for_a_secret(self) -> None:
        issued = await self._doors.post(f"/devices/{self.name}/credential", login=self._device.administrator)
        self._memory.secret = str(issued["secret"])
        self._refusals = 0
        self._keep()
        self._tell(self.name, "has a credential")


async def _until_lost(client: aiomqtt.Client) -> None:
    """Ends, with MqttError, when the connection does; nothing is ever sent to a station of ours."""
    async for _ in client.messages:
        continue
