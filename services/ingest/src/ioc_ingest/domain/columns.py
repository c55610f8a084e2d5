"""Readings in columns: the only form in which they travel inside this service. No object per reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ioc_ingest.domain.errors import ColumnsInvalid, UnequalColumns
from ioc_kit.errors import FieldViolation

UInt32 = NDArray[np.uint32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Int8 = NDArray[np.int8]
Bool = NDArray[np.bool_]

QUALITY_GOOD = 1
QUALITY_BAD = 3
QUALITY_LAST = 4
"""Codes of ioc.type.v1.Quality: 1 good, 2 uncertain, 3 bad, 4 provisional; 0 on the wire is read as good."""
MAX_KEY_LENGTH = 400
"""Characters of a series key: six parts of 64 and their separators."""


@dataclass(frozen=True, slots=True)
class Columns:
    """N readings: `index` (N) points into `series_keys`, `time_us` (N) is microseconds since 1970 UTC,
    `value` (N) in the series' unit, `quality` (N) a code of `ioc.type.v1.Quality`. Row order is the sender's."""

    series_keys: tuple[str, ...]
    index: UInt32
    time_us: Int64
    value: Float64
    quality: Int8

    def __len__(self) -> int:
        return int(self.index.size)

    @classmethod
    def make(
        cls,
        series_keys: Sequence[str],
        index: ArrayLike,
        time_us: ArrayLike,
        value: ArrayLike,
        quality: ArrayLike | None = None,
        *,
        field: str = "batch",
    ) -> Columns:
        """Columns that fit together; an absent or empty `quality` means all good.

        Raises ColumnsInvalid that names every column that does not fit: `<field>.time_us` and so on.
        """
        indices = np.asarray(index, np.uint32)
        times = np.asarray(time_us, np.int64)
        values = np.asarray(value, np.float64)
        qualities = np.asarray([] if quality is None else quality, np.int8)
        if qualities.size == 0:
            qualities = np.full(indices.size, QUALITY_GOOD, np.int8)
        elif not qualities.all():
            qualities = np.where(qualities == 0, np.int8(QUALITY_GOOD), qualities)
        unequal = _unequal(indices, times, values, qualities, field)
        if unequal:
            raise UnequalColumns(unequal)
        found = _violations(series_keys, indices, field)
        if found:
            raise ColumnsInvalid(found)
        return cls(tuple(series_keys), indices, times, values, qualities)

    def take(self, mask: Bool) -> Columns:
        """The rows where `mask` (N) is true, with a dictionary of the keys that they use only."""
        if mask.size and bool(mask.all()):
            return self
        used, index = np.unique(self.index[mask], return_inverse=True)
        keys = tuple(self.series_keys[position] for position in used)
        return Columns(keys, index.astype(np.uint32), self.time_us[mask], self.value[mask], self.quality[mask])

    def first(self, rows: int) -> Columns:
        """The first rows."""
        return self.take(np.arange(len(self)) < rows)

    def last(self, rows: int) -> Columns:
        """The last rows."""
        return self.take(np.arange(len(self)) >= len(self) - rows)

    def key_of(self, row: int) -> str:
        """The series key of one row."""
        return self.series_keys[int(self.index[row])]


def concatenate(parts: Sequence[Columns]) -> Columns:
    """All rows of the parts, in order, over one dictionary."""
    if len(parts) == 1:
        return parts[0]
    places: dict[str, int] = {}
    indices = []
    for part in parts:
        mapping = np.array([places.setdefault(key, len(places)) for key in part.series_keys], np.uint32)
        indices.append(mapping[part.index] if part.series_keys else part.index)
    return Columns(
        tuple(places),
        np.concatenate(indices),
        np.concatenate([part.time_us for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.quality for part in parts]),
    )


def _unequal(index: UInt32, time_us: Int64, value: Float64, quality: Int8, field: str) -> list[FieldViolation]:
    rows = index.size
    return [
        FieldViolation(f"{field}.{name}", f"has {column.size} rows, {field}.series_index has {rows}; send them equal")
        for name, column in (("time_us", time_us), ("value", value), ("quality", quality))
        if column.size != rows
    ]


def _violations(keys: Sequence[str], index: UInt32, field: str) -> list[FieldViolation]:
    found = []
    rows = index.size
    if rows and int(index.max()) >= len(keys):
        row = int(np.argmax(index >= len(keys)))
        found.append(
            FieldViolation(
                f"{field}.series_index",
                f"row {row} points at entry {int(index[row])}, but {field}.series_keys has {len(keys)} entries",
            )
        )
    for place, key in enumerate(keys):
        if not 0 < len(key) <= MAX_KEY_LENGTH:
            found.append(FieldViolation(f"{field}.series_keys[{place}]", f"must have 1 to {MAX_KEY_LENGTH} characters"))
        elif not key.isprintable():
            found.append(FieldViolation(f"{field}.series_keys[{place}]", "holds a control character"))
    if len(set(keys)) != len(keys):
        found.append(FieldViolation(f"{field}.series_keys", "names a key twice"))
    return found
