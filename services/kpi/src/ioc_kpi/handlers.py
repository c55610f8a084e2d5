"""The use cases of those who ask: what is defined, what is known, where it came from, and whether that holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from ioc_kit.clock import Clock
from ioc_kit.errors import InvalidInput
from ioc_kit.rpc import Page, decode_page_token, encode_page_token
from ioc_kit.rpc.paging import clamp_page_size
from ioc_kit.tenancy import Caller
from ioc_kpi.domain.errors import IndicatorNotFound, ValueNotFound
from ioc_kpi.domain.indicator import Indicator, IndicatorSet
from ioc_kpi.domain.proof import Proof, prove, windows_to_read
from ioc_kpi.domain.query import HistoryQuery, LatestQuery
from ioc_kpi.domain.target import Target
from ioc_kpi.domain.value import Freshness, IndicatorValue, Shown, show
from ioc_kpi.ports import Formulas, KpiStore, Ledger

D = TypeVar("D", Indicator, Target)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A value with the definitions that it was computed by."""

    shown: Shown
    indicator: Indicator | None
    target: Target | None


class KpiHandlers:
    """Reads, within the caller's reach."""

    def __init__(self, store: KpiStore, ledger: Ledger, formulas: Formulas, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._formulas = formulas
        self._clock = clock

    async def get_indicator(self, caller: Caller, set_code: str, code: str) -> Indicator:
        """The newest version of an indicator. Raises IndicatorNotFound."""
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.get_indicator(f"{set_code}/{code}")
        if found is None:
            raise IndicatorNotFound(set_code, code)
        return found

    async def list_indicators(
        self, caller: Caller, *, set_code: str, page_size: int, page_token: str
    ) -> Page[Indicator]:
        """Indicators in order of set and code."""
        async with self._store.transaction(caller.tenancy) as transaction:
            definitions = await transaction.definitions()
        kept = [each for each in definitions.indicators if set_code in ("", each.set_code)]
        return _page(kept, [each.id for each in kept], page_size, page_token)

    async def list_sets(self, caller: Caller, *, page_size: int, page_token: str) -> Page[IndicatorSet]:
        """Sets in order of code."""
        size = clamp_page_size(page_size)
        after = decode_page_token(page_token, str)
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.list_sets(after=str(after[0]) if after else "", limit=size + 1)
        return Page(rows[:size], encode_page_token(rows[size - 1].code) if len(rows) > size else "")

    async def list_targets(
        self, caller: Caller, *, set_code: str, code: str, page_size: int, page_token: str
    ) -> Page[Target]:
        """Targets in order of code."""
        async with self._store.transaction(caller.tenancy) as transaction:
            definitions = await transaction.definitions()
        kept = [
            each
            for each in definitions.targets
            if set_code in ("", each.set_code) and code in ("", each.indicator_code)
        ]
        return _page(kept, [each.code for each in kept], page_size, page_token)

    async def list_latest(self, caller: Caller, query: LatestQuery, *, page_size: int, page_token: str) -> Page[Shown]:
        """The newest value of each indicator and subject, grey where its inputs have grown old."""
        size = clamp_page_size(page_size)
        after = decode_page_token(page_token, str, str, str)
        if after is not None:
            query = replace(query, after=(str(after[0]), str(after[1]), str(after[2])))
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.list_latest(replace(query, limit=size + 1))
        last = rows[size - 1][0] if len(rows) > size else None
        token = encode_page_token(last.indicator, last.subject.key, last.tenant) if last else ""
        return Page(self._show(rows[:size]), token)

    async def list_values(
        self, caller: Caller, set_code: str, code: str, query: HistoryQuery, *, page_size: int, page_token: str
    ) -> Page[Shown]:
        """The values of one indicator in order of period, as known at a moment. Raises IndicatorNotFound."""
        size = clamp_page_size(page_size)
        after = decode_page_token(page_token, str, str, str, int)
        if after is not None:
            start, subject, tenant, revision = after
            query = replace(query, after=(_moment(str(start)), str(subject), str(tenant), int(revision)))
        async with self._store.transaction(caller.tenancy) as transaction:
            if await transaction.get_indicator(query.indicator) is None:
                raise IndicatorNotFound(set_code, code)
            rows = await transaction.list_history(replace(query, limit=size + 1))
        last = rows[size - 1][0] if len(rows) > size else None
        token = (
            encode_page_token(last.period.start.isoformat(), last.subject.key, last.tenant, last.revision)
            if last
            else ""
        )
        return Page(self._show(rows[:size]), token)

    async def get_value(self, caller: Caller, value_id: str) -> Shown:
        """One version of a value. Raises ValueNotFound."""
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.get_value(value_id)
        if found is None:
            raise ValueNotFound(value_id)
        return self._show([found])[0]

    async def explain(self, caller: Caller, value_id: str) -> Explanation:
        """A value with the versions of indicator and target that it was computed by. Raises ValueNotFound."""
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.get_value(value_id)
            if found is None:
                raise ValueNotFound(value_id)
            value = found[0]
            indicator = await transaction.get_indicator(value.indicator, value.lineage.indicator_version)
            comparison = value.comparison
            target = await transaction.get_target(comparison.target, comparison.target_version) if comparison else None
        return Explanation(self._show([found])[0], indicator, target)

    async def prove(self, caller: Caller, value_id: str) -> Proof:
        """Computes a value again from its record, and says what differs. Raises ValueNotFound, Unavailable."""
        explanation = await self.explain(caller, value_id)
        value = explanation.shown.value
        if explanation.indicator is None:
            return Proof(value.value, None, ("the definition that the value was computed by is gone",))
        windows = windows_to_read(value.lineage)
        answer = await self._ledger.read(value.tenant, windows, as_of_position=value.lineage.as_of_position)
        formula = self._formulas.compile(explanation.indicator)
        return prove(value, explanation.indicator, answer.figures, formula.evaluate)

    def _show(self, rows: Iterable[tuple[IndicatorValue, Freshness | None]]) -> list[Shown]:
        now = self._clock.now()
        return [show(value, fresh, now) for value, fresh in rows]


def _page(items: list[D], keys: list[str], page_size: int, page_token: str) -> Page[D]:
    size = clamp_page_size(page_size)
    after = decode_page_token(page_token, str)
    start = 0 if after is None else sum(key <= str(after[0]) for key in keys)
    end = start + size
    return Page(items[start:end], encode_page_token(keys[end - 1]) if end < len(keys) else "")


def _moment(text: str) -> str:
    try:
        is_right = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        is_right = False
    if not is_right:
        raise InvalidInput.field("page_token", "is not one that this list handed out; start again without it")
    return text
