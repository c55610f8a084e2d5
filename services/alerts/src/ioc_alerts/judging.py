"""Holds measurements against the rules: raises, resolves and retracts alerts. Any number may judge at the same time.

The database decides: the row of a key is locked while it is judged, and a unique index forbids a second open alert.
Judging is idempotent by period and version of the measurement, so that a delivery may be repeated at any time and no
list of events already seen has to be kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from ioc_alerts.domain import alert as life
from ioc_alerts.domain.alert import AlertState, Change, Occasion
from ioc_alerts.domain.judgement import Judgement, Level, Mark, Standing, Verdict, judge
from ioc_alerts.domain.measurement import Measurement
from ioc_alerts.domain.rule import Rule, RuleKind
from ioc_alerts.ports import AlertStore, AlertTransaction, Key, Known
from ioc_alerts.rulebook import RuleBook
from ioc_kit.clock import Clock
from ioc_kit.telemetry import current_trace_id
from ioc_kit.tenancy import background

log = structlog.get_logger()
NEVER_MET = Known()
REMEMBERED_KEYS = 100_000
_ENDS = {Verdict.RESOLVE: AlertState.RESOLVED, Verdict.RETRACT: AlertState.RETRACTED}


@dataclass(frozen=True, slots=True)
class _Case:
    """A measurement, a rule that watches it, and where it stands against the rule."""

    rule: Rule
    measurement: Measurement
    level: Level
    key: Key


class Judging:
    """Judges what consumers hand over. `new_id` makes alert ids.

    Of each key it remembers the newest mark that it has judged: what was not written for being quiet still makes
    older data late. The memory may be lost or incomplete: it only ever adds to what the database knows.
    """

    def __init__(self, store: AlertStore, rules: RuleBook, clock: Clock, new_id: Callable[[], str]) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._new_id = new_id
        self._newest: OrderedDict[tuple[str, Key], Mark] = OrderedDict()

    async def judge(
        self,
        tenant: str,
        kinds: Collection[RuleKind],
        measurements: Sequence[Measurement],
        *,
        quiet_span: timedelta = timedelta(0),
    ) -> None:
        """Judges the measurements of one event of `tenant` by the rules of these kinds, in one transaction.

        A measurement that changes no state, of a period less than `quiet_span` after the last one written for its key,
        is not written.
        """
        rules = await self._rules.watching(kinds, {each.watched for each in measurements})
        cases = [
            _Case(rule, measurement, level, Key(rule.code, measurement.subject.key))
            for measurement in measurements
            for rule in rules.get(measurement.watched, ())
            if (level := rule.level_of(measurement)) is not None
        ]
        if not cases:
            return
        async with self._store.transaction(background(tenant)) as transaction:
            known = await transaction.known(tenant, {case.key for case in cases})
            mattering = [
                case for case in cases if self._matters(tenant, case, known.get(case.key, NEVER_MET), quiet_span)
            ]
            if mattering:
                await self._write(transaction, tenant, mattering)
        self._remember(tenant, cases)

    def _matters(self, tenant: str, case: _Case, known: Known, quiet_span: timedelta) -> bool:
        judged = self._judged(tenant, case, known)
        written = known.standing.last
        if judged.verdict is Verdict.IGNORED:
            return False
        if judged.verdict is not Verdict.SEEN or written is None:
            return True
        is_quiet = case.measurement.mark.period - written.period < quiet_span
        return not is_quiet or judged.standing.is_settled != known.standing.is_settled

    async def _write(self, transaction: AlertTransaction, tenant: str, cases: Sequence[_Case]) -> None:
        known = dict(await transaction.lock_known(tenant, {case.key for case in cases}))
        moved: dict[Key, Standing] = {}
        for case in cases:
            before = known[case.key]
            judged = self._judged(tenant, case, before)
            if judged.verdict is Verdict.IGNORED:
                continue
            known[case.key] = await self._act(transaction, tenant, case, before, judged)
            moved[case.key] = judged.standing
        await transaction.put_standings(tenant, moved)

    async def _act(
        self, transaction: AlertTransaction, tenant: str, case: _Case, before: Known, judged: Judgement
    ) -> Known:
        alert, measurement = before.alert, case.measurement
        occasion = Occasion(self._clock.now(), current_trace_id())
        if judged.verdict is Verdict.RAISE:
            told = measurement.told_by(await transaction.series_fact(tenant, measurement.origin))
            change = life.raise_alert(case.rule, told, self._new_id(), tenant, occasion)
            await self._tell(transaction, change)
            return Known(judged.standing, change.alert)
        if alert is None:
            return Known(judged.standing)
        if (state := _ENDS.get(judged.verdict)) is not None:
            await self._tell(transaction, life.end(alert, state, measurement, occasion))
            return Known(judged.standing)
        if judged.standing.evidence is not None:
            alert = life.see(alert, measurement, judged.standing.evidence)
            await transaction.write_seen(alert)
        return Known(judged.standing, alert)

    async def _tell(self, transaction: AlertTransaction, change: Change) -> None:
        await transaction.write_change(change)
        alert = change.alert
        log.info("alert " + alert.state.value, alert=alert.alert_id, tenant=alert.tenant, key=alert.key)

    def _judged(self, tenant: str, case: _Case, known: Known) -> Judgement:
        standing, newest = known.standing, self._newest.get((tenant, case.key))
        if newest is not None and standing.last is not None and newest > standing.last:
            standing = replace(standing, last=newest)
        return judge(standing, case.level, case.measurement.mark)

    def _remember(self, tenant: str, cases: Sequence[_Case]) -> None:
        for case in cases:
            place, mark = (tenant, case.key), case.measurement.mark
            newest = self._newest.pop(place, mark)
            self._newest[place] = max(newest, mark)
        while len(self._newest) > REMEMBERED_KEYS:
            self._newest.popitem(last=False)
