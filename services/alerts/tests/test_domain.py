"""Thresholds, subjects and messages, alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc_alerts.domain.judgement import Level, Mark, Standing, Verdict, judge
from ioc_alerts.domain.measurement import Measurement, PeriodKind
from ioc_alerts.domain.message import FIELDS, Facts, number, problems, render
from ioc_alerts.domain.rule import Side, Thresholds
from ioc_alerts.domain.subject import Subject, parse_series_key
from ioc_alerts.domain.text import LocalizedText, printable
from ioc_kit.errors import InvalidInput

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def a_measurement(**changes):
    fields = {"watched": "s/m", "origin": "s/m", "subject": Subject("40"), "mark": Mark(AT, 1), "value": 1.0}
    return Measurement(**{**fields, **changes})


def rendered(template, threshold=150.0, **changes):
    return render(LocalizedText(template, template), Facts(a_measurement(**changes), threshold))


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.sampled_from(Side), finite, finite, st.lists(finite, max_size=30))
def test_values_never_raise_between_the_thresholds_nor_open_two(side, one, two, values):
    low, high = sorted((one, two))
    thresholds = Thresholds(side, high, low) if side is Side.ABOVE else Thresholds(side, low, high)
    known, open_alerts = Standing(), 0
    for position, value in enumerate(values):
        judged = judge(known, thresholds.level_of(value), Mark(AT, position))
        known = judged.standing
        if judged.verdict is Verdict.RAISE:
            open_alerts += 1
            assert value > thresholds.raise_at if side is Side.ABOVE else value < thresholds.raise_at
        if judged.verdict in (Verdict.RESOLVE, Verdict.RETRACT):
            open_alerts -= 1
            assert value <= thresholds.resolve_at if side is Side.ABOVE else value >= thresholds.resolve_at
        assert open_alerts in (0, 1)


def test_the_thresholds_themselves_do_not_raise_and_do_resolve():
    above, below = Thresholds(Side.ABOVE, 150, 140), Thresholds(Side.BELOW, 10, 12)
    expected = [Level.BREACH, Level.BETWEEN, Level.BETWEEN, Level.CLEAR]
    assert [above.level_of(value) for value in (150.01, 150, 140.01, 140)] == expected
    assert [below.level_of(value) for value in (9.99, 10, 11.99, 12)] == expected


def test_a_series_key_is_read_back_into_its_parts():
    full = parse_series_key("public-investment/disbursed_vnd/40/road-7/OWNER=SO-GTVT/YEAR=2026")
    assert (full.source, full.measure) == ("public-investment", "disbursed_vnd")
    assert full.subject == Subject("40", "road-7", (("OWNER", "SO-GTVT"), ("YEAR", "2026")))
    assert full.subject.key == "40/road-7/OWNER=SO-GTVT/YEAR=2026"


@pytest.mark.parametrize(
    "key",
    ["", "a", "a/b", "a//c", "a/b/c/d/e", "a/b/c/X=1/d", "a/b/c/X=", "a/b/c/=1", "a/b/ c", "a/b/c\x00", "a/b/c/X=1=2"],
)
def test_what_is_no_series_key_is_refused(key):
    with pytest.raises(InvalidInput):
        parse_series_key(key)


@pytest.mark.parametrize("area", ["", "a/b", "X=1", "a\nb", "a" * 129])
def test_a_subject_that_would_blur_keys_is_refused(area):
    with pytest.raises(InvalidInput):
        Subject.make(area, "", ())


@pytest.mark.parametrize(
    ("value", "vi", "en"),
    [
        (1234567.891, "1.234.567,89", "1,234,567.89"),
        (0.5, "0,5", "0.5"),
        (0.01234, "0,0123", "0.0123"),
        (-0.00001, "0", "0"),
        (100, "100", "100"),
        (None, "–", "–"),
    ],
)
def test_numbers_are_written_as_each_language_does(value, vi, en):
    assert (number(value, "vi"), number(value, "en")) == (vi, en)


@pytest.mark.parametrize(
    ("kind", "vi", "en"),
    [
        (PeriodKind.INSTANT, "08:00:00 23/11/2026", "2026-11-23 08:00:00"),
        (PeriodKind.HOUR, "08:00 23/11/2026", "2026-11-23 08:00"),
        (PeriodKind.DAY, "23/11/2026", "2026-11-23"),
        (PeriodKind.WEEK, "tuần từ 23/11/2026", "week of 2026-11-23"),
        (PeriodKind.MONTH, "11/2026", "2026-11"),
        (PeriodKind.QUARTER, "quý 4/2026", "2026-Q4"),
        (PeriodKind.YEAR, "2026", "2026"),
    ],
)
def test_periods_are_told_in_the_time_of_vietnam(kind, vi, en):
    told = rendered("{period}", period_kind=kind)
    assert (told.vi, told.en) == (vi, en)


def test_what_is_filled_in_is_never_read_as_template_or_markup():
    odd = "{value} {0.__class__} %s <b>\u202e\x00\n'; --"
    told = rendered("[{place}]", place=LocalizedText(odd)).vi
    assert told == "[{value} {0.__class__} %s <b> '; --]"


@given(st.text(max_size=60), st.text(max_size=20))
def test_a_message_never_carries_control_characters(place, unit):
    told = rendered("{place}|{unit}", place=LocalizedText(place), unit=unit).vi
    assert printable(told) == " ".join(told.split())


@given(st.text(max_size=40))
def test_a_template_is_either_refused_or_filled_without_rest(template):
    if problems(template):
        return
    told = rendered(template).vi
    assert not any(f"{{{field}}}" in told for field in FIELDS)


def test_a_place_without_a_name_is_told_by_its_code_and_dimension():
    assert rendered("{place}", subject=Subject("40", "aq-1")).vi == "aq-1"
    assert rendered("{place}", subject=Subject("40", "", (("OWNER", "SO-TC"),))).en == "40, SO-TC"
