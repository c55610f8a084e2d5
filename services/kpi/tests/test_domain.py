"""Periods, formulas as data, grades, the record: what follows from what, without anything running."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc_kpi.domain import computation
from ioc_kpi.domain.grade import Evidence, GradeLevel, grade_clean, grade_complete, grade_correct, grade_live
from ioc_kpi.domain.indicator import Aggregate, Band, Direction, Indicator, Input, Subject, SubjectKind, subjects_of
from ioc_kpi.domain.period import Period, PeriodKind
from ioc_kpi.domain.series import Series, parse_key
from ioc_kpi.domain.target import Basis, Comparator, Path, Target, target_for
from ioc_kpi.domain.text import Citation, LocalizedText, Verification
from ioc_kpi.domain.window import Figures, combine
from ioc_kpi.domain.work import Pace
from ioc_kpi.formulas.compiler import FormulaCompiler
from ioc_kpi.rpc import convert

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def an_indicator(formula="a", inputs=(("a", 1, True),), **changes):
    return Indicator(
        set_code="S",
        code="i",
        name=LocalizedText("Chỉ số"),
        formula=formula,
        inputs=tuple(Input(name, "src", name, Aggregate.MEAN, periods, need) for name, periods, need in inputs),
        period=PeriodKind.HOUR,
        subject=SubjectKind.THING,
        **changes,
    )


def a_target(**changes):
    fields = {
        "code": "t",
        "set_code": "S",
        "indicator_code": "i",
        "comparator": Comparator.AT_LEAST,
        "value": 95.0,
        "basis": Basis.OURS,
        "margin": 10.0,
        "path": Path.LINEAR_IN_YEAR,
    }
    return Target(**{**fields, **changes})


def a_month(year, month):
    return Period.containing(PeriodKind.MONTH, datetime(year, month, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        (PeriodKind.HOUR, "2025-12-31T17:00", "2025-12-31T18:00"),
        (PeriodKind.DAY, "2025-12-31T17:00", "2026-01-01T17:00"),
        (PeriodKind.WEEK, "2025-12-28T17:00", "2026-01-04T17:00"),
        (PeriodKind.MONTH, "2025-12-31T17:00", "2026-01-31T17:00"),
        (PeriodKind.QUARTER, "2025-12-31T17:00", "2026-03-31T17:00"),
        (PeriodKind.YEAR, "2025-12-31T17:00", "2026-12-31T17:00"),
    ],
)
def test_periods_begin_in_vietnam(kind, start, end):
    found = Period.containing(kind, datetime(2025, 12, 31, 17, 30, tzinfo=UTC))
    assert found.start.isoformat(timespec="minutes") == f"{start}+00:00"
    assert found.end.isoformat(timespec="minutes") == f"{end}+00:00"


@given(st.sampled_from(list(PeriodKind)), st.integers(0, 4_000_000_000), st.integers(-50, 50))
def test_periods_tile_the_calendar(kind, seconds, by):
    at = datetime.fromtimestamp(seconds, UTC)
    period = Period.containing(kind, at)
    assert period.start <= at < period.end
    assert period.shifted(1).start == period.end
    assert period.shifted(by).shifted(-by) == period


def test_a_moment_without_zone_is_in_no_period():
    with pytest.raises(ValueError, match="time zone"):
        Period.containing(PeriodKind.HOUR, datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(("month", "expected"), [(1, 95 / 12), (10, 950 / 12), (12, 95.0)])
def test_a_linear_target_grows_in_equal_monthly_steps(month, expected):
    assert a_target().value_in(a_month(2026, month)) == pytest.approx(expected)
    assert a_target(path=Path.CONSTANT).value_in(a_month(2026, month)) == 95


def test_a_target_that_wants_less_is_missed_by_more():
    target = a_target(comparator=Comparator.AT_MOST, path=Path.CONSTANT)
    assert target.shortfall(100, a_month(2026, 1)) == 5
    assert target.shortfall(90, a_month(2026, 1)) == -5


def test_the_target_of_the_very_area_and_of_the_latest_validity_is_the_one():
    wide = a_target(code="a")
    old = a_target(code="b", area="40", valid_from=date(2025, 1, 1))
    new = a_target(code="c", area="40", valid_from=date(2026, 1, 1))
    over = a_target(code="d", area="40", valid_to=date(2026, 1, 1))
    found = target_for((wide, old, new, over), "40", a_month(2026, 5))
    assert found is new
    assert target_for((wide, old, new, over), "41", a_month(2026, 5)) is wide
    assert target_for((over,), "40", a_month(2026, 1)) is None
    assert target_for((over,), "40", a_month(2025, 12)) is over


@pytest.mark.parametrize(
    ("formula", "inputs", "values", "expected"),
    [
        ("a / b * 100.0", [("a", 1, True), ("b", 1, True)], {"a": [1.0], "b": [4.0]}, 25.0),
        ("a / b", [("a", 1, True), ("b", 1, True)], {"a": [1.0], "b": [0.0]}, None),
        ("a / b", [("a", 1, True), ("b", 1, True)], {"a": [0.0], "b": [0.0]}, None),
        ("a", [("a", 1, True)], {"a": [None]}, None),
        ("sum(a)", [("a", 3, True)], {"a": [1.0, None, 2.0]}, 3.0),
        ("mean(a)", [("a", 3, True)], {"a": [1.0, None, 2.0]}, 1.5),
        ("mean(a)", [("a", 3, False)], {"a": [None, None, None]}, None),
        ("a[0] + most(a) - least(a)", [("a", 3, True)], {"a": [1.0, 9.0, 2.0]}, 9.0),
        ("size(b) > 0 ? a + b[0] : a", [("a", 1, True), ("b", 1, False)], {"a": [1.0], "b": [None]}, 1.0),
        ("a[5]", [("a", 3, True)], {"a": [1.0]}, None),
    ],
)
def test_expressions_give_a_number_or_say_why_not(formula, inputs, values, expected):
    result = FormulaCompiler().compile(an_indicator(formula, inputs)).evaluate(values)
    assert result.value == expected
    assert (result.problem.vi == "") == (expected is not None)


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_no_expression_gives_a_number_that_is_not_finite(one, other):
    result = FormulaCompiler().compile(an_indicator("a / b", [("a", 1, True), ("b", 1, True)]))
    value = result.evaluate({"a": [one], "b": [other]}).value
    assert value is None or math.isfinite(value)


def test_series_are_placed_by_their_keys():
    station = parse_key("vinh", "air-quality/pm25_ugm3/16690/aq-vinh-01")
    assert (station.source, station.measure, station.area, station.thing) == (
        "air-quality",
        "pm25_ugm3",
        "16690",
        "aq-vinh-01",
    )
    owner = parse_key("nghe-an", "public-investment/disbursed_vnd/40/OWNER=SO-GTVT")
    assert (owner.area, owner.thing, owner.dimensions) == ("40", "", (("OWNER", "SO-GTVT"),))
    by_owner = replace(an_indicator(), subject=SubjectKind.DIMENSION, dimension="OWNER")
    source = Input("a", "public-investment", "disbursed_vnd", Aggregate.SUM)
    assert subjects_of(by_owner, source, owner) == (Subject("40"), Subject("40", "", "SO-GTVT"))
    assert subjects_of(by_owner, source, station) == ()
    assert subjects_of(replace(by_owner, dimension="FUND"), source, owner) == ()


@pytest.mark.parametrize("key", ["", "a/b", "a/b/c/d/e", "a//c", "a/b/c/=x/y"])
def test_what_is_no_series_key_is_refused(key):
    with pytest.raises(Exception, match="series key"):
        parse_key("vinh", key)


def test_a_mean_over_series_weighs_each_reading_alike():
    several = [Figures(1, 10.0), Figures(), Figures(3, 90.0)]
    assert combine(Aggregate.MEAN, several) == 25
    assert combine(Aggregate.SUM, several) == 100
    assert combine(Aggregate.COUNT, several) == 4
    assert combine(Aggregate.MEAN, [Figures(), Figures(bad=2)]) is None


def test_only_what_was_promised_and_has_passed_is_expected():
    hour = Period.containing(PeriodKind.HOUR, NOW - MINUTE)
    series = Series("vinh", "k", "s", "m", "1", "t", cadence=MINUTE, first_at=NOW - timedelta(days=2), newest_at=NOW)
    assert computation.expected(series, hour, NOW) == 60
    assert computation.expected(series, hour, NOW - 30 * MINUTE) == 30
    assert computation.expected(replace(series, first_at=NOW - 15 * MINUTE), hour, NOW) == 15
    assert computation.expected(replace(series, first_at=NOW), hour, NOW) == 0
    assert computation.expected(replace(series, cadence=None), hour, NOW) == 0
    assert computation.expected(replace(series, newest_at=NOW - timedelta(days=400)), hour, NOW) == 0
    month = a_month(2026, 10)
    monthly = replace(series, period_kind="month", cadence=timedelta(days=7), first_at=month.start)
    assert computation.expected(monthly, month, NOW) == 1


def evidence(**changes):
    fields = {"used": 60, "bad": 0, "arrived": 60, "expected": 60, "coverage": 1.0, "stored": 60, "refused": 0}
    return Evidence(**{**fields, **changes})


@pytest.mark.parametrize(
    ("grade", "level"),
    [
        (grade_correct(evidence()), GradeLevel.GOOD),
        (grade_correct(evidence(bad=10)), GradeLevel.FAIR),
        (grade_correct(evidence(bad=100)), GradeLevel.POOR),
        (grade_correct(evidence(used=0)), GradeLevel.POOR),
        (grade_complete(evidence(), 0.75), GradeLevel.GOOD),
        (grade_complete(evidence(coverage=0.8), 0.75), GradeLevel.FAIR),
        (grade_complete(evidence(coverage=0.74), 0.75), GradeLevel.POOR),
        (grade_complete(evidence(expected=0), 0.75), GradeLevel.UNKNOWN),
        (grade_complete(evidence(expected=0, used=0), 0.75), GradeLevel.POOR),
        (grade_clean(evidence()), GradeLevel.GOOD),
        (grade_clean(evidence(refused=20)), GradeLevel.FAIR),
        (grade_clean(evidence(refused=90)), GradeLevel.POOR),
        (grade_clean(evidence(stored=0)), GradeLevel.UNKNOWN),
        (grade_live(MINUTE, 10 * MINUTE), GradeLevel.GOOD),
        (grade_live(6 * MINUTE, 10 * MINUTE), GradeLevel.FAIR),
        (grade_live(10 * MINUTE, 10 * MINUTE), GradeLevel.POOR),
        (grade_live(-MINUTE, 10 * MINUTE), GradeLevel.GOOD),
    ],
)
def test_grades_follow_from_counts(grade, level):
    assert grade.level is level
    assert 0 <= grade.score <= 1
    assert grade.reason.vi
    assert grade.reason.en


def test_a_running_period_waits_for_its_minutes_and_a_future_one_for_its_end():
    pace = Pace(timedelta(seconds=1), timedelta(seconds=2), 5 * MINUTE)
    hour = Period.containing(PeriodKind.HOUR, NOW)
    assert pace.due_at(hour, NOW) == NOW + 5 * MINUTE
    assert pace.due_at(hour, NOW + 6 * MINUTE) == NOW + 6 * MINUTE + timedelta(seconds=2)
    assert pace.due_at(hour.shifted(-1), NOW) == NOW + timedelta(seconds=1)
    assert pace.due_at(hour.shifted(3), NOW) == hour.shifted(3).end + timedelta(seconds=1)


def test_definitions_survive_the_wire():
    citation = Citation("KH-655", "II.2", "2024-08-22", "…", Verification.SECONDARY)
    indicator = an_indicator(
        inputs=(("a", 12, True), ("b", 1, False)),
        unit="%",
        direction=Direction.UP,
        decimals=1,
        lead="SO-TTTT",
        share_class="public",
        citation=citation,
        bands=(Band("good", 50.0, "#00E400", LocalizedText("Tốt", "Good")),),
        stale_after=timedelta(hours=3),
        minimum_completeness=0.5,
        valid_from=date(2024, 8, 22),
        valid_to=date(2030, 1, 1),
    )
    assert convert.indicator_from_proto(convert.indicator_to_proto(indicator)) == indicator
    for target in (
        a_target(citation=citation, area="40", note="ours", valid_from=date(2026, 1, 1)),
        a_target(value=None, basis=Basis.AWAITED, awaited_from="SO-TC", valid_to=date(2027, 1, 1)),
    ):
        assert convert.target_from_proto(convert.target_to_proto(target)) == target
