"""What a group of messages does to the ledger, its books, receipts and quarantine: decided before it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.ingest.v1 import quarantine_pb2
from ioc.type.v1 import text_pb2
from ioc_ingest.domain.balance import start_of_hour
from ioc_ingest.domain.columns import Bool
from ioc_ingest.domain.refusal import Refusal, Rule
from ioc_ingest.domain.revision import Judged, Rows
from ioc_ingest.domain.terms import from_us, time_text
from ioc_ingest.domain.written import QuarantinedRows, Touched, WrittenRows, touched
from ioc_ingest.writer.message import LogMessage, micros

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """By message: rows stored, rows that the ledger had already, rows refused only here; newest time stored."""

    stored: np.ndarray[Any, np.dtype[np.int64]]
    duplicate: np.ndarray[Any, np.dtype[np.int64]]
    late: np.ndarray[Any, np.dtype[np.int64]]
    newest_us: np.ndarray[Any, np.dtype[np.int64]]


def count(messages: int, rows: Rows, judged: Judged, strangers: Rows) -> MessageCounts:
    """Counts the rows themselves, whatever the door said. `strangers` are rows whose series the ledger has not."""
    stored = np.bincount(rows.message[judged.is_stored], minlength=messages)
    newest = np.full(messages, np.iinfo(np.int64).min)
    np.maximum.at(newest, rows.message[judged.is_stored], rows.time_us[judged.is_stored])
    return MessageCounts(
        stored,
        np.bincount(rows.message[~judged.is_stored], minlength=messages),
        np.bincount(strangers.message, minlength=messages),
        newest,
    )


def book_values(messages: Sequence[LogMessage], counts: MessageCounts) -> list[Values]:
    """Rows of the books: one for each source, door and hour of the group, under the position of its last message."""
    found: dict[tuple[str, str, str, datetime], list[Any]] = {}
    for number, message in enumerate(messages):
        received_at = from_us(message.received_us)
        key = (message.tenant, message.source, message.door, start_of_hour(received_at))
        row = found.setdefault(key, [0, 0, 0, 0, 0, 0, 0, None, received_at])
        header = message.header
        new = (
            message.position - row[0],
            header.received,
            header.accepted,
            header.quarantined,
            int(counts.stored[number]),
            int(counts.duplicate[number]),
            int(counts.late[number]),
        )
        row[:7] = [old + more for old, more in zip(row[:7], new, strict=True)]
        if counts.stored[number]:
            newest = from_us(int(counts.newest_us[number]))
            row[7] = newest if row[7] is None else max(row[7], newest)
        row[8] = max(row[8], received_at)
    return [(row[0], *key, *row[1:]) for key, row in found.items()]


def receipt_values(messages: Sequence[LogMessage]) -> list[Values]:
    """Rows by which a sender's repeat is known: of every batch whose sender may repeat it, and of every file."""
    return [
        (
            message.position,
            message.tenant,
            message.source,
            message.door,
            message.batch_id,
            message.header.part,
            message.header.parts,
            message.header.content_sha256,
            message.header.received,
            message.header.accepted,
            message.header.quarantined,
            from_us(message.received_us),
            message.stamp_sequence,
            message.reason,
        )
        for message in messages
        if message.header.is_repeatable or message.door == "file"
    ]


def strangers_items(messages: Sequence[LogMessage], strangers: Rows) -> dict[int, list[quarantine_pb2.QuarantineItem]]:
    """Quarantine items, by message, of rows whose series the ledger does not know: the door and it disagree."""
    found: dict[int, list[quarantine_pb2.QuarantineItem]] = {}
    for number in range(len(strangers)):
        message = messages[int(strangers.message[number])]
        time, value = time_text(int(strangers.time_us[number])), float(strangers.value[number])
        refusal = Refusal(0, Rule.SERIES_UNKNOWN, "series_keys", {"series": "?"}, f"{time},{value!r}")
        item = quarantine_pb2.QuarantineItem(
            source=message.source,
            door=message.door,
            origin=message.batch_id,
            received_at=Timestamp(seconds=message.received_us // 1_000_000),
            field=refusal.field,
            rule=refusal.rule.code,
            reason=text_pb2.LocalizedText(vi=refusal.reason.vi, en=refusal.reason.en),
            remedy=text_pb2.LocalizedText(vi=refusal.remedy.vi, en=refusal.remedy.en),
            original=refusal.original.encode(),
        )
        found.setdefault(int(strangers.message[number]), []).append(item)
    return found


def quarantine_values(message: LogMessage, items: Sequence[quarantine_pb2.QuarantineItem]) -> list[Values]:
    """Rows of the quarantine of one message."""
    return [
        (
            message.position,
            ordinal,
            message.tenant,
            message.source,
            message.door,
            item.origin,
            datetime.fromtimestamp(micros(item.received_at) / 1e6, UTC),
            item.row,
            item.field,
            item.rule,
            item.reason.vi,
            item.reason.en,
            item.remedy.vi,
            item.remedy.en,
            item.original,
            item.original_bytes or len(item.original),
            item.trace_id,
        )
        for ordinal, item in enumerate(items)
    ]


def quarantined_rows(message: LogMessage, items: Sequence[quarantine_pb2.QuarantineItem]) -> QuarantinedRows:
    """What is told of the quarantined rows of one message."""
    rule = Counter(item.rule for item in items).most_common(1)[0][0]
    origins = {item.origin for item in items}
    origin = origins.pop() if len(origins) == 1 else message.batch_id
    return QuarantinedRows(message.tenant, message.source, message.door, origin, len(items), rule)


def written_rows(
    messages: Sequence[LogMessage], rows: Rows, judged: Judged, keys: Mapping[int, str]
) -> dict[int, WrittenRows]:
    """What is told of the stored rows, by message; messages that stored nothing are not in it."""
    summed = touched(rows, judged)
    found = {}
    for number in np.unique(summed.message).tolist():
        message = messages[number]
        found[number] = _written(message, summed, summed.message == number, keys)
    return found


def _written(message: LogMessage, summed: Touched, mine: Bool, keys: Mapping[int, str]) -> WrittenRows:
    return WrittenRows(
        tenant=message.tenant,
        source=message.source,
        first_position=message.position,
        last_position=message.position,
        received_us=message.received_us,
        series_keys=tuple(keys[number] for number in summed.series_id[mine].tolist()),
        from_us=summed.from_us[mine],
        to_us=summed.to_us[mine],
        latest_value=summed.latest_value[mine],
        stored=summed.stored[mine],
        revised=summed.revised[mine],
    )
