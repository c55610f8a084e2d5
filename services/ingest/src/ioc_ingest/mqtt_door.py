"""The MQTT door as a whole: opens it in the right order, and feeds what devices sent to the intake in groups."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import aiomqtt
import nats
import structlog
from nats.errors import Error as NatsError

from ioc_ingest.devices import (
    AuthCallout,
    DeviceConnections,
    DeviceRecord,
    Incident,
    IncidentKind,
    MqttIntake,
    MqttLogin,
    Qos0Watch,
    ServerLogWatch,
)
from ioc_ingest.domain.refusal import Text
from ioc_ingest.intake import Intake
from ioc_ingest.mqtt_groups import MqttGroups
from ioc_ingest.settings import Settings
from ioc_ingest.store.devices import SqlDeviceBook
from ioc_ingest.terms_book import MemoryTermsBook
from ioc_kit.bus import Bus
from ioc_kit.clock import Clock

log = structlog.get_logger()
_RETRY_SECONDS = 1.0
_TEXTS = {
    IncidentKind.LOGIN_REFUSED: Text("Đăng nhập bị từ chối.", "The log-in was refused."),
    IncidentKind.TOPIC_REFUSED: Text(
        "Gửi sai chủ đề: chỉ được gửi vào dev/<đơn vị>/<thiết bị>/readings.",
        "Wrong topic: only dev/<tenant>/<device>/readings is allowed.",
    ),
    IncidentKind.SUBSCRIPTION_REFUSED: Text("Đăng ký nhận chủ đề không được phép.", "A subscription was refused."),
    IncidentKind.TOO_LARGE: Text(
        "Gói tin quá lớn, kết nối bị cắt.", "A message was too large; the connection was cut."
    ),
    IncidentKind.BROKEN_PROTOCOL: Text(
        "Sai giao thức: cần MQTT 3.1.1 và chủ đề không có dấu cách.",
        "Broken protocol: MQTT 3.1.1 is spoken, topics have no spaces.",
    ),
    IncidentKind.NOT_DURABLE: Text("Gửi với QoS 0: không được lưu; hãy dùng QoS 1.", "QoS 0 is not kept: use QoS 1."),
}


class BookDirectory:
    """The devices that may log in, from memory."""

    def __init__(self, book: MemoryTermsBook) -> None:
        self._book = book

    async def find(self, device_id: str) -> DeviceRecord | None:
        """The device of that name, revoked ones too."""
        device = self._book.device(device_id)
        if device is None:
            return None
        secret = bytes.fromhex(device.secret_sha256)
        return DeviceRecord(device.device_id, device.tenant, secret, is_revoked=not device.is_active)


class MqttDoor:
    """Runs the MQTT door. Durable first, then admission: what a device sent before would be acknowledged, and lost."""

    def __init__(
        self,
        bus: Bus,
        book: MemoryTermsBook,
        intake: Intake,
        devices: SqlDeviceBook,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._bus = bus
        self._book = book
        self._devices = devices
        self._clock = clock
        self._settings = settings
        self._groups = MqttGroups(bus, book, intake, devices)
        self._cut_off: asyncio.Queue[tuple[str, datetime]] = asyncio.Queue(10_000)
        self.is_open = asyncio.Event()
        """Set once devices are admitted."""

    def device_changed(self, device_id: str) -> None:
        """Its credential changed: whoever is connected under the old one is cut off."""
        if self._settings.nats_system_user and not self._cut_off.full():
            # The new credential holds from now on: who logs in while the old connection waits to be cut, stays.
            self._cut_off.put_nowait((device_id, self._clock.now()))

    async def run(self) -> None:
        """Until cancelled; a lost server is waited out."""
        while True:
            try:
                async with AsyncExitStack() as stack:
                    await self._open(stack)
            except (NatsError, aiomqtt.MqttError, OSError, TimeoutError) as error:
                log.warning("the MQTT door opens again", problem=str(error) or type(error).__name__)
            self.is_open.clear()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _open(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        login = MqttLogin(
            settings.mqtt_host, settings.mqtt_port, settings.nats_user, settings.nats_password.get_secret_value()
        )
        mqtt = MqttIntake(self._bus.client, login)
        await mqtt.prepare()
        qos0 = Qos0Watch(self._bus.client, self._incident)
        await qos0.start()
        stack.push_async_callback(qos0.stop)
        tasks: list[Coroutine[Any, Any, None]] = [self._groups.run(mqtt, settings.mqtt_group_ms / 1000)]
        if settings.nats_server_log is not None:
            tasks.append(ServerLogWatch(settings.nats_server_log, self._incident).run())
        if settings.nats_system_user:
            tasks.append(self._cut(await self._connections(stack)))
        seed = settings.nats_callout_seed.get_secret_value()
        if seed:
            callout = AuthCallout(self._bus.client, BookDirectory(self._book), seed, self._clock, self._incident)
            await callout.start()
            stack.push_async_callback(callout.stop)
        else:
            log.warning("no IOC_NATS_CALLOUT_SEED: the server's own users alone may log in over MQTT")
        log.info("the MQTT door is open", host=settings.mqtt_host, port=settings.mqtt_port)
        self.is_open.set()
        running = [asyncio.ensure_future(task) for task in tasks]
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _connections(self, stack: AsyncExitStack) -> DeviceConnections:
        settings = self._settings

        async def on_error(error: Exception) -> None:
            log.warning("nats, system account", problem=str(error) or type(error).__name__)

        client = await nats.connect(
            settings.nats_url,
            user=settings.nats_system_user,
            password=settings.nats_system_password.get_secret_value(),
            name="ingest-system",
            error_cb=on_error,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            connect_timeout=5,
        )
        stack.push_async_callback(client.close)
        connections = DeviceConnections(client, self._incident)
        await connections.start()
        return connections

    async def _cut(self, connections: DeviceConnections) -> None:
        while True:
            device_id, changed_at = await self._cut_off.get()
            device = self._book.device(device_id)
            try:
                ended = await connections.cut_off(device_id, changed_at if device and device.is_active else None)
            except (NatsError, TimeoutError) as error:
                # It stays until its log-in ends; the next change or the server's own limit cuts it.
                log.error("a device could not be cut off", device=device_id, problem=str(error) or type(error).__name__)
                continue
            if ended:
                log.info("a device was cut off", device=device_id, connections=ended)

    def _incident(self, incident: Incident) -> None:
        device = self._book.device(incident.device_id) if incident.device_id else None
        if device is not None:
            self._devices.refused(device.tenant, device.device_id, _TEXTS[incident.kind])
        else:
            log.warning("refused at the MQTT door", kind=incident.kind.value, detail=incident.detail[:200])
