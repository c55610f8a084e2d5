"""Files on their way through: read piece by piece from the request, counted, and never held whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from ioc.ingest.v1 import intake_pb2
from ioc_gateway.errors import UploadTooLarge
from ioc_gateway.plain_text import is_plain
from ioc_kit.errors import InvalidInput

if TYPE_CHECKING:
    from grpc.aio import StreamUnaryCall

PIECE_BYTES = 256 * 1024
MAX_NAME = 200
PIECES_AHEAD = 4
"""Pieces that may wait for the service: what the client sends faster stays with the client."""
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


class CutShort(Exception):
    """The file did not come to its end: half of it must not be taken for the whole."""


class Relay:
    """Carries a file from the request to the service; either side may end it early.

    The request is read by a task of its own and not by the generator that gRPC draws from: gRPC would turn a failure
    there into a mere cancellation, and goes on drawing when the service has answered already. (Writing to the call
    piece by piece is no way out: behind an interceptor that waits for the end of the call, as the one of OpenTelemetry
    does, the first write waits for ever.)
    """

    def __init__(self, file: FileBody | FormFile, header: intake_pb2.FileHeader, limit: int) -> None:
        self._file = file
        self._header = header
        self._limit = limit
        self._queue: asyncio.Queue[intake_pb2.UploadFileRequest | CutShort | None] = asyncio.Queue(PIECES_AHEAD)
        self._failure: Exception | None = None

    async def requests(self) -> AsyncIterator[intake_pb2.UploadFileRequest]:
        """What gRPC sends: the header, then the pieces."""
        while (part := await self._queue.get()) is not None:
            if isinstance(part, CutShort):
                # Raised here and nowhere else: gRPC then cancels the call itself. Cancelling from outside reaches only
                # the interceptor around it, and the call would end as if the file were whole.
                raise part
            yield part

    async def run(
        self, call: StreamUnaryCall[intake_pb2.UploadFileRequest, intake_pb2.UploadFileResponse]
    ) -> intake_pb2.UploadFileResponse:
        """The service's answer. Raises AioRpcError, or what was wrong with the request: the call is cancelled then."""
        reading = asyncio.ensure_future(self._read())
        try:
            return await call
        except asyncio.CancelledError:
            if self._failure is not None:
                raise self._failure from None
            raise
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            # Nothing to a call that has its answer; otherwise the end of it.
            self._cut_short()

    async def _read(self) -> None:
        is_named = False
        try:
            async for piece in in_pieces(self._file, self._limit):
                if not is_named:
                    await self._name()
                    is_named = True
                await self._queue.put(intake_pb2.UploadFileRequest(piece=piece))
            if not is_named:
                await self._name()
            await self._queue.put(None)
        except Exception as error:  # noqa: BLE001  # raised again where the call is awaited
            self._failure = error
            self._cut_short()

    def _cut_short(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(CutShort())

    async def _name(self) -> None:
        self._header.filename = self._file.filename
        await self._queue.put(intake_pb2.UploadFileRequest(header=self._header))


async def discard_rest(request: Request) -> None:
    """Reads on for a moment without keeping anything: a client that is still sending would not read the answer."""
    read = 0
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):  # slow, gone, or at its end already
        async with asyncio.timeout(LINGER_SECONDS):
            async for chunk in request.stream():
                read += len(chunk)
                if read > LINGER_BYTES:
                    return
