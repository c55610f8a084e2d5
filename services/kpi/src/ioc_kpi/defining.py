"""The use case of those who define: sets, indicators and targets come in whole, and only what differs is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ioc_kit.clock import Clock
from ioc_kit.telemetry import inject
from ioc_kit.tenancy import Caller, Scope, background
from ioc_kpi.domain import indicator as indicators
from ioc_kpi.domain import target as targets
from ioc_kpi.domain.definitions import Applied, Definitions, Draft, measures_of
from ioc_kpi.domain.errors import ProvinceOnly, TargetInvalid
from ioc_kpi.domain.indicator import Indicator
from ioc_kpi.domain.period import Period
from ioc_kpi.domain.series import Activity, Series
from ioc_kpi.domain.target import Target
from ioc_kpi.domain.work import Pace, work_from
from ioc_kpi.ports import Formulas, KpiStore, KpiTransaction

D = TypeVar("D", Indicator, Target)
LOOK_BACK_PERIODS = 400
"""How far back a new or changed definition is applied to what the ledger holds already."""


class DefinitionHandlers:
    """Applies definitions. `province` is the root tenant, which owns them."""

    def __init__(self, store: KpiStore, formulas: Formulas, clock: Clock, pace: Pace, province: str) -> None:
        self._store = store
        self._formulas = formulas
        self._clock = clock
        self._pace = pace
        self._province = province

    async def apply(self, caller: Caller, draft: Draft, *, is_dry_run: bool) -> Applied:
        """Adds and changes what differs, all or nothing; values that depend on it are computed again.

        Raises ProvinceOnly, FormulaRefused, or InvalidInput that names the field.
        """
        if caller.scope is not Scope.PROVINCE:
            raise ProvinceOnly
        for indicator in draft.indicators:
            indicators.check(indicator)
            self._formulas.compile(indicator)
        for target in draft.targets:
            targets.check(target)
        async with self._store.transaction(background(self._province)) as transaction:
            await transaction.lock_definitions()
            known = await transaction.definitions()
            _check_references(draft, known)
            changed_sets = [each for each in draft.sets if await transaction.get_set(each.code) != each]
            changed_indicators = _raised(draft.indicators, {each.id: each for each in known.indicators})
            changed_targets = _raised(draft.targets, {each.code: each for each in known.targets})
            if not is_dry_run:
                for each in changed_sets:
                    await transaction.put_set(each)
                for indicator in changed_indicators:
                    await transaction.put_indicator(indicator)
                for target in changed_targets:
                    await transaction.put_target(target)
                await self._touch(
                    transaction,
                    {each.id for each in changed_indicators} | {each.indicator for each in changed_targets},
                )
        changed = (
            *(f"set {each.code}" for each in changed_sets),
            *(f"indicator {each.id}" for each in changed_indicators),
            *(f"target {each.code}" for each in changed_targets),
        )
        total = len(draft.sets) + len(draft.indicators) + len(draft.targets)
        return Applied(changed, total - len(changed))

    async def _touch(self, transaction: KpiTransaction, touched: set[str]) -> None:
        now = self._clock.now()
        headers: dict[str, str] = {}
        inject(headers)
        for indicator in (await transaction.definitions()).indicators:
            if indicator.id in touched:
                series = await transaction.all_series(measures_of(indicator))
                activities = [_recent(indicator, each) for each in series]
                only = Definitions((indicator,), ())
                await transaction.enqueue(work_from(only, activities, self._pace, now, headers.get("traceparent", "")))


def _raised(drafted: Sequence[D], known: Mapping[str, D]) -> list[D]:
    """What differs from its newest version, with the version that it gets."""
    changed: dict[str, D] = {}
    for each in drafted:
        code = each.id if isinstance(each, Indicator) else each.code
        version = known[code].version if code in known else 0
        if code in known and replace(each, version=version) == known[code]:
            continue
        changed[code] = replace(each, version=version + 1)
    return list(changed.values())


def _check_references(draft: Draft, known: Definitions) -> None:
    defined = {each.id for each in (*draft.indicators, *known.indicators)}
    for target in draft.targets:
        if target.indicator not in defined:
            raise TargetInvalid(target.code, "code", f"{target.indicator!r} is not an indicator that is defined")


def _recent(indicator: Indicator, series: Series) -> Activity:
    assert series.first_at is not None  # noqa: S101  # the store gives only series that have delivered
    assert series.newest_at is not None  # noqa: S101
    earliest = Period.containing(indicator.period, series.newest_at).shifted(-LOOK_BACK_PERIODS).start
    return Activity(series.tenant, series.key, max(series.first_at, earliest), series.newest_at)
