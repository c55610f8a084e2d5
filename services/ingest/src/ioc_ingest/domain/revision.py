"""Which readings are new, which correct what the ledger holds, which say the same again: for whole columns at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ioc_ingest.domain.columns import Bool, Float64, Int8, Int64

Int32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Rows:
    """N readings on their way into the ledger. `message` (N) says in which message of the group each came."""

    series_id: Int32
    time_us: Int64
    value: Float64
    quality: Int8
    message: Int32

    def __len__(self) -> int:
        return int(self.series_id.size)

    def take(self, chosen: Bool | Int64) -> Rows:
        """The rows of a mask, or in the order of positions."""
        return Rows(
            self.series_id[chosen], self.time_us[chosen], self.value[chosen], self.quality[chosen], self.message[chosen]
        )

    def sorted(self) -> Rows:
        """In order of series and time, which is the order of the ledger's key; equals stay in order of arrival."""
        same = self.series_id[1:] == self.series_id[:-1]
        is_sorted = (self.series_id[1:] > self.series_id[:-1]) | (same & (self.time_us[1:] >= self.time_us[:-1]))
        return self if bool(is_sorted.all()) else self.take(np.lexsort((self.time_us, self.series_id)))


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger holds at M of N sorted rows: `place` (M) points at the first row of a (series, time)."""

    place: Int64
    revision: Int32
    value: Float64
    quality: Int8


@dataclass(frozen=True, slots=True)
class Judged:
    """`is_stored` (N): the row is to be written, with `revision` (N); the others are duplicates."""

    is_stored: Bool
    revision: Int32


def nothing_known() -> Known:
    """For rows of which the ledger can hold nothing: all newer than their series' watermark."""
    return Known(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int8))


def first_of_key(rows: Rows) -> Bool:
    """The mask (N) of rows that begin a (series, time); the rows must be sorted."""
    first = np.ones(len(rows), np.bool_)
    first[1:] = (rows.series_id[1:] != rows.series_id[:-1]) | (rows.time_us[1:] != rows.time_us[:-1])
    return first


def judge(rows: Rows, known: Known) -> Judged:
    """Gives each of N sorted rows its revision, or finds that it says what is known already.

    A row is compared with the one before it of the same (series, time), the first with what the ledger holds. That
    is enough: where the row before was a duplicate, it equals what was current then. Revisions count from 1.
    """
    count = len(rows)
    first = first_of_key(rows)
    before_value = np.empty(count)
    before_quality = np.empty(count, np.int16)
    before_value[1:] = rows.value[:-1]
    before_quality[1:] = rows.quality[:-1]
    before_quality[first] = -1  # no such quality: differs from every row
    before_value[first] = 0.0
    base = np.zeros(count, np.int32)
    before_value[known.place] = known.value
    before_quality[known.place] = known.quality
    base[known.place] = known.revision
    is_stored: Bool = (rows.value != before_value) | (rows.quality != before_quality)
    # Counts the stored rows up to each row, then takes off those before the first row of its key.
    counted = np.cumsum(is_stored, dtype=np.int64)
    starts = np.flatnonzero(first)
    lengths = np.diff(np.append(starts, count))
    before_key = np.repeat(counted[starts] - is_stored[starts], lengths)
    revision = (counted - before_key + np.repeat(base[starts], lengths)).astype(np.int32)
    return Judged(is_stored, revision)
