"""What the ledger and the registry tell, read from JetStream and handed to the recomputer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ioc.ingest.v1 import events_pb2 as ingest_events
from ioc.registry.v1 import contract_pb2
from ioc.registry.v1 import events_pb2 as registry_events
from ioc_kit.bus import Bus, Consumer, Event, Subscription
from ioc_kit.errors import InvalidInput
from ioc_kpi.domain.series import INSTANT, Activity, Series
from ioc_kpi.domain.text import LocalizedText
from ioc_kpi.recompute import Recomputer
from ioc_kpi.rpc.plain import PERIOD_KINDS

WRITTEN = "kpi-observations"
REFUSED = "kpi-quarantined"
CONTRACTS = "kpi-contracts"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def consumers(bus: Bus, recomputer: Recomputer) -> list[Consumer]:
    """The three consumers. They wait for streams that their owners have not declared yet."""

    async def on_written(event: Event) -> None:
        message = event.read(ingest_events.ObservationsWritten)
        activities = activities_of(event.tenant, message)
        await recomputer.observe(WRITTEN, event, message.source, activities, sum(message.stored))

    async def on_quarantined(event: Event) -> None:
        message = event.read(ingest_events.ReadingsQuarantined)
        if message.source:
            await recomputer.count_refused(REFUSED, event, message.source, message.count)

    async def on_contract(event: Event) -> None:
        message = event.read(registry_events.ContractPublished)
        await recomputer.learn(CONTRACTS, event, [series_of(event.tenant, message, each) for each in message.series])

    return [
        Consumer(bus, Subscription("INGEST", WRITTEN, ("ioc.*.ingest.v1.observations.written",)), on_written),
        Consumer(bus, Subscription("INGEST", REFUSED, ("ioc.*.ingest.v1.readings.quarantined",)), on_quarantined),
        Consumer(bus, Subscription("REGISTRY", CONTRACTS, ("ioc.*.registry.v1.contract.published",)), on_contract),
    ]


def activities_of(tenant: str, message: ingest_events.ObservationsWritten) -> list[Activity]:
    """What changed, a series each. Raises InvalidInput when the columns are not equally long."""
    if not len(message.series_keys) == len(message.from_us) == len(message.to_us):
        raise InvalidInput.field("series_keys", "and from_us and to_us must have the same length")
    found: dict[str, Activity] = {}
    for key, from_us, to_us in zip(message.series_keys, message.from_us, message.to_us, strict=True):
        first_at, newest_at = _moment(from_us), _moment(to_us)
        if key in found:
            first_at, newest_at = min(first_at, found[key].first_at), max(newest_at, found[key].newest_at)
        found[key] = Activity(tenant, key, first_at, newest_at)
    return list(found.values())


def series_of(tenant: str, message: registry_events.ContractPublished, series: contract_pb2.Series) -> Series:
    """A series under the terms of its contract."""
    contract = message.contract
    kinds = {number: kind.value for kind, number in PERIOD_KINDS.items()}
    return Series(
        tenant=tenant,
        key=series.key,
        source=series.source,
        measure=series.measure,
        area=series.area,
        thing=series.thing,
        dimensions=tuple(sorted(series.dimensions.items())),
        period_kind=kinds.get(series.period_kind, INSTANT),
        cadence=contract.cadence.ToTimedelta() or None,
        contract=contract.contract,
        contract_version=contract.version,
        name=LocalizedText(series.name.vi, series.name.en),
    )


def _moment(microseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise InvalidInput.field("from_us", "is not a time between the years 1 and 9999") from error
