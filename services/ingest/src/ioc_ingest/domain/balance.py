"""The books: what came in through the doors against what lies in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LONGEST_INTERVAL = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class BookRow:
    """Counts of readings for one source, door and hour of arrival.

    The door counts received, accepted and quarantined; the writer counts, from the readings themselves, stored,
    duplicate and quarantined late. `pending` lies in the log, and the writer has not come to it.
    """

    tenant: str
    source: str
    door: str
    hour: datetime
    received: int = 0
    accepted: int = 0
    quarantined: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined_late: int = 0
    pending: int = 0

    @property
    def is_balanced(self) -> bool:
        """True when nothing was lost between door, log and ledger."""
        return (
            self.received == self.accepted + self.quarantined
            and self.accepted == self.stored + self.duplicate + self.quarantined_late + self.pending
        )

    def plus(self, other: BookRow) -> BookRow:
        """The counts of both, for the same source, door and hour."""
        return replace(
            self,
            **{name: getattr(self, name) + getattr(other, name) for name in COUNTS},
        )


COUNTS = ("received", "accepted", "quarantined", "stored", "duplicate", "quarantined_late", "pending")


@dataclass(frozen=True, slots=True)
class Recount:
    """The ledger counted: its rows, the rows that the books say were stored, rows that repeat their predecessor."""

    ledger_rows: int
    booked_rows: int
    repeated_rows: int


def start_of_hour(at: datetime) -> datetime:
    """The hour of arrival that a moment is booked on."""
    return at.replace(minute=0, second=0, microsecond=0)


def merged(rows: Iterable[BookRow]) -> list[BookRow]:
    """One row for each source, door and hour; newest hour first, then by tenant, source and door."""
    found: dict[tuple[str, str, str, datetime], BookRow] = {}
    for row in rows:
        key = (row.tenant, row.source, row.door, row.hour)
        found[key] = found[key].plus(row) if key in found else row
    return sorted(found.values(), key=lambda row: (-row.hour.timestamp(), row.tenant, row.source, row.door))
