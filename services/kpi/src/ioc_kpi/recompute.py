"""Keeps values true to the ledger: one code path for live, late and corrected readings.

Events only say what changed. They become work in the same transaction in which they are marked as taken; the loop
takes work under a lease, reads the ledger, and writes the value and the end of the work in one transaction. So a crash
at any point neither repeats a value nor skips one.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from opentelemetry import trace

from ioc_kit.bus import Event
from ioc_kit.clock import Clock
from ioc_kit.errors import IocError
from ioc_kit.telemetry import consumer_span, current_trace_id
from ioc_kit.tenancy import background
from ioc_kpi.domain import computation
from ioc_kpi.domain.computation import FigureMap, Plan
from ioc_kpi.domain.definitions import Definitions, measures_of
from ioc_kpi.domain.events import IndicatorComputed
from ioc_kpi.domain.period import Period, PeriodKind
from ioc_kpi.domain.series import Activity, Series
from ioc_kpi.domain.target import target_for
from ioc_kpi.domain.value import IndicatorValue
from ioc_kpi.domain.work import Claim, Pace, work_from
from ioc_kpi.ports import Formulas, KpiStore, KpiTransaction, Ledger

log = structlog.get_logger()
tracer = trace.get_tracer(__name__)
BATCH = 200
LEASE = timedelta(seconds=30)
IDLE_SECONDS = 1.0
_RETRY_SECONDS = (1, 2, 5, 15, 60)
_CLEAN_SPAN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A claim with what is needed to compute it, or without a plan when there is nothing to compute any more."""

    claim: Claim
    plan: Plan | None
    stored: int = 0
    refused: int = 0


