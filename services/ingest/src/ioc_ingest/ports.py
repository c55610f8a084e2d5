"""What ingest needs from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ioc_ingest.domain.balance import BookRow, Recount
from ioc_ingest.domain.batch import AcceptedBatch, Receipt
from ioc_ingest.domain.device import DeviceStatus
from ioc_ingest.domain.observation import Aggregate, Observation, QuarantineItem, SourceStatus, Window
from ioc_ingest.domain.terms import Terms
from ioc_kit.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Appended:
    """A batch that is durable in the log. `position` is that of its last message."""

    position: int
    is_duplicate: bool = False
    """True when the log had the batch already: nothing was added."""
    content_sha256: bytes = b""
    """For a duplicate: the hash of what the log has."""


class ObservationLog(Protocol):
    """The durable log that lies between the doors and the ledger."""

    async def append(self, batch: AcceptedBatch) -> Awaitable[Appended]:
        """Sends the batch; what it returns ends when the log has fsynced it. Batches are kept in the order of calls.

        Both steps raise Unavailable when the log does not take it.
        """

    async def backlog(self, after: int) -> Sequence[BookRow]:
        """The door's counts of what lies in the log after a position, as books whose accepted rows are pending."""


class Receipts(Protocol):
    """Receipts of batches that the writer has booked."""

    async def find(self, tenant: str, source: str, batch_id: str) -> Receipt | None:
        """The receipt of a batch all parts of which are booked, or None."""

    async def last_file(self, tenant: str, source: str) -> Receipt | None:
        """The receipt of the newest file of the source that is booked, or None."""

    async def last_stamp(self, tenant: str, source: str) -> int:
        """The greatest number that a centre stamped on a batch of the source; 0 before the first."""


class TermsBook(Protocol):
    """Contracts in force, held in memory and kept fresh."""

    def terms(self, tenant: str, source: str) -> Terms:
        """What the tenant may deliver of the source. Raises SourceUnknown."""


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Keeps series by their parts; an empty part keeps all."""

    source: str = ""
    measure: str = ""
    area: str = ""
    thing: str = ""


class LedgerReader(Protocol):
    """Reads the ledger within a tenancy."""

    async def latest(
        self, tenancy: Tenancy, wanted: SeriesFilter, *, after: tuple[str, str] | None, limit: int
    ) -> Sequence[Observation]:
        """The newest reading of each series that has one, in order of tenant and key."""

    async def history(
        self,
        tenancy: Tenancy,
        key: str,
        *,
        start: datetime | None,
        end: datetime | None,
        known_at: datetime | None,
        every_revision: bool,
        after: tuple[int, int] | None,
        limit: int,
    ) -> Sequence[Observation]:
        """Readings of one series by time, then revision. `after` is (time in µs, revision). Raises SeriesUnknown."""

    async def aggregate(
        self, tenancy: Tenancy, windows: Sequence[Window], as_of: int
    ) -> tuple[Sequence[Aggregate], int]:
        """One aggregate for each window in order, and the position up to which the ledger is complete."""

    async def source_status(
        self, tenancy: Tenancy, *, now: datetime, after: tuple[str, str] | None, limit: int
    ) -> Sequence[SourceStatus]:
        """Sources with a contract, in order of tenant and code."""


class BooksReader(Protocol):
    """Reads the books and the quarantine within a tenancy."""

    async def books(
        self, tenancy: Tenancy, *, start: datetime, end: datetime, source: str
    ) -> tuple[Sequence[BookRow], int]:
        """What the writer booked, and the position up to which it has."""

    async def recount(self, tenancy: Tenancy) -> Recount:
        """Counts the ledger itself."""

    async def quarantine_item(self, tenancy: Tenancy, position: int, ordinal: int) -> QuarantineItem | None:
        """One item, or None."""

    async def quarantine_items(
        self, tenancy: Tenancy, *, source: str, door: str, rule: str, after: tuple[int, int] | None, limit: int
    ) -> Sequence[QuarantineItem]:
        """Items, newest first; `after` is (position, ordinal) of the last one seen."""


class DeviceBook(Protocol):
    """What came from devices."""

    async def statuses(self, tenancy: Tenancy, *, after: str, limit: int) -> Sequence[DeviceStatus]:
        """Devices in order of id."""
