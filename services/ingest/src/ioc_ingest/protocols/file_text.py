"""The text of a file before anyone parses it: is it plain UTF-8, and where do its lines begin."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import IO

import numpy as np

from ioc_ingest.domain.columns import Int64
from ioc_ingest.domain.errors import FileUnreadable
from ioc_ingest.domain.refusal import MAX_ORIGINAL, printable

_CHUNK = 1 << 20
MAX_LINE_BYTES = 1 << 16
_PACKED = {
    b"PK\x03\x04": "zip or xlsx",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
    b"\xd0\xcf\x11\xe0": "xls or doc",
}


@dataclass(frozen=True, slots=True)
class Lines:
    """Finds a line of the file again. `starts` are the byte offsets of its lines."""

    file: IO[bytes]
    starts: Int64

    def text(self, number: int) -> str:
        """The line (from 1) without its end, cut at MAX_ORIGINAL, control characters as escapes."""
        if not 1 <= number <= self.starts.size:
            return ""
        self.file.seek(int(self.starts[number - 1]))
        line = self.file.readline(MAX_ORIGINAL * 4).rstrip(b"\r\n").removeprefix(codecs.BOM_UTF8)
        return printable(line.decode("utf-8", "replace"))[:MAX_ORIGINAL]


def lines_of(file: IO[bytes]) -> Lines:
    """The lines of a plain UTF-8 text, read once in bounded memory.

    Raises FileUnreadable, with the line, for packed files, other encodings, NUL and very long lines. A packed file is
    never unpacked, so there is nothing to blow up.
    """
    file.seek(0)
    head = file.read(8)
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            raise FileUnreadable("piece", f"it is packed ({name}); send the CSV text itself")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileUnreadable("piece", "it is UTF-16; save it as 'CSV UTF-8'")
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    starts = [np.zeros(1, np.int64)]
    offset = last = 0
    while chunk := file.read(_CHUNK):
        if b"\x00" in chunk:
            raise FileUnreadable("piece", "it holds NUL bytes; send plain text")
        ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == 10) + offset + 1
        if np.diff(np.concatenate(([last], ends, [offset + len(chunk)]))).max() > MAX_LINE_BYTES:
            raise FileUnreadable("piece", f"a line has more than {MAX_LINE_BYTES} bytes; send one observation a line")
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            number = sum(part.size for part in starts) + chunk[: error.start].count(b"\n")
            raise FileUnreadable(f"line {number}", _other_encoding(chunk, error.start, number)) from error
        starts.append(ends)
        last = int(ends[-1]) if ends.size else last
        offset += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise FileUnreadable("piece", "it ends in the middle of a letter; send it again whole") from error
    found = np.concatenate(starts)
    return Lines(file, found[:-1] if found[-1] == offset and found.size > 1 else found)


def _other_encoding(chunk: bytes, at: int, number: int) -> str:
    sample = chunk[max(at - 20, 0) : at + 20]
    try:
        shown = sample.decode("cp1258")
    except UnicodeDecodeError:
        return f"line {number} is not UTF-8; save it as 'CSV UTF-8'"
    return f"line {number} is not UTF-8, it looks like Windows-1258 (…{printable(shown)}…); save it as 'CSV UTF-8'"
