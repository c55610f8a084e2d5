"""What the writer did with one message of the log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ioc_ingest.domain.columns import Float64, Int64
from ioc_ingest.domain.revision import Judged, Rows

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """Readings of one message that are in the ledger now: the arrays have one entry per series."""

    tenant: str
    source: str
    first_position: int
    last_position: int
    received_us: int
    series_keys: tuple[str, ...]
    from_us: Int64
    to_us: Int64
    latest_value: Float64
    stored: Counts
    revised: Counts


@dataclass(frozen=True, slots=True)
class QuarantinedRows:
    """Rows of one message that are in quarantine now; `rule` is the one that most of them break."""

    tenant: str
    source: str
    door: str
    origin: str
    count: int
    rule: str


@dataclass(frozen=True, slots=True)
class Touched:
    """Per (message, series) with stored rows, in order of message, then series."""

    message: NDArray[np.int32]
    series_id: NDArray[np.int32]
    from_us: Int64
    to_us: Int64
    latest_value: Float64
    stored: Counts
    revised: Counts


def touched(rows: Rows, judged: Judged) -> Touched:
    """Sums up the stored rows by message and series. The rows are sorted by series and time."""
    kept = rows.take(judged.is_stored)
    revision = judged.revision[judged.is_stored]
    # Stable: within a message and series the order of time stays, and of equal times the newest revision is last.
    order = np.lexsort((kept.series_id, kept.message))
    kept, revision = kept.take(order), revision[order]
    begins = np.ones(len(kept), np.bool_)
    begins[1:] = (kept.message[1:] != kept.message[:-1]) | (kept.series_id[1:] != kept.series_id[:-1])
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(kept)) - 1 if starts.size else starts
    is_revision = (revision > 1).astype(np.int64)
    return Touched(
        kept.message[starts],
        kept.series_id[starts],
        kept.time_us[starts],
        kept.time_us[ends],
        kept.value[ends],
        ends - starts + 1,
        np.add.reduceat(is_revision, starts) if starts.size else np.zeros(0, np.int64),
    )
