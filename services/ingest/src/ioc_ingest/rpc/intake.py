"""IntakeService: streams of batches and files, each answered with a receipt."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

from opentelemetry import trace

from ioc.ingest.v1 import intake_pb2, intake_pb2_grpc
from ioc_ingest.domain.batch import MAX_ROWS, Stamp
from ioc_ingest.domain.delivery import Delivery, Door
from ioc_ingest.domain.errors import BatchTooLarge, ContentHashMismatch, FormatUnknown
from ioc_ingest.files import FileIntake, Spool
from ioc_ingest.intake import Intake, Pending
from ioc_ingest.rpc.batches import columns_from_proto, problem_to_proto, receipt_to_proto
from ioc_kit.errors import InvalidInput
from ioc_kit.rpc import current_caller
from ioc_kit.tenancy import Caller, Scope

Context = Any
tracer = trace.get_tracer(__name__)
_IN_FLIGHT = 8
"""Batches of one stream that wait for the log at a time: it keeps the disk busy, and bounds memory."""
_PROBLEMS_SHOWN = 100
_MAX_ID = 128


class IntakeServicer(intake_pb2_grpc.IntakeServiceServicer):
    """Reads what comes, hands it to the intake, writes the receipts."""

    def __init__(self, intake: Intake, files: FileIntake) -> None:
        self._intake = intake
        self._files = files

    async def PushBatches(
        self, requests: AsyncIterator[intake_pb2.PushBatchesRequest], context: Context
    ) -> AsyncIterator[intake_pb2.PushBatchesResponse]:
        caller = current_caller()
        _may_write(caller)
        # What follows a batch is checked and sent while its own write is on the way to the disk.
        sent: asyncio.Queue[Pending | BaseException | None] = asyncio.Queue(_IN_FLIGHT)

        async def read() -> None:
            try:
                async for request in requests:
                    with tracer.start_as_current_span("intake batch"):
                        await sent.put(await self._begin(caller, request))
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001  # raised by the answering side, after the receipts before it
                await sent.put(error)
            else:
                await sent.put(None)

        reading = asyncio.ensure_future(read())
        try:
            while (item := await sent.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield intake_pb2.PushBatchesResponse(receipt=receipt_to_proto(await item.receipt()))
        finally:
            reading.cancel()

    async def UploadFile(
        self, requests: AsyncIterator[intake_pb2.UploadFileRequest], context: Context
    ) -> intake_pb2.UploadFileResponse:
        caller = current_caller()
        _may_write(caller)
        header: intake_pb2.FileHeader | None = None
        with Spool(self._files.max_bytes) as spool:
            async for request in requests:
                if request.WhichOneof("part") == "piece":
                    if header is None:
                        raise InvalidInput.field("header", "must come first, before the pieces of the file")
                    await asyncio.to_thread(spool.write, request.piece)
                elif request.WhichOneof("part") is None:
                    raise InvalidInput.field("header", "or a piece must be set in every message")
                elif header is not None:
                    raise InvalidInput.field("header", "came twice")
                else:
                    header = request.header
                    _check_header(header)
            if header is None:
                raise InvalidInput.field("header", "is missing: say first what file comes")
            receipt, problems = await self._files.take(
                caller, header.source, header.filename, spool, reason=header.reason
            )
        shown = [problem_to_proto(problem) for problem in problems[:_PROBLEMS_SHOWN]]
        return intake_pb2.UploadFileResponse(receipt=receipt_to_proto(receipt), problems=shown)

    async def _begin(self, caller: Caller, request: intake_pb2.PushBatchesRequest) -> Pending:
        if not 0 < len(request.batch_id) <= _MAX_ID or not request.batch_id.isprintable():
            raise InvalidInput.field("batch_id", f"must have 1 to {_MAX_ID} printable characters")
        rows = len(request.batch.series_index)
        if rows > MAX_ROWS:
            raise BatchTooLarge(rows, MAX_ROWS)
        wire = request.batch.SerializeToString(deterministic=True)
        content = hashlib.sha256(wire).digest()
        stamp = None
        if request.HasField("stamp"):
            stamp = Stamp(request.stamp.sequence, request.stamp.content_sha256)
            if stamp.content_sha256 != content:
                raise ContentHashMismatch(request.batch_id)
        columns = columns_from_proto(request.batch)
        return await self._intake.begin(
            caller.tenant,
            request.source,
            Door.GRPC,
            Delivery(columns, wire=wire),
            batch_id=request.batch_id,
            content_sha256=content,
            stamp=stamp,
        )


def _may_write(caller: Caller) -> None:
    if caller.scope is Scope.READ:
        # Narrowed into another tenant: a province caller looks there, and delivers nothing in its name.
        raise InvalidInput.field("ioc-tenant", "readings are delivered for your own tenant only")


def _check_header(header: intake_pb2.FileHeader) -> None:
    if header.format != intake_pb2.FILE_FORMAT_SDMX_CSV:
        raise FormatUnknown("the form of the file is not known: send SDMX-CSV 2.0")
    for name, value, limit in (("filename", header.filename, 255), ("reason", header.reason, 1000)):
        if len(value) > limit or "\x00" in value:
            raise InvalidInput.field(f"header.{name}", f"may have at most {limit} characters, and no NUL")
