"""What devices sent, in groups: one message of the log and one fsync for all that came within some milliseconds."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import structlog
from nats.errors import Error as NatsError
from opentelemetry import trace

from ioc_ingest.devices import DeviceMessage, MqttIntake
from ioc_ingest.domain.columns import Columns, concatenate
from ioc_ingest.domain.delivery import Delivery, Door, Located
from ioc_ingest.domain.errors import SourceUnknown
from ioc_ingest.domain.refusal import MAX_ORIGINAL, Refusal, printable
from ioc_ingest.intake import Intake
from ioc_ingest.protocols.mqtt_json import parse, refuse_topic, refuse_unbound
from ioc_ingest.store.devices import SqlDeviceBook
from ioc_ingest.terms_book import MemoryTermsBook
from ioc_kit.bus import Bus
from ioc_kit.errors import Unavailable

log = structlog.get_logger()
tracer = trace.get_tracer(__name__)
_AGAIN = timedelta(seconds=1)
_LEAF = "readings"
DURABLE = "ingest-mqtt"
Owner = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Read:
    """One message and what was found in it."""

    message: DeviceMessage
    delivery: Delivery


class MqttGroups:
    """Feeds the intake. A message is acknowledged once its readings are durable in our own log, never before."""

    def __init__(self, bus: Bus, book: MemoryTermsBook, intake: Intake, devices: SqlDeviceBook) -> None:
        self._bus = bus
        self._book = book
        self._intake = intake
        self._devices = devices

    async def run(self, mqtt: MqttIntake, group_seconds: float) -> None:
        """Takes what comes until cancelled. Raises NatsError when the server is away for good."""
        async for batch in mqtt.batches():
            began = time.monotonic()
            await self.take(batch.messages)
            if (spare := group_seconds - (time.monotonic() - began)) > 0:
                await asyncio.sleep(spare)

    async def take(self, messages: Sequence[DeviceMessage]) -> None:
        """Takes messages of any tenants. What cannot become durable now comes again; nothing is dropped."""
        owners: dict[Owner, list[_Read]] = {}
        for message in messages:
            owner, delivery = self._read(message)
            owners.setdefault(owner, []).append(_Read(message, delivery))
        for owner, reads in owners.items():
            await self._take_of(owner, reads)

    def _read(self, message: DeviceMessage) -> tuple[Owner, Delivery]:
        binding = self._book.binding(message.device)
        device = self._book.device(message.device)
        source = binding.contract.source if binding is not None else device.source if device is not None else ""
        owner = (message.tenant, source)
        if message.leaf != _LEAF:
            return owner, refuse_topic(message.payload, message.topic)
        if binding is None or binding.tenant != message.tenant:
            return owner, refuse_unbound(message.payload, message.device)
        return owner, parse(message.payload, binding)

    async def _take_of(self, owner: Owner, reads: Sequence[_Read]) -> None:
        try:
            with tracer.start_as_current_span("mqtt intake", kind=trace.SpanKind.CONSUMER):
                await self._send(owner, reads)
        except Unavailable as error:
            log.warning("readings of devices wait", problem=error.message, messages=len(reads))
            for read in reads:
                await read.message.retry_after(_AGAIN)
            return
        except Exception as error:  # noqa: BLE001  # one message must not hold up all devices: alone, it is set aside
            if len(reads) > 1:
                for read in reads:
                    await self._take_of(owner, [read])
            else:
                await self._set_aside(reads[0].message, error)
            return
        for read in reads:
            await read.message.ack()

    async def _send(self, owner: Owner, reads: Sequence[_Read]) -> None:
        tenant, source = owner
        digest = hashlib.sha256()
        for read in reads:
            digest.update(read.message.payload)
        batch_id = f"mqtt-{uuid.uuid4()}"
        refused: set[int] = set()
        delivery = _together(reads, refused)
        try:
            _, batch = await self._intake.take(
                tenant,
                source,
                Door.MQTT,
                delivery,
                batch_id=batch_id,
                origin=batch_id,
                content_sha256=digest.digest(),
            )
            refusals: Sequence[Refusal] = batch.refusals
        except SourceUnknown:
            refused.update(range(len(reads)))
            refusals = [
                replace(refusal, origin=read.message.device)
                for read in reads
                for refusal in refuse_unbound(read.message.payload, read.message.device).refusals
            ]
            await self._intake.refuse(
                tenant, source, Door.MQTT, refusals, batch_id=batch_id, content_sha256=digest.digest()
            )
        reasons = {refusal.origin: refusal.reason for refusal in refusals}
        for number, read in enumerate(reads):
            device = read.message.device
            self._devices.took(tenant, device, read.message.received_at)
            if (number in refused or read.delivery.refusals) and device in reasons:
                self._devices.refused(tenant, device, reasons[device])

    async def _set_aside(self, message: DeviceMessage, error: Exception) -> None:
        log.error("dead letter", topic=message.topic, exc_info=error)
        headers = {
            "ioc-dead-reason": f"{type(error).__name__}: {error}".replace("\r", " ").replace("\n", " ")[:1000],
            "ioc-dead-subject": message.topic,
            "ioc-dead-consumer": DURABLE,
        }
        try:
            await self._bus.jetstream.publish(
                f"dead.$MQTT_msgs.{DURABLE}", message.payload, headers=headers, timeout=5.0
            )
        except (NatsError, OSError, TimeoutError) as away:
            log.error("no dead letter can be set aside", problem=str(away) or type(away).__name__)
            await message.retry_after(_AGAIN)
            return
        await message.ack()


def _together(reads: Sequence[_Read], refused: set[int]) -> Delivery:
    """The deliveries of several messages as one, whose refusals still know their device.

    `refused` collects the numbers of messages with rows that the contract refuses, as they are found.
    """
    filled = [(number, read) for number, read in enumerate(reads) if len(read.delivery.columns)]
    refusals = tuple(
        replace(refusal, origin=read.message.device) for read in reads for refusal in read.delivery.refusals
    )
    if not filled:
        return Delivery(Columns.make((), (), (), ()), refusals)
    columns = concatenate([read.delivery.columns for _, read in filled])
    counts = [len(read.delivery.columns) for _, read in filled]
    ends = np.cumsum(counts)

    def place(row: int) -> Located:
        number = int(np.searchsorted(ends, row, side="right"))
        of_all, read = filled[number]
        refused.add(of_all)
        message = read.message
        text = printable(message.payload[:MAX_ORIGINAL].decode("utf-8", "replace"))
        measure = columns.key_of(row).split("/")[1]
        return Located(
            row - int(ends[number]) + counts[number] + 1,
            text,
            message.device,
            len(message.payload),
            {"time_us": "at", "value": f"values.{measure}"},
        )

    return Delivery(columns, refusals, place)
