from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from ioc_ingest.domain.columns import Columns
from ioc_ingest.domain.contract import Contract, Measure, Mode, PeriodKind, SeriesEntry
from ioc_ingest.domain.periods import is_period_start
from ioc_ingest.domain.refusal import _TEXTS, Rule
from ioc_ingest.domain.terms import Terms, to_us

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
KEY = "air-quality/pm25_ugm3/16681/aq-1"
CONTRACT = Contract("air-quality", 1, "vinh", "air-quality", (Measure("pm25_ugm3", "ug/m3", 0, 1000),))


def terms(**changes):
    contract = replace(CONTRACT, **changes)
    entry = SeriesEntry(7, "vinh", KEY, "air-quality", "pm25_ugm3", "ug/m3", "16681", "aq-1", "air-quality")
    return Terms([contract], [entry])


def verdict(checked_by, *, key=KEY, age=timedelta(minutes=1), value=31.2, quality=1):
    columns = Columns.make([key], [0], [to_us(NOW - age)], [value], [quality])
    checked = checked_by.check(columns, NOW)
    return Rule(int(checked.rule[0])), checked_by.refusals(columns, checked, NOW)


@pytest.mark.parametrize(
    ("reading", "rule", "field"),
    [
        ({}, Rule.NONE, ""),
        ({"value": 0.0}, Rule.NONE, ""),
        ({"value": 1000.0}, Rule.NONE, ""),
        ({"value": 1000.1}, Rule.VALUE_OUT_OF_RANGE, "value"),
        ({"value": -0.1}, Rule.VALUE_OUT_OF_RANGE, "value"),
        ({"value": float("nan")}, Rule.VALUE_NOT_FINITE, "value"),
        ({"value": float("inf")}, Rule.VALUE_NOT_FINITE, "value"),
        ({"age": timedelta(days=3)}, Rule.NONE, ""),
        ({"age": timedelta(days=3, seconds=1)}, Rule.TIME_TOO_LATE, "time_us"),
        ({"age": -timedelta(minutes=5)}, Rule.NONE, ""),
        ({"age": -timedelta(minutes=5, seconds=1)}, Rule.TIME_IN_FUTURE, "time_us"),
        ({"key": "air-quality/pm25_ugm3/16681/aq-9"}, Rule.SERIES_UNKNOWN, "series_keys"),
        ({"quality": 5}, Rule.QUALITY_UNKNOWN, "quality"),
        ({"quality": -1}, Rule.QUALITY_UNKNOWN, "quality"),
    ],
)
def test_each_reading_meets_the_first_rule_that_it_breaks(reading, rule, field):
    found, refusals = verdict(terms(), **reading)
    assert found is rule
    assert [refusal.field for refusal in refusals] == ([field] if field else [])
    for refusal in refusals:
        assert "?" not in refusal.reason.vi + refusal.reason.en + refusal.remedy.vi + refusal.remedy.en


def test_a_contract_that_only_observes_lets_through_what_can_be_stored():
    observing = terms(mode=Mode.OBSERVE)
    assert verdict(observing, value=5000.0)[0] is Rule.NONE
    assert verdict(observing, age=timedelta(days=30))[0] is Rule.NONE
    assert verdict(observing, value=float("nan"))[0] is Rule.VALUE_NOT_FINITE
    assert verdict(observing, key="x/y/z")[0] is Rule.SERIES_UNKNOWN
    assert verdict(observing, age=-timedelta(days=200 * 365))[0] is Rule.TIME_IN_FUTURE
    columns = Columns.make([KEY], [0], [to_us(NOW)], [5000.0])
    assert observing.check(columns, NOW).observed == 1


def test_a_contract_takes_only_what_was_measured_while_it_is_in_force():
    bounded = terms(valid_from=date(2026, 11, 23), valid_to=date(2026, 11, 24))
    # In Vinh it is eight in the morning of the 23rd: nine hours ago was the 22nd.
    assert verdict(bounded)[0] is Rule.NONE
    assert verdict(bounded, age=timedelta(hours=9))[0] is Rule.CONTRACT_NOT_IN_FORCE


def test_lateness_of_statistics_counts_from_the_end_of_their_period():
    monthly = terms(period_kind=PeriodKind.MONTH, allowed_lateness=timedelta(days=10))
    october = datetime(2026, 9, 30, 17, 0, tzinfo=UTC)  # 1 October in Viet Nam
    september = datetime(2026, 8, 31, 17, 0, tzinfo=UTC)
    assert verdict(monthly, age=NOW - datetime(2026, 10, 31, 17, 0, tzinfo=UTC))[0] is Rule.NONE
    assert verdict(monthly, age=NOW - september)[0] is Rule.TIME_TOO_LATE
    assert verdict(monthly, age=NOW - october)[0] is Rule.TIME_TOO_LATE
    assert verdict(monthly, age=timedelta(hours=1))[0] is Rule.PERIOD_START_WRONG


@pytest.mark.parametrize(
    ("kind", "start", "other"),
    [
        (PeriodKind.HOUR, "2026-11-23T08:00", "2026-11-23T08:30"),
        (PeriodKind.DAY, "2026-11-23T00:00", "2026-11-23T07:00"),
        (PeriodKind.WEEK, "2026-11-23T00:00", "2026-11-24T00:00"),
        (PeriodKind.MONTH, "2026-11-01T00:00", "2026-11-02T00:00"),
        (PeriodKind.QUARTER, "2026-10-01T00:00", "2026-11-01T00:00"),
        (PeriodKind.YEAR, "2026-01-01T00:00", "2026-04-01T00:00"),
        (PeriodKind.MONTH, "1965-02-01T00:00", "1965-02-01T00:01"),
    ],
)
def test_periods_start_by_the_clock_of_viet_nam(kind, start, other):
    times = [to_us(datetime.fromisoformat(f"{text}+07:00")) for text in (start, other)]
    assert is_period_start(np.array(times, np.int64), kind).tolist() == [True, False]


def test_every_rule_tells_its_reason_and_remedy_in_both_languages():
    for rule in Rule:
        if rule is not Rule.NONE:
            for text in _TEXTS[rule]:
                assert text.vi
                assert text.en
                assert text.vi != text.en


def test_times_that_overflow_are_refused_and_break_nothing():
    columns = Columns.make([KEY], [0, 0], [-(2**63), 2**63 - 1], [1.0, 1.0])
    checked = terms().check(columns, NOW)
    assert [Rule(rule) for rule in checked.rule.tolist()] == [Rule.TIME_TOO_LATE, Rule.TIME_IN_FUTURE]
    assert len(terms().refusals(columns, checked, NOW)) == 2
