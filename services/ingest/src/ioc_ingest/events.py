"""What ingest writes to the log and tells others, as events on JetStream."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ioc.ingest.v1 import events_pb2
from ioc_ingest.domain.batch import AcceptedBatch
from ioc_ingest.domain.written import QuarantinedRows, WrittenRows
from ioc_ingest.rpc.batches import accepted_to_proto, columns_field, timestamp
from ioc_kit.bus import Event, new_event

SERVICE = "ingest"
_HEADROOM = 4096
"""Bytes of a message left for its headers."""
_SERIES_PER_EVENT = 5_000

HASH, PART, SOURCE, DOOR, REPEATABLE = "ioc-hash", "ioc-part", "ioc-source", "ioc-door", "ioc-repeatable"
RECEIVED, ACCEPTED, QUARANTINED = "ioc-received", "ioc-accepted", "ioc-quarantined"
"""Headers of a batch in the log, so that its counts can be read without its body."""


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """What the headers of a message in the log say of it."""

    content_sha256: bytes
    part: int
    parts: int
    is_repeatable: bool
    source: str
    door: str
    received: int
    accepted: int
    quarantined: int


def accepted_events(batch: AcceptedBatch, max_bytes: int) -> list[Event]:
    """The messages of a batch: one, or as many as it takes for each to fit `max_bytes`.

    The id of each is made of the batch's where its sender may send it again, so that the log drops the repeat.
    """
    messages = list(_split(batch, max_bytes - _HEADROOM))
    if batch.is_repeatable:
        name = "\x00".join((batch.tenant, batch.source, batch.batch_id))
        stem = f"batch-{hashlib.sha256(name.encode()).hexdigest()[:40]}"
    else:
        stem = f"batch-{uuid.uuid4()}"
    events = []
    for number, (message, wire) in enumerate(messages, 1):
        event = new_event(
            message,
            tenant=batch.tenant,
            source=SERVICE,
            noun="batch",
            verb="accepted",
            at=batch.received_at,
            event_id=f"{stem}-{number}",
        )
        headers = {
            **event.headers,
            HASH: batch.content_sha256.hex(),
            PART: f"{number}/{len(messages)}",
            REPEATABLE: str(int(batch.is_repeatable)),
            SOURCE: batch.source,
            DOOR: batch.door.value,
            RECEIVED: str(message.received),
            ACCEPTED: str(message.accepted),
            QUARANTINED: str(message.quarantined),
        }
        data = event.data + columns_field(wire) if wire else event.data
        events.append(replace(event, data=data, headers=headers))
    return events


def read_header(headers: Mapping[str, str]) -> BatchHeader:
    """What `accepted_events` wrote. Raises KeyError or ValueError for a message of another make."""
    found = {name.lower(): value for name, value in headers.items()}
    part, _, parts = found[PART].partition("/")
    return BatchHeader(
        content_sha256=bytes.fromhex(found[HASH]),
        part=int(part),
        parts=int(parts),
        is_repeatable=found[REPEATABLE] == "1",
        source=found[SOURCE],
        door=found[DOOR],
        received=int(found[RECEIVED]),
        accepted=int(found[ACCEPTED]),
        quarantined=int(found[QUARANTINED]),
    )


def written_events(rows: WrittenRows, at: datetime) -> Iterator[Event]:
    """`ObservationsWritten` of one message of the log; several where it touched very many series."""
    for start in range(0, len(rows.series_keys), _SERIES_PER_EVENT):
        part = slice(start, start + _SERIES_PER_EVENT)
        message = events_pb2.ObservationsWritten(
            source=rows.source,
            first_position=rows.first_position,
            last_position=rows.last_position,
            series_keys=rows.series_keys[part],
            from_us=rows.from_us[part].tolist(),
            to_us=rows.to_us[part].tolist(),
            latest_value=rows.latest_value[part].tolist(),
            stored=rows.stored[part].tolist(),
            revised=rows.revised[part].tolist(),
            received_at=timestamp(rows.received_us),
        )
        yield new_event(message, tenant=rows.tenant, source=SERVICE, noun="observations", verb="written", at=at)


def quarantined_event(rows: QuarantinedRows, at: datetime) -> Event:
    """`ReadingsQuarantined` of one message of the log."""
    message = events_pb2.ReadingsQuarantined(
        source=rows.source, door=rows.door, origin=rows.origin, count=rows.count, rule=rows.rule
    )
    return new_event(message, tenant=rows.tenant, source=SERVICE, noun="readings", verb="quarantined", at=at)


def _split(batch: AcceptedBatch, limit: int) -> Iterator[tuple[events_pb2.BatchAccepted, bytes]]:
    message = accepted_to_proto(batch)
    halves = batch.halves() if message.ByteSize() + len(batch.wire) > limit else None
    if halves is None:
        yield message, batch.wire
        return
    for half in halves:
        yield from _split(half, limit)
