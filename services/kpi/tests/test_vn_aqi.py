"""The vectors of QĐ 1459/QĐ-TCMT and of the platform's own reading of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc_kpi.formulas import vn_aqi
from ioc_kpi.formulas.vn_aqi import Parameter

OLDEST_FIRST = [26.9, 24.7, 20.5, 23.5, 19.5, 16.5, 19.0, 16.5, 20.3, 22.4, 19.6, 20.6]


def test_the_nowcast_of_the_decisions_example():
    newest_first = OLDEST_FIRST[::-1]
    assert round(vn_aqi.nowcast_weight(newest_first), 4) == 0.6134
    assert round(vn_aqi.nowcast(newest_first), 2) == 20.27


def test_the_hourly_index_of_the_decisions_example():
    gases = {Parameter.O3: 136.1, Parameter.NO2: 118.7}
    steady = [20.3] * 12  # a NowCast of 20.3
    found = vn_aqi.hourly({Parameter.PM25: steady}, gases)
    assert round(found.sub_indices[Parameter.O3], 2) == 42.53
    assert round(found.sub_indices[Parameter.NO2], 2) == 59.35
    assert round(found.sub_indices[Parameter.PM25], 2) == 40.6
    assert [vn_aqi.round_half_up(found.sub_indices[p]) for p in (Parameter.O3, Parameter.NO2, Parameter.PM25)] == [
        43,
        59,  # the decision's own example prints 60, a slip
        41,
    ]
    assert (found.index, found.dominant) == (59, Parameter.NO2)


def test_the_daily_index_of_the_decisions_example():
    found = vn_aqi.daily({Parameter.PM25: 55.7}, {Parameter.O3: 114.6, Parameter.NO2: 130.8}, o3_max_8h=89.3)
    assert vn_aqi.round_half_up(vn_aqi.sub_index_o3_8h(89.3)) == 45
    assert vn_aqi.round_half_up(vn_aqi.sub_index(Parameter.O3, 114.6)) == 36
    assert vn_aqi.round_half_up(found.sub_indices[Parameter.O3]) == 45
    assert vn_aqi.round_half_up(found.sub_indices[Parameter.NO2]) == 65
    assert found.sub_indices[Parameter.PM25] == pytest.approx(109.5, abs=1e-9)
    assert (found.index, found.dominant) == (110, Parameter.PM25)


@pytest.mark.parametrize(
    ("parameter", "concentration", "expected"),
    [
        (Parameter.PM25, 150, 200),
        (Parameter.PM25, 300, 350),
        (Parameter.PM10, 380, 242.86),
        (Parameter.CO, 12000, 55),
        (Parameter.SO2, 2000, 380),
        (Parameter.O3, 900, 350),
        (Parameter.PM25, 500, 500),
        (Parameter.PM25, 9999, 500),
        (Parameter.PM25, 0, 0),
        (Parameter.PM25, -0.3, 0),
    ],
)
def test_single_concentrations(parameter, concentration, expected):
    assert round(vn_aqi.sub_index(parameter, concentration), 2) == expected


def test_a_missing_hour_has_no_weight_when_w_is_one_half():
    means = [40.0, None, 20.0, *[10.0] * 9]
    printed = sum(0.5**i * c for i, c in enumerate(means, start=1) if c is not None)
    assert vn_aqi.nowcast_weight(means) == 0.5
    assert round(printed, 1) == 23.7  # what the text prints reads a quarter too low
    assert round(vn_aqi.nowcast(means), 1) == 31.7


def test_w_of_one_half_agrees_with_the_printed_sum_when_no_hour_is_missing():
    means = [40.0, 30.0, 20.0, *[9.0] * 9]
    printed = sum(0.5**i * c for i, c in enumerate(means, start=1))
    assert vn_aqi.nowcast(means) == pytest.approx(printed, rel=1 / 4000)


@pytest.mark.parametrize(
    ("newest", "has_value"),
    [
        ([None, None, 30.0], False),
        ([30.0, None, None], False),
        ([30.0, None, 30.0], True),
        ([None, 30.0, 30.0], True),
        ([30.0], False),
        ([], False),
    ],
)
def test_two_of_the_newest_three_hours_are_needed(newest, has_value):
    assert (vn_aqi.nowcast([*newest, *[10.0] * 9][:12] if len(newest) == 3 else newest) is not None) is has_value


def test_particles_are_mandatory():
    assert vn_aqi.hourly({Parameter.PM25: [30.0, None, None]}, {Parameter.NO2: 118.7}) is None
    assert vn_aqi.hourly({}, {Parameter.NO2: 118.7}) is None
    assert vn_aqi.daily({Parameter.PM25: None}, {Parameter.NO2: 118.7}) is None
    assert vn_aqi.hourly({Parameter.PM10: [30.0, 30.0]}, {}).dominant is Parameter.PM10


def test_an_8_hour_mean_of_ozone_above_400_is_left_out():
    assert vn_aqi.sub_index_o3_8h(400.1) is None
    assert vn_aqi.sub_index_o3_8h(400.0) == 300
    found = vn_aqi.daily({Parameter.PM25: 10.0}, {Parameter.O3: 900.0}, o3_max_8h=450.0)
    assert found.index == 350


@pytest.mark.parametrize(
    ("index", "code"),
    [(0, "good"), (50, "good"), (51, "moderate"), (101, "poor"), (151, "bad"), (201, "very-bad"), (500, "hazardous")],
)
def test_bands_meet_without_gap(index, code):
    assert vn_aqi.band(index).code == code


def test_an_index_outside_the_scale_has_no_band():
    with pytest.raises(ValueError, match="outside"):
        vn_aqi.band(501)


def test_no_concentration_that_is_no_number_becomes_an_index():
    with pytest.raises(ValueError, match="no concentration"):
        vn_aqi.sub_index(Parameter.PM25, math.nan)


@given(
    st.sampled_from(list(Parameter)),
    st.floats(min_value=0, max_value=200_000),
    st.floats(min_value=0, max_value=200_000),
)
def test_more_of_a_pollutant_is_never_a_better_index(parameter, one, other):
    low, high = sorted((one, other))
    assert 0 <= vn_aqi.sub_index(parameter, low) <= vn_aqi.sub_index(parameter, high) <= 500


@given(st.lists(st.one_of(st.none(), st.floats(min_value=0, max_value=1000)), min_size=12, max_size=12))
def test_a_nowcast_lies_between_the_lowest_and_the_highest_hour(means):
    value = vn_aqi.nowcast(means)
    known = [mean for mean in means if mean is not None]
    assert value is None or min(known) - 1e-9 <= value <= max(known) + 1e-9
