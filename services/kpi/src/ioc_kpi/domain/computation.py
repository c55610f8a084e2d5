"""From the ledger's figures to a value: which windows are asked for, what they promise, how the number stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ioc_kpi.domain.grade import Evidence, Grades, grade_clean, grade_complete, grade_correct, grade_live
from ioc_kpi.domain.indicator import Indicator, Input, Subject, subjects_of, windows_of
from ioc_kpi.domain.period import Period, PeriodKind
from ioc_kpi.domain.series import Series
from ioc_kpi.domain.target import Target
from ioc_kpi.domain.text import NO_TEXT, LocalizedText
from ioc_kpi.domain.value import Comparison, Freshness, Lineage, LineageInput, Status
from ioc_kpi.domain.window import Figures, Window, combine

SILENT_AFTER = timedelta(days=366)
"""A series that has delivered nothing for this long is no longer expected to (an owner that was dissolved)."""
LATE_CADENCES = 10
SHOW_FIRST = timedelta(minutes=5)
"""How long a new hour may take, after it begins to count, to show its first value."""

FigureMap = Mapping[Window, Figures]
InputValues = Mapping[str, Sequence[float | None]]
"""Per input the windows' values, newest first, None where nothing was measured."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a formula gives: a number, or a problem that says why there is none."""

    value: float | None
    problem: LocalizedText = NO_TEXT
    components: Mapping[str, float] = field(default_factory=dict)
    dominant: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The reads for one value: per input its series, in order of key."""

    indicator: Indicator
    subject: Subject
    period: Period
    feeds: tuple[tuple[Input, tuple[Series, ...]], ...]

    def reads(self) -> list[tuple[Input, Series, Window]]:
        """Every window of every series, in the order in which lineage tells them."""
        return [
            (source, each, Window(each.key, window))
            for source, series in self.feeds
            for window in windows_of(source, self.period)
            for each in series
        ]


def plan(indicator: Indicator, subject: Subject, period: Period, known: Sequence[Series]) -> Plan:
    """The plan for one value from the series known of a tenant."""
    feeds = []
    for source in indicator.inputs:
        fitting = [series for series in known if subject in subjects_of(indicator, source, series)]
        feeds.append((source, tuple(sorted(fitting, key=lambda series: series.key))))
    return Plan(indicator, subject, period, tuple(feeds))


def input_values(plan: Plan, figures: FigureMap) -> InputValues:
    """The values of each input, combined over its series."""
    return {
        source.name: [
            combine(source.aggregate, [figures.get(Window(each.key, window), Figures()) for each in series])
            for window in windows_of(source, plan.period)
        ]
        for source, series in plan.feeds
    }


def lineage(plan: Plan, figures: FigureMap, as_of_position: int, now: datetime) -> Lineage:
    """The record from which the value can be computed again."""
    inputs = []
    for source, series, window in plan.reads():
        found = figures.get(window, Figures())
        inputs.append(
            LineageInput(
                name=source.name,
                series_key=series.key,
                window=window.period,
                aggregate=source.aggregate.value,
                count=found.count,
                expected=expected(series, window.period, now),
                value=combine(source.aggregate, [found]),
                position=found.position,
                contract_version=found.contract_version or series.contract_version,
            )
        )
    return Lineage(tuple(inputs), plan.indicator.formula, plan.indicator.version, as_of_position)


def expected(series: Series, window: Period, now: datetime) -> int:
    """How many readings the contract promises for a window, of a series that has begun and not fallen silent for good.

    0 also when no contract is known. Only the part counts that has passed, and in which the series had begun.
    """
    if series.first_at is None or series.newest_at is None:
        return 0
    if series.first_at >= window.end or series.newest_at + SILENT_AFTER < window.start:
        return 0
    if not series.is_instant:
        return 1
    if series.cadence is None or series.cadence <= timedelta(0):
        return 0
    return max((min(window.end, now) - max(window.start, series.first_at)) // series.cadence, 1)


def evidence(plan: Plan, figures: FigureMap, now: datetime, *, stored: int, refused: int) -> Evidence:
    """What the grades follow from: of the inputs relied on for completeness, of all for the rest."""
    used = bad = arrived = promised = windows = 0
    relied_on = {each.key for each in _relied_on(plan)}
    coverage = 0.0
    for _, series, window in plan.reads():
        found = figures.get(window, Figures())
        used += found.count
        bad += found.bad
        count = expected(series, window.period, now) if series.key in relied_on else 0
        if count:
            windows += 1
            promised += count
            arrived += min(found.count, count)
            coverage += min(found.count / count, 1.0)
    return Evidence(used, bad, arrived, promised, coverage / windows if windows else 0.0, stored, refused)


def observed_at(plan: Plan, figures: FigureMap) -> datetime | None:
    """The time of the newest reading used; of statistics the end of the newest period used."""
    times = [
        _measured_until(series, found.last_at)
        for _, series, window in plan.reads()
        if (found := figures.get(window)) is not None and found.last_at is not None
    ]
    return max(times, default=None)


def _relied_on(plan: Plan) -> list[Series]:
    """The series of required inputs.

    Where the formula itself decides what it needs (VN_AQI takes PM10 or PM2.5) no input is marked: then those that have
    delivered at all, so that a pollutant that a station does not measure is not missed.
    """
    required = [each for source, series in plan.feeds if source.is_required for each in series]
    return required or [each for _, series in plan.feeds for each in series if each.newest_at is not None]


def freshness(plan: Plan, provisional_after: timedelta) -> Freshness | None:
    """How fresh the inputs relied on are; None when none of them has delivered anything.

    Unless the indicator says when, a number is stale when readings are ten cadences late (but a new hour gets the time
    it needs to show its first value), and statistics when the next period has passed too and is one cadence late.
    """
    delivered = [(_measured_until(e, e.newest_at), e) for e in _relied_on(plan) if e.newest_at is not None]
    if not delivered:
        return None
    newest, series = max(delivered, key=lambda pair: pair[0])
    return Freshness(newest, plan.indicator.stale_after or _stale_after(series, newest, provisional_after))


def grades(plan: Plan, evidence: Evidence, fresh: Freshness | None, now: datetime) -> Grades:
    """The four grades as they are when the value becomes known."""
    return Grades(
        grade_correct(evidence),
        grade_complete(evidence, plan.indicator.minimum_completeness),
        grade_clean(evidence),
        grade_live(now - fresh.newest_at, fresh.stale_after) if fresh else grade_live(timedelta(1), timedelta(1)),
    )


def compare(target: Target | None, value: float | None, period: Period) -> Comparison | None:
    """The value held against its target; None without a target."""
    if target is None:
        return None
    aim = target.value_in(period)
    difference = None if aim is None or value is None else value - aim
    return Comparison(target.code, target.version, target.basis, target.value, aim, difference)


def judge(indicator: Indicator, target: Target | None, value: float | None, period: Period, grades: Grades) -> Status:
    """How a number stands, freshness aside: that changes with the clock and is looked at when the value is read."""
    if value is None or any(grade.is_poor for grade in (grades.correct, grades.complete, grades.clean)):
        return Status.GREY
    if target is not None:
        shortfall = target.shortfall(value, period)
        if shortfall is None:
            return Status.GREY
        if shortfall <= 0:
            return Status.GOOD
        return Status.WARNING if shortfall <= target.margin else Status.BAD
    if not indicator.bands:
        return Status.GREY
    band = indicator.band_of(value)
    if band is None:
        return Status.BAD
    # Ours: the first third of a scale is good, up to its middle a warning. Of VN_AQI these are 0-100 and 101-150.
    place, count = indicator.bands.index(band), len(indicator.bands)
    return Status.GOOD if 3 * place < count else Status.WARNING if 2 * place < count else Status.BAD


def place_name(plan: Plan) -> LocalizedText:
    """The name of the thing, as the newest contract gives it; empty for areas."""
    if not plan.subject.thing:
        return NO_TEXT
    named = [each for _, series in plan.feeds for each in series if each.name.vi]
    return max(named, key=lambda each: each.contract_version).name if named else NO_TEXT


def _measured_until(series: Series, at: datetime) -> datetime:
    return at if series.is_instant else Period.containing(PeriodKind(series.period_kind), at).end


def _stale_after(series: Series, newest: datetime, provisional_after: timedelta) -> timedelta:
    cadence = series.cadence or timedelta(0)
    if series.is_instant:
        return max(LATE_CADENCES * cadence, provisional_after + SHOW_FIRST)
    following = Period.containing(PeriodKind(series.period_kind), newest)
    return following.end - following.start + cadence
