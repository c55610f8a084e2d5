"""Files: held on disk while they come, read row by row in bounded memory, answered with a receipt."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from types import TracebackType

import structlog

from ioc_ingest.domain.batch import Receipt
from ioc_ingest.domain.delivery import Door
from ioc_ingest.domain.errors import FileTooLarge, FileUnreadable, FormatUnknown
from ioc_ingest.domain.refusal import Refusal
from ioc_ingest.intake import Intake
from ioc_ingest.ports import Receipts, TermsBook
from ioc_kit.tenancy import Caller

log = structlog.get_logger()
_IN_MEMORY_BYTES = 1 << 20


class Spool:
    """The bytes of one file: in memory while it is small, then on disk. Refuses more than `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # closed by __exit__
        self._hash = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.file.close()

    def write(self, piece: bytes) -> None:
        """Adds a piece. Raises FileTooLarge."""
        self.size += len(piece)
        if self.size > self._max_bytes:
            raise FileTooLarge(self._max_bytes)
        self._hash.update(piece)
        self.file.write(piece)

    @property
    def content_sha256(self) -> bytes:
        """The hash of all bytes so far."""
        return self._hash.digest()


class FileIntake:
    """Takes files. One is read at a time: memory is that of one file, however many come."""

    def __init__(self, intake: Intake, book: TermsBook, receipts: Receipts, *, max_bytes: int) -> None:
        self._intake = intake
        self._book = book
        self._receipts = receipts
        self.max_bytes = max_bytes
        self._one_at_a_time = asyncio.Lock()
        self._last: dict[tuple[str, str], Receipt] = {}

    async def take(
        self, caller: Caller, source: str, filename: str, spool: Spool, *, reason: str
    ) -> tuple[Receipt, Sequence[Refusal]]:
        """The receipt of the file and what was wrong in it.

        The newest file of the source, sent again, is answered with its receipt: nothing is read twice. An older file
        is read: what it says differently from the ledger becomes a revision, because the sender said it last.
        Raises SourceUnknown, FormatUnknown, FileUnreadable, Unavailable.
        """
        terms = self._book.terms(caller.tenant, source)
        contracts = [contract for contract in terms.contracts.values() if contract.columns]
        if not contracts:
            raise FormatUnknown(f"no contract of source {source!r} takes files")
        if not spool.size:
            raise FileUnreadable("piece", "it is empty")
        last = await self._newest(caller.tenant, source)
        if last is not None and last.content_sha256 == spool.content_sha256:
            return last.repeated(), ()
        # Imported here: pyarrow costs 60 MB, which an installation that takes no files need not pay.
        from ioc_ingest.protocols import sdmx_csv

        async with self._one_at_a_time:
            delivery = await asyncio.to_thread(sdmx_csv.parse, spool.file, contracts)
            receipt, batch = await self._intake.take(
                caller.tenant,
                source,
                Door.FILE,
                delivery,
                batch_id=f"file-{spool.content_sha256.hex()[:32]}",
                origin=filename or "file",
                content_sha256=spool.content_sha256,
                reason=reason,
            )
        self._last[caller.tenant, source] = receipt
        log.info("file taken", tenant=caller.tenant, source=source, file=filename, rows=receipt.received)
        return receipt, sorted(batch.refusals, key=lambda refusal: refusal.row)

    async def _newest(self, tenant: str, source: str) -> Receipt | None:
        booked = await self._receipts.last_file(tenant, source)
        mine = self._last.get((tenant, source))
        # What this door took a moment ago may not be booked yet.
        return mine if mine is not None and (booked is None or mine.position > booked.position) else booked
