"""What may be asked of ingest: one method, one verb. What comes in goes through `intake.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ioc_ingest.domain.balance import LONGEST_INTERVAL, BookRow, Recount, merged, start_of_hour
from ioc_ingest.domain.device import DeviceStatus
from ioc_ingest.domain.errors import QuarantineItemNotFound
from ioc_ingest.domain.observation import (
    MAX_WINDOWS,
    Aggregate,
    Observation,
    QuarantineItem,
    SourceStatus,
    Window,
    read_item_id,
)
from ioc_ingest.domain.terms import to_us
from ioc_ingest.ports import BooksReader, DeviceBook, LedgerReader, ObservationLog, SeriesFilter
from ioc_kit.clock import Clock
from ioc_kit.errors import InvalidInput
from ioc_kit.rpc import Page, decode_page_token, encode_page_token
from ioc_kit.rpc.paging import clamp_page_size
from ioc_kit.tenancy import Caller


class IngestHandlers:
    """Reads of the ledger, its books, quarantine and state, within what the caller may see."""

    def __init__(
        self, ledger: LedgerReader, books: BooksReader, devices: DeviceBook, log: ObservationLog, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._books = books
        self._devices = devices
        self._log = log
        self._clock = clock

    async def list_latest(
        self, caller: Caller, wanted: SeriesFilter, *, page_size: int, page_token: str
    ) -> Page[Observation]:
        """The newest reading of each series that has one, in order of tenant and key."""
        size = clamp_page_size(page_size)
        after = _texts(decode_page_token(page_token, str, str))
        rows = await self._ledger.latest(caller.tenancy, wanted, after=after, limit=size + 1)
        token = encode_page_token(rows[size - 1].tenant, rows[size - 1].series_key) if len(rows) > size else ""
        return Page(rows[:size], token)

    async def list_observations(
        self,
        caller: Caller,
        key: str,
        *,
        start: datetime | None,
        end: datetime | None,
        as_of: datetime | None,
        include_revisions: bool,
        page_size: int,
        page_token: str,
    ) -> Page[Observation]:
        """Readings of one series in order of time; `as_of` shows what was known then. Raises SeriesUnknown."""
        size = clamp_page_size(page_size)
        after = _numbers(decode_page_token(page_token, int, int))
        rows = await self._ledger.history(
            caller.tenancy,
            key,
            start=start,
            end=end,
            known_at=as_of,
            every_revision=include_revisions,
            after=after,
            limit=size + 1,
        )
        token = encode_page_token(to_us(rows[size - 1].at), rows[size - 1].revision) if len(rows) > size else ""
        return Page(rows[:size], token)

    async def aggregate_windows(
        self, caller: Caller, windows: Sequence[Window], *, as_of_position: int
    ) -> tuple[Sequence[Aggregate], int]:
        """One aggregate for each window, and the ledger's position. Raises InvalidInput that names the window."""
        if len(windows) > MAX_WINDOWS:
            raise InvalidInput.field("windows", f"has {len(windows)} entries; ask for at most {MAX_WINDOWS} at a time")
        for number, window in enumerate(windows):
            if window.end <= window.start:
                raise InvalidInput.field(f"windows[{number}].to", "must be after from")
        if not 0 <= as_of_position < 2**63:
            raise InvalidInput.field("as_of_position", "is no position of the log")
        return await self._ledger.aggregate(caller.tenancy, windows, as_of_position)

    async def list_source_status(self, caller: Caller, *, page_size: int, page_token: str) -> Page[SourceStatus]:
        """Sources with a contract, in order of tenant and code."""
        size = clamp_page_size(page_size)
        after = _texts(decode_page_token(page_token, str, str))
        now = self._clock.now()
        rows = await self._ledger.source_status(caller.tenancy, now=now, after=after, limit=size + 1)
        token = encode_page_token(rows[size - 1].tenant, rows[size - 1].source) if len(rows) > size else ""
        return Page(rows[:size], token)

    async def list_device_status(self, caller: Caller, *, page_size: int, page_token: str) -> Page[DeviceStatus]:
        """Devices in order of id."""
        size = clamp_page_size(page_size)
        after = decode_page_token(page_token, str)
        rows = await self._devices.statuses(caller.tenancy, after=str(after[0]) if after else "", limit=size + 1)
        return Page(rows[:size], encode_page_token(rows[size - 1].device_id) if len(rows) > size else "")

    async def get_balance(
        self, caller: Caller, *, start: datetime | None, end: datetime | None, source: str
    ) -> list[BookRow]:
        """The books of an interval of arrival by whole hours, newest first; what lies in the log is pending."""
        now = self._clock.now()
        until = end or now + timedelta(hours=1)
        since = start_of_hour(start or until - timedelta(hours=25))
        if until <= (start or since):
            raise InvalidInput.field("interval", "must end after it begins")
        if until - since > LONGEST_INTERVAL + timedelta(hours=1):
            raise InvalidInput.field("interval", f"may be at most {LONGEST_INTERVAL.days} days long")
        booked, position = await self._books.books(caller.tenancy, start=since, end=until, source=source)
        pending = [
            row
            for row in await self._log.backlog(position)
            if caller.may_read(row.tenant) and since <= row.hour < until and source in ("", row.source)
        ]
        return merged([*booked, *pending])

    async def recount_ledger(self, caller: Caller) -> Recount:
        """Counts the ledger itself, within the caller's reach."""
        return await self._books.recount(caller.tenancy)

    async def get_quarantine_item(self, caller: Caller, item_id: str) -> QuarantineItem:
        """One quarantined row. Raises QuarantineItemNotFound."""
        place = read_item_id(item_id)
        found = await self._books.quarantine_item(caller.tenancy, *place) if place else None
        if found is None:
            raise QuarantineItemNotFound(item_id)
        return found

    async def list_quarantine_items(
        self, caller: Caller, *, source: str, door: str, rule: str, page_size: int, page_token: str
    ) -> Page[QuarantineItem]:
        """Quarantined rows, newest first."""
        size = clamp_page_size(page_size)
        after = _numbers(decode_page_token(page_token, int, int))
        rows = await self._books.quarantine_items(
            caller.tenancy, source=source, door=door, rule=rule, after=after, limit=size + 1
        )
        token = encode_page_token(rows[size - 1].position, rows[size - 1].ordinal) if len(rows) > size else ""
        return Page(rows[:size], token)


def _texts(key: Sequence[str | int] | None) -> tuple[str, str] | None:
    return (str(key[0]), str(key[1])) if key is not None else None


def _numbers(key: Sequence[str | int] | None) -> tuple[int, int] | None:
    return (int(key[0]), int(key[1])) if key is not None else None
