"""Files on their way through: read piece by piece from the request, counted, and never held whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

from fastapi import Request
from grpc import StatusCode
from grpc.aio import AioRpcError, Metadata
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from ioc.ingest.v1 import intake_pb2
from ioc_gateway.errors import UploadTooLarge
from ioc_gateway.plain_text import is_plain
from ioc_kit.errors import InvalidInput

if TYPE_CHECKING:
    from grpc.aio import StreamUnaryCall

REFUSAL_SECONDS = 0.03
SETTLE_TRIES, SETTLE_SECONDS = 50, 0.01
PIECE_BYTES = 256 * 1024
MAX_NAME = 200
LINGER_SECONDS = 5.0
LINGER_BYTES = 64 * 1024 * 1024


class FileBody:
    """A file that is the whole body."""

    def __init__(self, chunks: AsyncIterator[bytes], filename: str) -> None:
        self._chunks = chunks
        self.filename = filename

    async def read(self) -> AsyncIterator[bytes]:
        """The bytes of the file, in order."""
        async for chunk in self._chunks:
            yield chunk


class FormFile:
    """The one file of a `multipart/form-data` body. `filename` is known once the first bytes were read."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes, filename: str) -> None:
        self._chunks = chunks
        self.filename = filename
        self._header = (b"", b"")
        self._headers: dict[str, bytes] = {}
        self._is_file = False
        self._files = 0
        self._is_whole = False
        self._found: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._name,
                "on_header_value": self._value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    async def read(self) -> AsyncIterator[bytes]:
        """The bytes of the file, in order. Raises InvalidInput when the form is broken, or holds no file or several."""
        async for chunk in self._chunks:
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise InvalidInput.field("body", "is not a form of type multipart/form-data") from error
            if self._files > 1:
                raise InvalidInput.field("body", "holds several files; send one at a time")
            found, self._found = self._found, []
            for piece in found:
                yield piece
        if not self._is_whole or self._files != 1:
            raise InvalidInput.field("body", "holds no file, or ends before its end; nothing was taken")

    def _begin(self) -> None:
        self._headers = {}
        self._header = (b"", b"")

    def _name(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = value
        self._header = (b"", b"")

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        self._is_file = b"filename" in options
        if self._is_file:
            self._files += 1
            self.filename = safe_name(options[b"filename"].decode("utf-8", "replace")) or self.filename

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._found.append(data[start:end])

    def _end(self) -> None:
        self._is_whole = True


def safe_name(name: str) -> str:
    """The last part of a file's name without anything that could be a path or break a line; it is only for people."""
    last = name.replace("\\", "/").rpartition("/")[2][:MAX_NAME]
    return last if is_plain(last) else ""


async def in_pieces(file: FileBody | FormFile, limit: int) -> AsyncIterator[bytes]:
    """The file in pieces of a good size for the wire. Raises UploadTooLarge once it holds more than `limit` bytes."""
    total = 0
    gathered = bytearray()
    async for chunk in file.read():
        total += len(chunk)
        if total > limit:
            raise UploadTooLarge(limit)
        gathered += chunk
        while len(gathered) >= PIECE_BYTES:
            yield bytes(gathered[:PIECE_BYTES])
            del gathered[:PIECE_BYTES]
    if gathered:
        yield bytes(gathered)


async def relay(
    call: StreamUnaryCall[intake_pb2.UploadFileRequest, intake_pb2.UploadFileResponse],
    file: FileBody | FormFile,
    header: intake_pb2.FileHeader,
    limit: int,
) -> intake_pb2.UploadFileResponse:
    """Carries a file from the request to the service; the service's answer. Either side may end it early.

    Raises AioRpcError when the service refuses, or what was wrong with the request: the call is cancelled then, so that
    half a file is never taken for the whole. The call must be of a channel without interceptors: behind one that waits
    for the end of the call, as OpenTelemetry's does, the first write waits for ever.
    """
    # Asked for before anything is written: a write that fails puts a status of its own in the place of the service's.
    told = asyncio.gather(call.code(), call.details(), call.trailing_metadata())
    is_named = False
    try:
        # Who may not deliver is told at once, and then nothing has to be written at all.
        await asyncio.wait({told}, timeout=REFUSAL_SECONDS)
        async for piece in in_pieces(file, limit):
            if not is_named:
                await call.write(_named(header, file))
                is_named = True
            await call.write(intake_pb2.UploadFileRequest(piece=piece))
        if not is_named:
            await call.write(_named(header, file))
        await call.done_writing()
        return await call
    except (asyncio.InvalidStateError, AioRpcError):
        # The service has answered before it had everything.
        code, details, trailing = await told
        if code is not StatusCode.INTERNAL:
            raise AioRpcError(code, Metadata(), trailing, details, "") from None
        await _settle(call)
        return await call
    except BaseException:
        call.cancel()
        raise
    finally:
        told.cancel()


async def _settle(call: StreamUnaryCall[intake_pb2.UploadFileRequest, intake_pb2.UploadFileResponse]) -> None:
    """Waits for the status that the service gave, where a failed write was told before it."""
    for _ in range(SETTLE_TRIES):
        if await call.code() is not StatusCode.INTERNAL:
            return
        await asyncio.sleep(SETTLE_SECONDS)


def _named(header: intake_pb2.FileHeader, file: FileBody | FormFile) -> intake_pb2.UploadFileRequest:
    header.filename = file.filename
    return intake_pb2.UploadFileRequest(header=header)


async def discard_rest(request: Request) -> None:
    """Reads on for a moment without keeping anything: a client that is still sending would not read the answer."""
    read = 0
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):  # slow, gone, or at its end already
        async with asyncio.timeout(LINGER_SECONDS):
            async for chunk in request.stream():
                read += len(chunk)
                if read > LINGER_BYTES:
                    return
