"""PostgreSQL's binary COPY format to and from numpy, whole columns at once.

Rows have a fixed width, so that one structured array is the file body. It keeps pyarrow and adbc (60 to 115 MB) out of
the serving process, at their speed: the figures are in the decision on the ledger (docs/decisions).
Format: https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
POSTGRES_EPOCH_US = 946_684_800_000_000
"""Microseconds from 1970 to 2000-01-01 UTC, where PostgreSQL's timestamps begin."""
_CHUNK_BYTES = 1 << 20


def encode(columns: Mapping[str, NDArray[Any] | bytes], rows: int) -> NDArray[Any]:
    """Rows in COPY's layout, in the order of the mapping.

    A column is an array of int16, int32, int64 or float64, or bytes: one text for all rows. Timestamps are int64
    already counted from PostgreSQL's epoch.
    """
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, column in columns.items():
        kind = f"S{len(column)}" if isinstance(column, bytes) else f">{column.dtype.kind}{column.dtype.itemsize}"
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    body = np.empty(rows, np.dtype(fields))
    body["fields"] = len(columns)
    for name, column in columns.items():
        body[f"{name}_length"] = len(column) if isinstance(column, bytes) else column.dtype.itemsize
        body[name] = column
    return body


def chunks(bodies: Sequence[NDArray[Any]]) -> Iterator[bytes]:
    """The COPY stream of several encoded bodies, in pieces of at most a megabyte."""
    yield HEADER
    for body in bodies:
        data = memoryview(np.ascontiguousarray(body).view(np.uint8).data)
        for start in range(0, len(data), _CHUNK_BYTES):
            yield bytes(data[start : start + _CHUNK_BYTES])
    yield TRAILER


def decode(data: bytes, columns: Sequence[tuple[str, str]]) -> NDArray[Any]:
    """Rows of a binary COPY whose columns are all NOT NULL and of fixed width.

    `columns` are names with numpy kinds as stored, e.g. ("at", "i8"). Raises ValueError for anything else.
    """
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in columns:
        fields += [(f"{name}_length", ">i4"), (name, f">{kind}")]
    layout = np.dtype(fields)
    body = data[len(HEADER) : -len(TRAILER)]
    if data[: len(HEADER)] != HEADER or not data.endswith(TRAILER) or len(body) % layout.itemsize:
        raise ValueError("not a binary COPY of these columns")
    rows = np.frombuffer(body, layout)
    if rows.size and any((rows[f"{name}_length"] != layout[name].itemsize).any() for name, _ in columns):
        raise ValueError("a column of the binary COPY is NULL or has another width")
    return rows
