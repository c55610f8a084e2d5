"""What is read back, as protos."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.ingest.v1 import balance_pb2, observation_pb2, quarantine_pb2
from ioc.type.v1 import text_pb2
from ioc_ingest.domain.balance import BookRow
from ioc_ingest.domain.device import DeviceStatus
from ioc_ingest.domain.observation import Aggregate, Observation, QuarantineItem, SourceStatus, Window
from ioc_ingest.domain.terms import from_us, to_us
from ioc_ingest.rpc.batches import timestamp
from ioc_kit.errors import InvalidInput


def time_from_proto(at: Timestamp, field: str) -> datetime:
    """An aware time. Raises InvalidInput for what no calendar has."""
    try:
        return from_us(at.seconds * 1_000_000 + at.nanos // 1000)
    except OverflowError as error:
        raise InvalidInput.field(field, "is no time between the years 1 and 9999") from error


def interval_from_proto(interval: text_pb2.Interval) -> tuple[datetime | None, datetime | None]:
    """Beginning and end, None where unset."""
    # `from` is a word of Python's, so the field is read by name.
    start = time_from_proto(getattr(interval, "from"), "interval.from") if interval.HasField("from") else None
    return start, time_from_proto(interval.to, "interval.to") if interval.HasField("to") else None


def window_from_proto(window: observation_pb2.Window, number: int) -> Window:
    """A window; unset ends are refused by the handler, because 1970 is not after 1970."""
    return Window(
        window.series_key,
        time_from_proto(getattr(window, "from"), f"windows[{number}].from"),
        time_from_proto(window.to, f"windows[{number}].to"),
    )


def observation_to_proto(observation: Observation) -> observation_pb2.Observation:
    return observation_pb2.Observation(
        series_key=observation.series_key,
        tenant=observation.tenant,
        at=_stamp(observation.at),
        value=observation.value,
        unit=observation.unit,
        quality=observation.quality,  # type: ignore[arg-type]  # the codes are the enum's
        revision=observation.revision,
        received_at=_stamp(observation.received_at),
        position=observation.position,
    )


def aggregate_to_proto(aggregate: Aggregate) -> observation_pb2.WindowAggregate:
    return observation_pb2.WindowAggregate(
        count=aggregate.count,
        bad_count=aggregate.bad_count,
        expected=aggregate.expected,
        mean=aggregate.mean,
        sum=aggregate.sum,
        min=aggregate.minimum,
        max=aggregate.maximum,
        last=aggregate.last,
        last_at=_maybe(aggregate.last_at),
        position=aggregate.position,
        contract_version=aggregate.contract_version,
    )


def source_status_to_proto(status: SourceStatus) -> observation_pb2.SourceStatus:
    cadence = Duration()
    cadence.FromTimedelta(status.cadence)
    return observation_pb2.SourceStatus(
        source=status.source,
        tenant=status.tenant,
        series_count=status.series_count,
        last_observed_at=_maybe(status.last_observed_at),
        last_received_at=_maybe(status.last_received_at),
        cadence=cadence,
        stored_24h=status.stored_24h,
        quarantined_24h=status.quarantined_24h,
        is_stale=status.is_stale,
    )


def device_status_to_proto(status: DeviceStatus) -> observation_pb2.DeviceStatus:
    return observation_pb2.DeviceStatus(
        device_id=status.device_id,
        tenant=status.tenant,
        last_seen_at=_maybe(status.last_seen_at),
        messages=status.messages,
        refused=status.refused,
        last_refusal_vi=status.last_refusal_vi,
        last_refusal_en=status.last_refusal_en,
    )


def book_row_to_proto(row: BookRow) -> balance_pb2.BalanceRow:
    """Rows that only the writer could refuse are shown as quarantined: accepted is what passed both."""
    return balance_pb2.BalanceRow(
        tenant=row.tenant,
        source=row.source,
        door=row.door,
        hour=_stamp(row.hour),
        received=row.received,
        accepted=row.accepted - row.quarantined_late,
        quarantined=row.quarantined + row.quarantined_late,
        stored=row.stored,
        duplicate=row.duplicate,
        pending=row.pending,
        is_balanced=row.is_balanced,
    )


def quarantine_item_to_proto(item: QuarantineItem) -> quarantine_pb2.QuarantineItem:
    return quarantine_pb2.QuarantineItem(
        item_id=item.item_id,
        tenant=item.tenant,
        source=item.source,
        door=item.door,
        origin=item.origin,
        received_at=_stamp(item.received_at),
        row=item.row,
        field=item.field,
        rule=item.rule,
        reason=text_pb2.LocalizedText(vi=item.reason_vi, en=item.reason_en),
        remedy=text_pb2.LocalizedText(vi=item.remedy_vi, en=item.remedy_en),
        original=item.original,
        original_bytes=item.original_bytes,
        trace_id=item.trace_id,
    )


def _stamp(at: datetime) -> Timestamp:
    return timestamp(to_us(at.astimezone(UTC)))


def _maybe(at: datetime | None) -> Timestamp | None:
    return _stamp(at) if at is not None else None
