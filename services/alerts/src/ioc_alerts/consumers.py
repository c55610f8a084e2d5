"""Events of other services, read into measurements and facts and handed on. Durables are named `alerts-<what-for>`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from ioc.ingest.v1 import events_pb2 as ingest_events
from ioc.kpi.v1 import events_pb2 as kpi_events
from ioc.kpi.v1 import value_pb2
from ioc.registry.v1 import events_pb2 as registry_events
from ioc.type.v1 import period_pb2
from ioc_alerts.domain.judgement import Mark
from ioc_alerts.domain.measurement import Measurement, PeriodKind, SeriesFact, TargetStatus
from ioc_alerts.domain.rule import RuleKind
from ioc_alerts.domain.subject import Subject, parse_series_key
from ioc_alerts.domain.text import LocalizedText
from ioc_alerts.judging import Judging
from ioc_alerts.ports import AlertStore
from ioc_kit.bus import Event, Subscription
from ioc_kit.errors import InvalidInput
from ioc_kit.tenancy import background

INDICATORS = Subscription("KPI", "alerts-indicators", ("ioc.*.kpi.v1.>",))
READINGS = Subscription("INGEST", "alerts-readings", ("ioc.*.ingest.v1.observations.written",))
SERIES = Subscription("REGISTRY", "alerts-series", ("ioc.*.registry.v1.contract.published",))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INDICATOR_KINDS = (RuleKind.INDICATOR_THRESHOLD, RuleKind.INDICATOR_BEHIND_TARGET)
_READING_KINDS = (RuleKind.READING_THRESHOLD,)
_PERIOD = {period_pb2.PeriodKind.Value(f"PERIOD_KIND_{kind.name}"): kind for kind in PeriodKind}
_STATUS = {
    value_pb2.VALUE_STATUS_GOOD: TargetStatus.MET,
    value_pb2.VALUE_STATUS_WARNING: TargetStatus.WITHIN_MARGIN,
    value_pb2.VALUE_STATUS_BAD: TargetStatus.BEHIND,
}


class IndicatorConsumer:
    """Judges every indicator value that kpi computes."""

    def __init__(self, judging: Judging) -> None:
        self._judging = judging

    async def handle(self, event: Event) -> None:
        """Takes an event of kpi; those that carry no value are none of ours."""
        if event.type != kpi_events.IndicatorComputed.DESCRIPTOR.full_name:
            return
        measurement = measurement_of(event.read(kpi_events.IndicatorComputed).value)
        await self._judging.judge(event.tenant, _INDICATOR_KINDS, [measurement])


class ReadingConsumer:
    """Judges the latest reading of every series that ingest has written."""

    def __init__(self, judging: Judging, quiet_span: timedelta) -> None:
        self._judging = judging
        self._quiet_span = quiet_span

    async def handle(self, event: Event) -> None:
        """Takes an ObservationsWritten."""
        measurements = measurements_of(event.read(ingest_events.ObservationsWritten))
        await self._judging.judge(event.tenant, _READING_KINDS, measurements, quiet_span=self._quiet_span)


class SeriesConsumer:
    """Keeps what the registry tells of series: units and names of places, for messages about readings."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store

    async def handle(self, event: Event) -> None:
        """Takes a ContractPublished. Taken twice it writes the same."""
        published = event.read(registry_events.ContractPublished)
        names = {thing.thing: LocalizedText(thing.name.vi, thing.name.en) for thing in published.contract.things}
        facts = {
            series.key: SeriesFact(series.unit, names.get(series.thing, LocalizedText("")))
            for series in published.series
        }
        async with self._store.transaction(background(event.tenant)) as transaction:
            await transaction.put_series_facts(event.tenant, facts)


def measurement_of(value: value_pb2.IndicatorValue) -> Measurement:
    """An indicator value as a measurement; of one period, the one known later is the newer.

    A stale or grey value is not reliable. Raises InvalidInput for a value without a period.
    """
    if not value.period.HasField("start"):
        raise InvalidInput.field("value.period.start", "is missing")
    watched = f"{value.set}/{value.code}"
    known_from = value.known_from if value.HasField("known_from") else value.computed_at
    dimensions = (("DIMENSION", value.dimension_code),) if value.dimension_code else ()
    has_target = value.HasField("comparison") and value.comparison.HasField("expected")
    return Measurement(
        watched=watched,
        origin=watched,
        subject=Subject.make(value.area, value.thing, dimensions),
        mark=Mark(_moment(value.period.start), known_from.ToMicroseconds(), value.is_provisional),
        value=value.value if value.HasField("value") else None,
        unit=value.unit,
        place=LocalizedText(value.place_name.vi, value.place_name.en),
        period_kind=_PERIOD.get(value.period.kind, PeriodKind.INSTANT),
        value_id=value.value_id,
        is_reliable=not value.is_stale and value.status in _STATUS,
        target=value.comparison.expected if has_target else None,
        target_status=_STATUS.get(value.status, TargetStatus.UNKNOWN) if has_target else TargetStatus.UNKNOWN,
    )


def measurements_of(written: ingest_events.ObservationsWritten) -> list[Measurement]:
    """The latest reading of each series; of one moment, the one further on in the log is the newer.

    Raises InvalidInput when the columns differ in length or a key is none.
    """
    if not len(written.series_keys) == len(written.to_us) == len(written.latest_value):
        raise InvalidInput.field("series_keys", "and to_us and latest_value must have one entry per series")
    return [
        _reading(key, at_us, value, written.last_position)
        for key, at_us, value in zip(written.series_keys, written.to_us, written.latest_value, strict=True)
    ]


def _reading(key: str, at_us: int, value: float, position: int) -> Measurement:
    parts = parse_series_key(key)
    return Measurement(
        watched=f"{parts.source}/{parts.measure}",
        origin=key,
        subject=parts.subject,
        mark=Mark(_EPOCH + timedelta(microseconds=at_us), position),
        value=value,
    )


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
