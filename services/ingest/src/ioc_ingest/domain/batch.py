"""A batch on its way through a door, and the receipt that answers it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ioc_ingest.domain.columns import Columns
from ioc_ingest.domain.delivery import Door
from ioc_ingest.domain.refusal import Refusal

MAX_ROWS = 100_000
"""Rows of one batch: it fits a gRPC message several times over, and is a second of the writer's work at most."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A centre's number of the batch for its source, and the hash of what it covers."""

    sequence: int
    content_sha256: bytes


@dataclass(frozen=True, slots=True)
class StampVerdict:
    """What is said of a stamp: the number that was expected, and whether some are missing before it."""

    stamp: Stamp
    expected_sequence: int

    @property
    def has_gap(self) -> bool:
        """True when numbers are missing before this batch."""
        return self.stamp.sequence > self.expected_sequence


@dataclass(frozen=True, slots=True)
class Receipt:
    """Says that a batch is durable: received = accepted + quarantined. `position` is that of its last message."""

    batch_id: str
    received: int
    accepted: int
    quarantined: int
    position: int
    content_sha256: bytes
    received_at: datetime
    stamp_verdict: StampVerdict | None = None
    is_repeat: bool = False

    def repeated(self) -> Receipt:
        """The same receipt, told again."""
        return replace(self, is_repeat=True)


@dataclass(frozen=True, slots=True)
class AcceptedBatch:
    """What goes into the log: readings that passed, readings that did not, and the door's counts, together."""

    tenant: str
    source: str
    contract: str
    contract_version: int
    door: Door
    batch_id: str
    origin: str
    """Batch id, file name or device, for the people who read the quarantine."""
    received_at: datetime
    content_sha256: bytes
    columns: Columns
    refusals: tuple[Refusal, ...] = ()
    reason: str = ""
    stamp_sequence: int = 0
    wire: bytes = b""
    """The columns in the form that the log keeps, where that is known already."""
    is_repeatable: bool = False
    """True when the sender chose the batch id, and may send the same again under it."""

    @property
    def received(self) -> int:
        """Rows that arrived."""
        return len(self.columns) + len(self.refusals)

    def halves(self) -> tuple[AcceptedBatch, AcceptedBatch] | None:
        """The batch in two, each with its own counts; None when it has but one row."""
        rows, refused = len(self.columns), len(self.refusals)
        if refused and (refused > 1 or rows):
            cut = 0 if rows else refused // 2
            second = replace(self, columns=self.columns.first(0), wire=b"", refusals=self.refusals[cut:])
            return replace(self, refusals=self.refusals[:cut]), second
        if rows > 1:
            first = replace(self, columns=self.columns.first(rows // 2), wire=b"")
            return first, replace(self, columns=self.columns.last(rows - rows // 2), wire=b"")
        return None
