"""Columns and batches to and from protos. Packed fields are read through the buffer protocol: no object per reading."""

from __future__ import annotations

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.ingest.v1 import events_pb2, intake_pb2, quarantine_pb2
from ioc.type.v1 import text_pb2
from ioc_ingest.domain.batch import AcceptedBatch, Receipt
from ioc_ingest.domain.columns import Columns
from ioc_ingest.domain.refusal import Refusal
from ioc_ingest.domain.terms import to_us
from ioc_kit.telemetry import current_trace_id


def columns_from_proto(batch: intake_pb2.ObservationBatch, *, field: str = "batch") -> Columns:
    """The columns of a batch. Raises ColumnsInvalid or UnequalColumns that name the fields."""
    return Columns.make(
        tuple(batch.series_keys),
        np.array(batch.series_index, np.uint32),
        np.array(batch.time_us, np.int64),
        np.array(batch.value, np.float64),
        np.array(batch.quality, np.int64).clip(-1, 127).astype(np.int8),
        field=field,
    )


def columns_to_proto(columns: Columns) -> intake_pb2.ObservationBatch:
    """The batch of some columns; `quality` stays empty when all rows are good."""
    is_all_good = bool((columns.quality == 1).all())
    return intake_pb2.ObservationBatch(
        series_keys=columns.series_keys,
        series_index=columns.index.tolist(),
        time_us=columns.time_us.tolist(),
        value=columns.value.tolist(),
        quality=[] if is_all_good else columns.quality.tolist(),
    )


def accepted_to_proto(batch: AcceptedBatch) -> events_pb2.BatchAccepted:
    """The message of the log; without its columns where `batch.wire` has them, which then follow as they are."""
    return events_pb2.BatchAccepted(
        source=batch.source,
        contract=batch.contract,
        contract_version=batch.contract_version,
        door=batch.door.value,
        batch_id=batch.batch_id,
        received_at=timestamp(to_us(batch.received_at)),
        content_sha256=batch.content_sha256,
        batch=None if batch.wire else columns_to_proto(batch.columns),
        received=batch.received,
        accepted=len(batch.columns),
        quarantined=len(batch.refusals),
        quarantine=[_item_to_proto(batch, refusal) for refusal in batch.refusals],
        reason=batch.reason,
        stamp_sequence=batch.stamp_sequence,
    )


def columns_field(wire: bytes) -> bytes:
    """The field `BatchAccepted.batch` of columns that are serialised already: a tag, a length, the bytes.

    Fields of a proto may follow each other in any order, so it is put behind the message without it.
    """
    length = bytearray()
    rest = len(wire)
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    length.append(rest)
    return bytes([events_pb2.BatchAccepted.BATCH_FIELD_NUMBER << 3 | 2]) + bytes(length) + wire


def receipt_to_proto(receipt: Receipt) -> intake_pb2.Receipt:
    """The receipt on the wire."""
    answer = intake_pb2.Receipt(
        batch_id=receipt.batch_id,
        received=receipt.received,
        accepted=receipt.accepted,
        quarantined=receipt.quarantined,
        position=receipt.position if receipt.accepted else 0,
        content_sha256=receipt.content_sha256,
        received_at=timestamp(to_us(receipt.received_at)),
        is_repeat=receipt.is_repeat,
    )
    if receipt.stamp_verdict is not None:
        verdict = receipt.stamp_verdict
        answer.stamp_verdict.stamp.sequence = verdict.stamp.sequence
        answer.stamp_verdict.stamp.content_sha256 = verdict.stamp.content_sha256
        answer.stamp_verdict.expected_sequence = verdict.expected_sequence
        answer.stamp_verdict.has_gap = verdict.has_gap
    return answer


def problem_to_proto(refusal: Refusal) -> intake_pb2.RowProblem:
    """A refused row as the answer to an upload shows it."""
    return intake_pb2.RowProblem(
        row=refusal.row,
        column=refusal.field,
        rule=refusal.rule.code,
        reason_vi=refusal.reason.vi,
        reason_en=refusal.reason.en,
        remedy_vi=refusal.remedy.vi,
        remedy_en=refusal.remedy.en,
    )


def timestamp(time_us: int) -> Timestamp:
    """A proto timestamp of microseconds since 1970 UTC."""
    return Timestamp(seconds=time_us // 1_000_000, nanos=time_us % 1_000_000 * 1000)


def _item_to_proto(batch: AcceptedBatch, refusal: Refusal) -> quarantine_pb2.QuarantineItem:
    original = refusal.original.encode()
    return quarantine_pb2.QuarantineItem(
        source=batch.source,
        door=batch.door.value,
        origin=refusal.origin or batch.origin,
        received_at=timestamp(to_us(batch.received_at)),
        row=refusal.row,
        field=refusal.field,
        rule=refusal.rule.code,
        reason=text_pb2.LocalizedText(vi=refusal.reason.vi, en=refusal.reason.en),
        remedy=text_pb2.LocalizedText(vi=refusal.remedy.vi, en=refusal.remedy.en),
        original=original,
        original_bytes=refusal.original_bytes or len(original),
        trace_id=current_trace_id(),
    )
