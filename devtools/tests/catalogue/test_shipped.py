"""What the shipped catalogue says, held against the plan's own counts."""

from __future__ import annotations

from collections import Counter
from datetime import date

from ioc_devtools.catalogue import Catalogue
from ioc_devtools.catalogue.entry import Basis, Verification


def test_all_33_systems_of_the_plan_are_there(catalogue: Catalogue) -> None:
    assert len(catalogue.sources) == 33
    assert Counter(one.phase for one in catalogue.sources) == {"inherited": 10, "expanded": 17, "infrastructure": 6}


def test_every_source_but_the_demonstrations_is_not_connected_yet(catalogue: Catalogue) -> None:
    assert {one.code for one in catalogue.sources if one.readiness.connected} == {
        "air-quality",
        "public-investment",
        "soc",
    }


def test_what_the_annex_does_not_print_stays_unverified(catalogue: Catalogue) -> None:
    assert [one.code for one in catalogue.sources if one.verified is False] == ["official-email"]
    assert catalogue.source("foreign-trade").deduced == ("lead", "with", "period")
    successions = [one.succeeded_by for one in catalogue.agencies if one.succeeded_by]
    assert successions
    assert not any(one.verified for one in successions)


def test_areas_are_21_districts_then_130_communes_in_one_province(catalogue: Catalogue) -> None:
    kinds = Counter(one.kind for one in catalogue.areas)
    assert (kinds["commune"], kinds["ward"]) == (119, 11)
    assert kinds["city"] + kinds["town"] + kinds["district"] == 21
    assert [one.code for one in catalogue.areas if one.kind == "province"] == ["40"]
    assert catalogue.area("40").verification is Verification.GENERAL_KNOWLEDGE


def test_districts_end_when_their_successors_begin(catalogue: Catalogue) -> None:
    assert catalogue.successors("412") == ("16681", "16690", "16702", "16708", "16732", "17920")
    assert catalogue.successors("432") == ("17110", "17125", "17128")
    for one in catalogue.successions:
        assert catalogue.area(one.predecessor).valid_to == one.from_day
        assert catalogue.area(one.successor).holds_on(one.from_day)


def test_cua_lo_joined_vinh_in_december_2024(catalogue: Catalogue) -> None:
    assert catalogue.successors("413") == ("412",)
    assert catalogue.area("413").holds_on(date(2024, 11, 30))
    assert not catalogue.area("413").holds_on(date(2024, 12, 1))


def test_area_names_keep_their_proper_name_in_english(catalogue: Catalogue) -> None:
    names = [catalogue.area(code).name_en for code in ("40", "412", "415", "16681", "16738")]
    assert names == ["Nghệ An Province", "Vinh City", "Quế Phong District", "Thành Vinh Ward", "Quế Phong Commune"]


def test_tenants_answer_for_their_city_then_for_its_wards(catalogue: Catalogue) -> None:
    vinh = catalogue.tenant("vinh")
    assert vinh.areas_on(date(2025, 6, 30)) == {"412"}
    assert vinh.areas_on(date(2025, 7, 1)) == set(catalogue.successors("412"))


def test_contracts_make_the_series_keys_that_everybody_uses(catalogue: Catalogue) -> None:
    air = {one.key for one in catalogue.contract("nghe-an", "air-quality").series()}
    assert len(air) == 24
    assert "air-quality/pm25_ugm3/16690/aq-vinh-02" in air
    money = {one.key for one in catalogue.contract("nghe-an", "public-investment").series()}
    assert "public-investment/disbursed_vnd/40/OWNER=SO-GTVT" in money
    assert all(key.count("/") == 3 for key in money)


def test_every_station_with_a_log_in_uses_its_own_code(catalogue: Catalogue) -> None:
    devices = {thing.device: thing.code for one in catalogue.contracts for thing in one.things if thing.device}
    assert devices == {code: code for code in ("aq-vinh-01", "aq-vinh-02", "aq-vinh-03", "aq-hm-01")}


def test_sets_that_could_not_be_read_are_empty_slots(catalogue: Catalogue) -> None:
    assert {one.set: len(one.indicators) for one in catalogue.indicator_sets if one.state == "awaited"} == {
        "VN-3098": 0,
        "TT-03-2026": 0,
    }


def test_the_bands_are_the_decisions_own(catalogue: Catalogue) -> None:
    bands = catalogue.indicator("VN-AQI/vn_aqi_hourly").bands
    assert [(one.up_to, one.color, one.name_vi) for one in bands] == [
        (50, "#00E400", "Tốt"),
        (100, "#FFFF00", "Trung bình"),
        (150, "#FF7E00", "Kém"),
        (200, "#FF0000", "Xấu"),
        (300, "#8F3F97", "Rất xấu"),
        (500, "#7E0023", "Nguy hại"),
    ]


def test_only_the_plans_own_figures_are_cited_from_it(catalogue: Catalogue) -> None:
    cited = {one.code: one.value for one in catalogue.targets if one.basis is Basis.CITED and one.cite}
    assert cited == {"disbursed-share-2024": 95, "hamlets-4g": 100, "households-fibre": 80}
    general = next(one for one in catalogue.targets if one.code == "disbursed-share-2024")
    assert general.cite is not None
    assert general.cite.verification is Verification.GENERAL_KNOWLEDGE


def test_a_linear_target_grows_to_its_value_at_the_years_end(catalogue: Catalogue) -> None:
    target = next(one for one in catalogue.targets if one.code == "disbursed-share-2026")
    assert target.basis is Basis.OURS
    assert target.value_at(6) == 47.5
    assert target.value_at(12) == 95
    flat = next(one for one in catalogue.targets if one.code == "hamlets-4g")
    assert flat.value_at(1) == 100
