"""What the handlers and the recomputer need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from ioc_kit.bus import Event
from ioc_kit.tenancy import Tenancy
from ioc_kpi.domain.computation import InputValues, Result
from ioc_kpi.domain.definitions import Definitions
from ioc_kpi.domain.events import KpiEvent
from ioc_kpi.domain.indicator import Indicator, IndicatorSet
from ioc_kpi.domain.query import HistoryQuery, LatestQuery
from ioc_kpi.domain.series import Activity, Series
from ioc_kpi.domain.target import Target
from ioc_kpi.domain.value import Freshness, IndicatorValue
from ioc_kpi.domain.window import Answer, Window
from ioc_kpi.domain.work import Claim, Work


class CompiledFormula(Protocol):
    """A formula that passed its check."""

    def evaluate(self, inputs: InputValues) -> Result:
        """The number, or why there is none. Never raises for what data can hold."""


class Formulas(Protocol):
    """Compiles formulas; what it has compiled it remembers."""

    def compile(self, indicator: Indicator) -> CompiledFormula:
        """Raises FormulaRefused, which names the indicator and the place."""


class Ledger(Protocol):
    """The observation ledger, which another service owns."""

    async def read(self, tenant: str, windows: Sequence[Window], *, as_of_position: int = 0) -> Answer:
        """The figures of each window; as they were at a ledger position unless that is 0. Raises Unavailable."""


class KpiTransaction(Protocol):
    """One transaction: what is put becomes visible, and what is emitted goes out, when the block ends well."""

    async def once(self, consumer: str, event: Event) -> bool:
        """True the first time this consumer meets the event."""

    def emit(self, *events: KpiEvent) -> None:
        """Events that go out with the commit."""

    async def lock_definitions(self) -> None:
        """Waits for others who define, and keeps them waiting until the end of the transaction."""

    async def definitions(self) -> Definitions:
        """All indicators and targets, in force or not, in their newest versions."""

    async def list_sets(self, *, after: str, limit: int) -> Sequence[IndicatorSet]:
        """Sets in order of code."""

    async def get_set(self, code: str) -> IndicatorSet | None:
        """The set, or None."""

    async def put_set(self, indicator_set: IndicatorSet) -> None:
        """Inserts or replaces by code."""

    async def get_indicator(self, indicator_id: str, version: int = 0) -> Indicator | None:
        """That version, or the newest for 0."""

    async def put_indicator(self, indicator: Indicator) -> None:
        """Adds a version; earlier ones stay."""

    async def get_target(self, code: str, version: int = 0) -> Target | None:
        """That version, or the newest for 0."""

    async def put_target(self, target: Target) -> None:
        """Adds a version; earlier ones stay."""

    async def series_of(self, tenant: str, measures: Sequence[tuple[str, str]]) -> Sequence[Series]:
        """The tenant's series of these (source, measure)."""

    async def all_series(self, measures: Sequence[tuple[str, str]]) -> Sequence[Series]:
        """Every tenant's series of these (source, measure) that have delivered."""

    async def put_series(self, series: Sequence[Series]) -> None:
        """Inserts, or brings to the contract; what is known of their activity stays."""

    async def record_activity(self, activities: Sequence[Activity]) -> None:
        """Widens the known span of series; one that is unknown is placed by its key."""

    async def add_intake(self, tenant: str, source: str, hour: datetime, *, stored: int, refused: int) -> None:
        """Counts rows of a source that were stored, or set aside, in an hour."""

    async def intake_since(self, tenant: str, sources: Sequence[str], since: datetime) -> tuple[int, int]:
        """Rows stored and rows refused of the sources since an hour."""

    async def enqueue(self, work: Sequence[Work]) -> None:
        """Adds work; what is pending already comes due no later than before, and is caused by the newer event."""

    async def settle(self, claim: Claim) -> bool:
        """Ends a claim whose result is about to be written in this transaction. False when the lease was lost.

        Work that was touched since it was claimed stays pending.
        """

    async def open_version(self, work: Work) -> IndicatorValue | None:
        """The version of the work's value that is held to be right now."""

    async def supersede(self, value: IndicatorValue, known_to: datetime) -> None:
        """Closes an open version; the one change that a version ever sees."""

    async def add_value(self, value: IndicatorValue) -> None:
        """Adds a version."""

    async def put_freshness(self, work: Work, freshness: Freshness, *, has_value: bool) -> None:
        """How fresh the inputs of the work's subject are, and whether its period has a value."""

    async def get_value(self, value_id: str) -> tuple[IndicatorValue, Freshness | None] | None:
        """A version by id; freshness when it is the open one of its subject's newest period."""

    async def list_latest(self, query: LatestQuery) -> Sequence[tuple[IndicatorValue, Freshness | None]]:
        """The newest value of each indicator and subject, in order of indicator, subject, tenant."""

    async def list_history(self, query: HistoryQuery) -> Sequence[tuple[IndicatorValue, Freshness | None]]:
        """Versions in order of period start, subject, tenant, revision."""


class KpiStore(Protocol):
    """Opens transactions. The composition root closes it."""

    def transaction(self, tenancy: Tenancy) -> AbstractAsyncContextManager[KpiTransaction]:
        """A transaction that sees what the tenancy may see; commits at the end of the block, or rolls back."""

    async def claim(self, now: datetime, lease: timedelta, limit: int) -> Sequence[Claim]:
        """Work that is due and that nobody holds, oldest first, held by the caller for `lease`."""

    async def release(self, claims: Sequence[Claim], due_at: datetime) -> None:
        """Gives work back that could not be done, to come due again."""

    async def next_due(self) -> datetime | None:
        """When the next work that nobody holds comes due; None without any."""
