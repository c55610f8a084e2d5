"""The way through a door: check against the contract, make durable, answer with a receipt."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from ioc_ingest.domain.batch import AcceptedBatch, Receipt, Stamp, StampVerdict
from ioc_ingest.domain.delivery import Delivery, Door, nothing
from ioc_ingest.domain.errors import BatchConflict
from ioc_ingest.domain.refusal import Refusal
from ioc_ingest.domain.terms import Terms
from ioc_ingest.ports import ObservationLog, Receipts, TermsBook
from ioc_kit.clock import Clock
from ioc_kit.errors import InvalidInput

log = structlog.get_logger()
_REMEMBERED = 10_000
Key = tuple[str, str, str]


class Pending:
    """A batch that was sent to the log. Await `receipt` for the answer: it comes when the batch is durable."""

    def __init__(self, content_sha256: bytes, receipt: Awaitable[Receipt]) -> None:
        self.content_sha256 = content_sha256
        self._task = asyncio.ensure_future(receipt)
        # Its sender may be gone before the answer: then nobody asks for the failure, and nobody need be warned of it.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def receipt(self) -> Receipt:
        """The receipt. Raises Unavailable when the log did not take the batch, BatchConflict for a reused id."""
        return await asyncio.shield(self._task)

    def when_failed(self, forget: Callable[[], None]) -> None:
        """Calls `forget` if the batch did not become durable."""

        def done(task: asyncio.Future[Receipt]) -> None:
            if task.cancelled() or task.exception() is not None:
                forget()

        self._task.add_done_callback(done)


class Intake:
    """Takes deliveries of all doors. Whoever gets a receipt may forget the data."""

    def __init__(self, book: TermsBook, observation_log: ObservationLog, receipts: Receipts, clock: Clock) -> None:
        self._book = book
        self._log = observation_log
        self._receipts = receipts
        self._clock = clock
        self._recent: OrderedDict[Key, Pending] = OrderedDict()
        self._stamps: dict[tuple[str, str], int] = {}

    async def begin(
        self,
        tenant: str,
        source: str,
        door: Door,
        delivery: Delivery,
        *,
        batch_id: str,
        content_sha256: bytes,
        stamp: Stamp | None = None,
    ) -> Pending:
        """Sends a batch under the id that its sender chose. Calls in order keep their order in the log.

        A batch that came before is answered with its first receipt. Raises SourceUnknown, BatchConflict, Unavailable,
        and InvalidInput for a batch without rows.
        """
        terms = self._book.terms(tenant, source)
        if not len(delivery.columns):
            raise InvalidInput.field("batch.series_index", "is empty: send at least one row")
        key = (tenant, source, batch_id)
        known = await self._known(key, content_sha256)
        if known is not None:
            return known
        verdict = await self._judge(tenant, source, stamp)
        batch = self._check(terms, tenant, source, door, delivery, batch_id, content_sha256)
        batch = replace(batch, is_repeatable=True, stamp_sequence=stamp.sequence if stamp else 0)
        appended = await self._log.append(batch)

        async def finish() -> Receipt:
            done = await appended
            if done.is_duplicate and done.content_sha256 != content_sha256:
                raise BatchConflict(batch_id)
            return replace(_receipt(batch, done.position), stamp_verdict=verdict, is_repeat=done.is_duplicate)

        pending = Pending(content_sha256, finish())
        self._remember(key, pending)
        return pending

    async def take(
        self,
        tenant: str,
        source: str,
        door: Door,
        delivery: Delivery,
        *,
        batch_id: str,
        origin: str,
        content_sha256: bytes,
        reason: str = "",
    ) -> tuple[Receipt, AcceptedBatch]:
        """Takes what has no id of its sender's own: a file, what devices sent. Waits until it is durable.

        Raises SourceUnknown or Unavailable.
        """
        terms = self._book.terms(tenant, source)
        batch = self._check(terms, tenant, source, door, delivery, batch_id, content_sha256)
        batch = replace(batch, origin=origin, reason=reason)
        done = await (await self._log.append(batch))
        return _receipt(batch, done.position), batch

    async def refuse(
        self, tenant: str, source: str, door: Door, refusals: Sequence[Refusal], *, batch_id: str, content_sha256: bytes
    ) -> None:
        """Books what no contract in force can be held against: all of it goes to quarantine. Raises Unavailable."""
        batch = AcceptedBatch(
            tenant=tenant,
            source=source,
            contract="",
            contract_version=0,
            door=door,
            batch_id=batch_id,
            origin=batch_id,
            received_at=self._clock.now(),
            content_sha256=content_sha256,
            columns=nothing(),
            refusals=tuple(refusals),
        )
        await (await self._log.append(batch))

    def _check(
        self,
        terms: Terms,
        tenant: str,
        source: str,
        door: Door,
        delivery: Delivery,
        batch_id: str,
        content_sha256: bytes,
    ) -> AcceptedBatch:
        now = self._clock.now()
        checked = terms.check(delivery.columns, now)
        refusals = delivery.refusals
        if checked.rule.any():
            refusals = (*refusals, *delivery.numbered(terms.refusals(delivery.columns, checked, now)))
        if checked.observed:
            log.info("contract broken, only observed", tenant=tenant, source=source, rows=checked.observed)
        contract = terms.leading_contract(delivery.columns)
        return AcceptedBatch(
            tenant=tenant,
            source=source,
            contract=contract.contract,
            contract_version=contract.version,
            door=door,
            batch_id=batch_id,
            origin=batch_id,
            received_at=now,
            content_sha256=content_sha256,
            columns=delivery.columns.take(checked.is_accepted),
            wire=b"" if checked.rule.any() else delivery.wire,
            refusals=refusals,
        )

    async def _known(self, key: Key, content_sha256: bytes) -> Pending | None:
        recent = self._recent.get(key)
        if recent is not None:
            self._recent.move_to_end(key)
            if recent.content_sha256 != content_sha256:
                raise BatchConflict(key[2])
            return Pending(content_sha256, _repeat(recent.receipt()))
        receipt = await self._receipts.find(*key)
        if receipt is None:
            return None
        if receipt.content_sha256 != content_sha256:
            raise BatchConflict(key[2])
        return Pending(content_sha256, _now(receipt.repeated()))

    def _remember(self, key: Key, pending: Pending) -> None:
        self._recent[key] = pending
        pending.when_failed(lambda: self._forget(key, pending))
        while len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)

    def _forget(self, key: Key, pending: Pending) -> None:
        if self._recent.get(key) is pending:
            del self._recent[key]

    async def _judge(self, tenant: str, source: str, stamp: Stamp | None) -> StampVerdict | None:
        if stamp is None:
            return None
        key = (tenant, source)
        last = max(self._stamps.get(key, 0), await self._receipts.last_stamp(tenant, source))
        self._stamps[key] = max(last, stamp.sequence)
        return StampVerdict(stamp, last + 1)


async def _repeat(receipt: Awaitable[Receipt]) -> Receipt:
    return (await receipt).repeated()


async def _now(receipt: Receipt) -> Receipt:
    return receipt


def _receipt(batch: AcceptedBatch, position: int) -> Receipt:
    return Receipt(
        batch_id=batch.batch_id,
        received=batch.received,
        accepted=len(batch.columns),
        quarantined=len(batch.refusals),
        position=position,
        content_sha256=batch.content_sha256,
        received_at=batch.received_at,
    )