class Recomputer:
    """Takes what the ledger and the registry tell, and computes what follows."""

    def __init__(self, store: KpiStore, ledger: Ledger, formulas: Formulas, clock: Clock, pace: Pace) -> None:
        self._store = store
        self._ledger = ledger
        self._formulas = formulas
        self._clock = clock
        self._pace = pace
        self._wake = asyncio.Event()

    async def observe(
        self, consumer: str, event: Event, source: str, activities: Sequence[Activity], stored: int
    ) -> None:
        """Takes in that rows were written: remembers how far the series reach, and queues every value they touch."""
        now = self._clock.now()
        async with self._store.transaction(background(event.tenant)) as transaction:
            if not await transaction.once(consumer, event):
                return
            await transaction.record_activity(activities)
            await transaction.add_intake(event.tenant, source, _hour(now), stored=stored, refused=0)
            definitions = await transaction.definitions()
            traceparent = event.headers.get("traceparent", "")
            await transaction.enqueue(work_from(definitions, activities, self._pace, now, traceparent))
        self._wake.set()

    async def count_refused(self, consumer: str, event: Event, source: str, refused: int) -> None:
        """Takes in that rows of a source were set aside."""
        async with self._store.transaction(background(event.tenant)) as transaction:
            if await transaction.once(consumer, event):
                hour = _hour(self._clock.now())
                await transaction.add_intake(event.tenant, source, hour, stored=0, refused=refused)

    async def learn(self, consumer: str, event: Event, series: Sequence[Series]) -> None:
        """Takes in the terms of series from a contract, and looks again at the newest values of those that deliver."""
        now = self._clock.now()
        async with self._store.transaction(background(event.tenant)) as transaction:
            if not await transaction.once(consumer, event):
                return
            await transaction.put_series(series)
            measures = sorted({(each.source, each.measure) for each in series})
            known = await transaction.series_of(event.tenant, measures)
            named = {each.key for each in series}
            newest = [
                Activity(each.tenant, each.key, each.newest_at, each.newest_at)
                for each in known
                if each.key in named and each.newest_at is not None
            ]
            if newest:
                traceparent = event.headers.get("traceparent", "")
                work = work_from(await transaction.definitions(), newest, self._pace, now, traceparent)
                await transaction.enqueue(work)
        self._wake.set()

    async def run(self) -> None:
        """Computes until cancelled; a part that is away is waited out."""
        while True:
            self._wake.clear()
            try:
                if await self.drain():
                    continue
                wait = await self._seconds_until_due()
            except IocError as error:
                log.warning("cannot compute now", problem=str(error))
                wait = IDLE_SECONDS
            try:
                # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the event.
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue
            # Woken by an event: its work is due after the pace's debounce, not at once.
            await asyncio.sleep(self._pace.settle.total_seconds())

    async def drain(self) -> int:
        """Computes one batch of what is due; returns how many were taken."""
        claims = await self._store.claim(self._clock.now(), LEASE, BATCH)
        by_tenant: dict[str, list[Claim]] = defaultdict(list)
        for claim in claims:
            by_tenant[claim.work.tenant].append(claim)
        for tenant, mine in by_tenant.items():
            try:
                await self._compute(tenant, mine)
            except Exception as error:  # noqa: BLE001  # whatever it was, the work must come due again
                await self._give_back(mine, error)
        return len(claims)

    async def _give_back(self, claims: Sequence[Claim], error: Exception) -> None:
        tries = max(claim.attempts for claim in claims)
        delay = _RETRY_SECONDS[min(tries, len(_RETRY_SECONDS) - 1)]
        first = claims[0].work
        log.warning("will compute again", work=first.key, count=len(claims), delay_s=delay, exc_info=error)
        await self._store.release(claims, self._clock.now() + timedelta(seconds=delay))

    async def _seconds_until_due(self) -> float:
        due_at = await self._store.next_due()
        if due_at is None:
            return IDLE_SECONDS
        return min(max((due_at - self._clock.now()).total_seconds(), 0.01), IDLE_SECONDS)

    async def _compute(self, tenant: str, claims: Sequence[Claim]) -> None:
        headers = [{"traceparent": claim.work.traceparent} for claim in claims]
        # One question to the ledger for the whole burst: it runs in the first cause's trace, linked from the others.
        with consumer_span(tracer, "kpi gather", headers[0], others=tuple(headers[1:])):
            definitions, ready = await self._prepare(tenant, claims)
            windows = {window: None for each in ready if each.plan for _, _, window in each.plan.reads()}
            answer = await self._ledger.read(tenant, list(windows))
        for each, header in zip(ready, headers, strict=True):
            try:
                with consumer_span(tracer, "kpi compute", header):
                    await self._write(each, definitions, answer.figures, answer.position)
            except Exception as error:  # noqa: BLE001  # one value that fails must not hold up the others
                await self._give_back([each.claim], error)

    async def _prepare(self, tenant: str, claims: Sequence[Claim]) -> tuple[Definitions, list[_Ready]]:
        since = _hour(self._clock.now() - _CLEAN_SPAN)
        async with self._store.transaction(background(tenant)) as transaction:
            definitions = await transaction.definitions()
            wanted = {claim.work.indicator for claim in claims}
            indicators = {each.id: each for each in definitions.indicators if each.id in wanted}
            measures = sorted({pair for each in indicators.values() for pair in measures_of(each)})
            known = await transaction.series_of(tenant, measures)
            intake = {
                each.id: await transaction.intake_since(tenant, sorted({pair[0] for pair in measures_of(each)}), since)
                for each in indicators.values()
            }
        ready = []
        for claim in claims:
            indicator = indicators.get(claim.work.indicator)
            if indicator is None or indicator.period is not claim.work.period.kind:
                ready.append(_Ready(claim, None))
                continue
            plan = computation.plan(indicator, claim.work.subject, claim.work.period, known)
            ready.append(_Ready(claim, plan, *intake[indicator.id]))
        return definitions, ready

    async def _write(self, ready: _Ready, definitions: Definitions, figures: FigureMap, position: int) -> None:
        work = ready.claim.work
        async with self._store.transaction(background(work.tenant)) as transaction:
            if not await transaction.settle(ready.claim) or ready.plan is None:
                return
            now = self._clock.now()
            previous = await transaction.open_version(work)
            value = self._value(ready, ready.plan, definitions, figures, position, now)
            if work.period.start <= now < work.period.end:
                # What is provisional now is settled when the period is over, whether or not another reading comes.
                await transaction.enqueue([replace(work, due_at=work.period.end + self._pace.settle)])
            fresh = computation.freshness(ready.plan, self._pace.provisional_after)
            is_news = await _record(transaction, value, previous, has_reading=_has_reading(ready.plan, figures))
            if fresh is not None:
                await transaction.put_freshness(work, fresh, has_value=is_news or previous is not None)

    def _value(
        self,
        ready: _Ready,
        plan: Plan,
        definitions: Definitions,
        figures: FigureMap,
        position: int,
        now: datetime,
    ) -> IndicatorValue:
        indicator, work = plan.indicator, ready.claim.work
        result = self._formulas.compile(indicator).evaluate(computation.input_values(plan, figures))
        fresh = computation.freshness(plan, self._pace.provisional_after)
        evidence = computation.evidence(plan, figures, now, stored=ready.stored, refused=ready.refused)
        grades = computation.grades(plan, evidence, fresh, now)
        target = target_for(definitions.targets_of(indicator.id), work.subject.area, work.period)
        if work.subject.dimension_code:
            target = None  # a target of an area is a target of its total, not of each part
        band = indicator.band_of(result.value) if result.value is not None else None
        return IndicatorValue(
            id=str(uuid.uuid4()),
            tenant=work.tenant,
            indicator=indicator.id,
            subject=work.subject,
            period=work.period,
            revision=1,
            value=result.value,
            unit=indicator.unit,
            status=computation.judge(indicator, target, result.value, work.period, grades),
            grades=grades,
            lineage=computation.lineage(plan, figures, position, now),
            known_from=now,
            missing_reason=result.problem,
            comparison=computation.compare(target, result.value, work.period),
            band=band.code if band else "",
            components=result.components,
            dominant=result.dominant,
            is_provisional=now < work.period.end,
            observed_at=computation.observed_at(plan, figures),
            place_name=computation.place_name(plan),
            trace_id=current_trace_id(),
        )


async def _record(
    transaction: KpiTransaction, value: IndicatorValue, previous: IndicatorValue | None, *, has_reading: bool
) -> bool:
    """Adds the value as a new version when it says something new; True then."""
    if previous is None:
        # Without a number and without a reading in the period there is nothing to tell.
        if value.value is None and not has_reading:
            return False
    elif value.says_the_same_as(previous):
        return False
    else:
        # A version never begins before the one that it replaces, whatever the clocks of two replicas say.
        known_from = max(value.known_from, previous.known_from + timedelta(microseconds=1))
        value = replace(value, revision=previous.revision + 1, known_from=known_from)
        await transaction.supersede(previous, known_from)
    await transaction.add_value(value)
    before = previous.value if previous else None
    transaction.emit(IndicatorComputed(value, before, is_correction=before is not None))
    return True


def _has_reading(plan: Plan, figures: FigureMap) -> bool:
    return any(
        window.period == plan.period and (found := figures.get(window)) is not None and found.count > 0
        for _, _, window in plan.reads()
    )


def _hour(at: datetime) -> datetime:
    return Period.containing(PeriodKind.HOUR, at).start
