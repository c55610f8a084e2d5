"""What ingest takes from the registry: contracts with their series, and devices with their credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import structlog
from google.protobuf.duration_pb2 import Duration

from ioc.registry.v1 import contract_pb2, device_pb2, events_pb2
from ioc.type.v1 import period_pb2
from ioc_ingest.domain.contract import Contract, Dimension, Measure, Mode, PeriodKind, Thing
from ioc_ingest.domain.device import Device
from ioc_ingest.store.catalogue import SeriesFacts, SqlCatalogue
from ioc_ingest.terms_book import MemoryTermsBook
from ioc_kit.bus import DeadLetter, Event, Subscription

log = structlog.get_logger()
DURABLE = "ingest-contracts"
SUBSCRIPTION = Subscription(
    "REGISTRY", DURABLE, ("ioc.*.registry.v1.contract.published", "ioc.*.registry.v1.device.changed")
)
_KINDS: Mapping[int, PeriodKind] = {
    period_pb2.PERIOD_KIND_UNSPECIFIED: PeriodKind.INSTANT,
    period_pb2.PERIOD_KIND_INSTANT: PeriodKind.INSTANT,
    period_pb2.PERIOD_KIND_HOUR: PeriodKind.HOUR,
    period_pb2.PERIOD_KIND_DAY: PeriodKind.DAY,
    period_pb2.PERIOD_KIND_WEEK: PeriodKind.WEEK,
    period_pb2.PERIOD_KIND_MONTH: PeriodKind.MONTH,
    period_pb2.PERIOD_KIND_QUARTER: PeriodKind.QUARTER,
    period_pb2.PERIOD_KIND_YEAR: PeriodKind.YEAR,
}


class RegistryConsumer:
    """Keeps the read model of contracts and devices."""

    def __init__(self, catalogue: SqlCatalogue, book: MemoryTermsBook, on_device: Callable[[str], None]) -> None:
        self._catalogue = catalogue
        self._book = book
        self._on_device = on_device

    async def handle(self, event: Event) -> None:
        """Takes one event in, and the doors of this replica see it at once."""
        if event.type == events_pb2.ContractPublished.DESCRIPTOR.full_name:
            await self._take_contract(event)
        elif event.type == events_pb2.DeviceCredentialChanged.DESCRIPTOR.full_name:
            await self._take_device(event)
        else:
            raise DeadLetter(f"no such event is expected here: {event.type}")
        await self._book.refresh()
        if event.type == events_pb2.DeviceCredentialChanged.DESCRIPTOR.full_name:
            # Only now: a device that is cut off logs in again at once, and the new credential must be what it meets.
            self._on_device(event.read(events_pb2.DeviceCredentialChanged).device.device_id)

    async def _take_contract(self, event: Event) -> None:
        message = event.read(events_pb2.ContractPublished)
        contract = contract_from_proto(message.contract)
        if contract.tenant != event.tenant:
            raise DeadLetter(f"a contract of {contract.tenant!r} in an event of {event.tenant!r}")
        series = [series_from_proto(each) for each in message.series]
        async with self._catalogue.transaction(event.tenant) as transaction:
            if await transaction.once(DURABLE, event):
                part, parts = max(message.part, 1), max(message.parts, 1)
                await transaction.put_contract(contract, series, part=part, parts=parts)
        log.info("contract taken in", tenant=contract.tenant, contract=contract.contract, version=contract.version)

    async def _take_device(self, event: Event) -> None:
        message = event.read(events_pb2.DeviceCredentialChanged)
        sent = message.device
        device = Device(
            device_id=sent.device_id,
            tenant=event.tenant,
            contract=sent.contract,
            source=sent.source,
            thing=sent.thing,
            is_active=sent.state == device_pb2.DEVICE_STATE_ACTIVE,
            secret_sha256=message.secret_sha256,
        )
        async with self._catalogue.transaction(event.tenant) as transaction:
            if await transaction.once(DURABLE, event):
                await transaction.put_device(device)
        log.info("device taken in", device=device.device_id, is_active=device.is_active)


def contract_from_proto(message: contract_pb2.Contract) -> Contract:
    """The contract as a door needs it. Raises DeadLetter for one that no door could check by."""
    try:
        valid_from, valid_to = (
            date.fromisoformat(day) if day else None for day in (message.valid_from, message.valid_to)
        )
    except ValueError as error:
        raise DeadLetter(f"the contract's validity cannot be read: {error}") from error
    return Contract(
        contract=message.contract,
        version=message.version,
        tenant=message.tenant,
        source=message.source,
        measures=tuple(
            Measure(
                measure.measure,
                measure.unit,
                measure.minimum if measure.HasField("minimum") else None,
                measure.maximum if measure.HasField("maximum") else None,
            )
            for measure in message.measures
        ),
        things=tuple(Thing(thing.thing, thing.area, thing.device_id) for thing in message.things),
        areas=tuple(message.areas),
        dimensions=tuple(Dimension(d.name, tuple(d.codes), d.is_required) for d in message.dimensions),
        period_kind=_KINDS.get(message.period_kind, PeriodKind.INSTANT),
        cadence=_span(message.cadence),
        allowed_lateness=_span(message.allowed_lateness),
        clock_skew=_span(message.clock_skew),
        retention=_span(message.retention),
        mode=Mode.OBSERVE if message.mode == contract_pb2.CONTRACT_MODE_OBSERVE else Mode.ENFORCE,
        columns=dict(message.columns),
        constants=dict(message.constants),
        valid_from=valid_from,
        valid_to=valid_to,
    )


def series_from_proto(message: contract_pb2.Series) -> SeriesFacts:
    """A series of a contract."""
    return SeriesFacts(
        key=message.key,
        source=message.source,
        measure=message.measure,
        unit=message.unit,
        area=message.area,
        thing=message.thing,
        dimensions=dict(message.dimensions),
        period_kind=_KINDS.get(message.period_kind, PeriodKind.INSTANT).value,
    )


def _span(span: Duration) -> timedelta:
    return timedelta(seconds=span.seconds, microseconds=span.nanos // 1000)
