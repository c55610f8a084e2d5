from dataclasses import replace
from datetime import date, timedelta

import pytest

from ioc_kit.errors import InvalidInput
from ioc_registry.domain.contract import Contract, Dimension, Measure, Thing, check, series_of
from ioc_registry.domain.device import hash_secret, new_secret
from ioc_registry.domain.place import Area, is_valid_on
from ioc_registry.domain.text import LocalizedText, search_key

NAME = LocalizedText("Không khí", "Air")


def a_contract(**changes):
    contract = Contract(
        contract="air-quality",
        version=1,
        tenant="vinh",
        source="air-quality",
        name=NAME,
        measures=(Measure("pm25_ugm3", "ug/m3", NAME, 0, 1000), Measure("pm10_ugm3", "ug/m3", NAME)),
        things=(Thing("aq-1", "16681", NAME, "aq-1"), Thing("aq-2", "16690", NAME)),
    )
    return replace(contract, **changes)


def test_series_follow_from_things_and_measures():
    assert [series.key for series in series_of(a_contract())] == [
        "air-quality/pm25_ugm3/16681/aq-1",
        "air-quality/pm10_ugm3/16681/aq-1",
        "air-quality/pm25_ugm3/16690/aq-2",
        "air-quality/pm10_ugm3/16690/aq-2",
    ]


def test_statistics_get_a_series_per_area_and_code():
    contract = a_contract(
        things=(),
        areas=("40",),
        measures=(Measure("plan", "VND", NAME),),
        dimensions=(Dimension("OWNER", ("A", "B")), Dimension("KIND", ("X",), is_required=False)),
    )
    assert [series.key for series in series_of(contract)] == [
        "air-quality/plan/40/KIND=X/OWNER=A",
        "air-quality/plan/40/OWNER=A",
        "air-quality/plan/40/KIND=X/OWNER=B",
        "air-quality/plan/40/OWNER=B",
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"measures": ()}, "measures"),
        ({"version": 0}, "version"),
        ({"cadence": timedelta(0)}, "cadence"),
        ({"measures": (Measure("x", "1", NAME, 5, 1),)}, "measures.x"),
        ({"things": (Thing("a", "1", NAME), Thing("a", "2", NAME))}, "things"),
    ],
)
def test_a_contract_that_cannot_stand_names_the_field(changes, field):
    with pytest.raises(InvalidInput) as caught:
        check(a_contract(**changes))
    assert [violation.field for violation in caught.value.violations] == [field]


@pytest.mark.parametrize("thing", ["a/b", "a b", "", "đ", "x" * 65, "-a", "a=b", "a\x00"])
def test_a_code_that_cannot_stand_in_a_key_is_refused(thing):
    if thing == "":
        assert series_of(a_contract(things=(Thing("", "1", NAME),)))[0].key == "air-quality/pm25_ugm3/1"
        return
    with pytest.raises(InvalidInput):
        series_of(a_contract(things=(Thing(thing, "1", NAME),)))


def test_a_contract_without_places_describes_nothing():
    with pytest.raises(InvalidInput, match="describes 0 series"):
        series_of(a_contract(things=()))


def test_validity_ends_before_its_last_day():
    area = Area("412", NAME, "city", valid_from=date(2024, 12, 1), valid_to=date(2025, 7, 1))
    assert is_valid_on(area, date(2025, 6, 30))
    assert not is_valid_on(area, date(2025, 7, 1))
    assert not is_valid_on(area, date(2024, 11, 30))


@pytest.mark.parametrize(("text", "key"), [("Hoàng Mai", "hoang mai"), ("ĐÔ LƯƠNG", "do luong"), ("Cửa Lò", "cua lo")])
def test_search_folds_vietnamese_marks(text, key):
    assert search_key(text) == key


def test_secrets_are_long_and_differ():
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(secret) >= 43 for secret in secrets)
    assert len(hash_secret("aq-1", "x")) == 64
    assert hash_secret("aq-1", "x") != hash_secret("aq-2", "x")
