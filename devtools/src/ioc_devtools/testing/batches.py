"""Batches at ingest's gRPC door, as a partner's system would make and push them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

import grpc

from ioc.federation.v1 import stamp_pb2
from ioc.ingest.v1 import intake_pb2, intake_pb2_grpc

SOURCE = "air-quality"
Metadata = tuple[tuple[str, str], ...]


def batch_of(readings: Mapping[str, Sequence[tuple[datetime, float]]]) -> intake_pb2.ObservationBatch:
    """Columns from readings by series key."""
    batch = intake_pb2.ObservationBatch(series_keys=list(readings))
    for index, rows in enumerate(readings.values()):
        for at, value in rows:
            batch.series_index.append(index)
            batch.time_us.append(round(at.timestamp() * 1_000_000))
            batch.value.append(value)
    return batch


def request_of(
    batch: intake_pb2.ObservationBatch, *, batch_id: str = "", sequence: int = 0, source: str = SOURCE
) -> intake_pb2.PushBatchesRequest:
    """A batch under an id of its own unless one is given; stamped when it has a sequence number."""
    request = intake_pb2.PushBatchesRequest(batch_id=batch_id or str(uuid.uuid4()), source=source, batch=batch)
    if sequence:
        content = hashlib.sha256(batch.SerializeToString(deterministic=True)).digest()
        request.stamp.CopyFrom(stamp_pb2.Stamp(sequence=sequence, content_sha256=content))
    return request


async def push(
    channel: grpc.aio.Channel, metadata: Metadata, *requests: intake_pb2.PushBatchesRequest
) -> list[intake_pb2.Receipt]:
    """The receipts of a stream of batches, in order. Raises AioRpcError with what the door says."""

    async def stream() -> AsyncIterator[intake_pb2.PushBatchesRequest]:
        for request in requests:
            yield request

    answers = intake_pb2_grpc.IntakeServiceStub(channel).PushBatches(stream(), metadata=metadata, timeout=30)
    return [answer.receipt async for answer in answers]
