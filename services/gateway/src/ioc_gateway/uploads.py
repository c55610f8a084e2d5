"""Files on their way through: read piece by piece from the request, counted, and never held whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ioc_gateway.errors import UploadTooLarge
from ioc_gateway.plain_text import is_plain
from ioc_kit.errors import InvalidInput

PIECE_BYTES = 256 * 1024
MAX_NAME = 200


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
