"""Messages of the log as the writer takes them, and a group of them as one set of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.ingest.v1 import events_pb2, quarantine_pb2
from ioc_ingest.domain.columns import Columns
from ioc_ingest.domain.errors import ColumnsInvalid
from ioc_ingest.domain.revision import Rows
from ioc_ingest.events import BatchHeader, read_header
from ioc_ingest.rpc.batches import columns_from_proto
from ioc_kit.bus import DeadLetter, Event


@dataclass(frozen=True, slots=True)
class LogMessage:
    """A batch as it lies in the log."""

    position: int
    tenant: str
    source: str
    door: str
    batch_id: str
    received_us: int
    columns: Columns
    header: BatchHeader
    quarantine: Sequence[quarantine_pb2.QuarantineItem]
    reason: str
    stamp_sequence: int
    headers: Mapping[str, str] = field(repr=False)
    """Of the message, `traceparent` among them."""


def read_message(event: Event) -> LogMessage:
    """The message as columns. Raises DeadLetter or InvalidInput for what no door of ours wrote."""
    batch = event.read(events_pb2.BatchAccepted)
    if batch.arrow:
        raise DeadLetter("the batch is in Arrow form, which no door writes today")
    try:
        columns = columns_from_proto(batch.batch)
        header = read_header(event.headers)
    except (ColumnsInvalid, KeyError, ValueError) as error:
        raise DeadLetter(f"the batch does not hold together: {error}") from error
    return LogMessage(
        position=event.position,
        tenant=event.tenant,
        source=batch.source,
        door=batch.door,
        batch_id=batch.batch_id,
        received_us=micros(batch.received_at),
        columns=columns,
        header=header,
        quarantine=list(batch.quarantine),
        reason=batch.reason,
        stamp_sequence=batch.stamp_sequence,
        headers=event.headers,
    )


def micros(at: Timestamp) -> int:
    """Microseconds since 1970 UTC of a proto timestamp."""
    return at.seconds * 1_000_000 + at.nanos // 1000


def rows_of(messages: Sequence[LogMessage], ids: Mapping[str, Mapping[str, int]]) -> Rows:
    """All readings of the messages as rows; `series_id` is -1 where the tenant's `ids` have no such key."""
    series, counts = [], []
    for message in messages:
        known = ids.get(message.tenant, {})
        numbers = np.array([known.get(key, -1) for key in message.columns.series_keys] or [-1], np.int32)
        series.append(numbers[message.columns.index] if len(message.columns) else np.zeros(0, np.int32))
        counts.append(len(message.columns))
    return Rows(
        np.concatenate(series),
        np.concatenate([message.columns.time_us for message in messages]),
        np.concatenate([message.columns.value for message in messages]),
        np.concatenate([message.columns.quality for message in messages]),
        np.repeat(np.arange(len(messages), dtype=np.int32), counts),
    )
