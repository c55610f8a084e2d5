"""The requests say what the catalogue says."""

from __future__ import annotations

from ioc.alerts.v1 import rule_pb2
from ioc.kpi.v1 import indicator_pb2
from ioc.registry.v1 import contract_pb2, source_pb2
from ioc.type.v1 import period_pb2, text_pb2
from ioc_devtools.catalogue import Catalogue
from ioc_devtools.catalogue.to_proto import catalogue_request, indicators_request, rules_request


def test_the_registry_gets_every_entry(catalogue: Catalogue) -> None:
    request = catalogue_request(catalogue)

    assert [one.tenant for one in request.tenants] == ["nghe-an", "vinh", "hoang-mai"]
    assert (len(request.areas), len(request.agencies), len(request.sources)) == (152, 32, 33)
    assert {(one.tenant, one.contract) for one in request.contracts} == {
        ("nghe-an", "air-quality"),
        ("nghe-an", "public-investment"),
        ("vinh", "air-quality"),
        ("hoang-mai", "air-quality"),
    }


def test_areas_carry_both_sides_of_a_succession(catalogue: Catalogue) -> None:
    areas = {one.code: one for one in catalogue_request(catalogue).areas}

    assert list(areas["413"].successors) == ["412"]
    assert list(areas["412"].predecessors) == ["413"]
    assert list(areas["16732"].predecessors) == ["412"]
    assert areas["412"].valid_to == areas["16732"].valid_from == "2025-07-01"
    assert areas["16681"].name.vi == "Phường Thành Vinh"
    assert areas["16681"].centre_lon == 105.66189
    assert not areas["412"].HasField("centre_lon")
    assert areas["412"].population == 339114


def test_an_agency_ends_on_the_day_of_its_unverified_succession(catalogue: Catalogue) -> None:
    agencies = {one.code: one for one in catalogue_request(catalogue).agencies}

    media = agencies["SO-TTTT"]
    assert (media.succeeded_by, media.succeeded_on, media.valid_to) == ("SO-KHCN", "2025-03-01", "2025-03-01")
    assert not media.is_verified
    assert agencies["SO-BAN-NGANH"].is_group


def test_sources_carry_readiness_by_the_steps_of_their_phase(catalogue: Catalogue) -> None:
    sources = {one.code: one for one in catalogue_request(catalogue).sources}

    assert [one.code for one in sources["budget"].readiness.steps] == [
        "consolidate",
        "make-smart",
        "model-kpi",
        "connect",
    ]
    assert not sources["budget"].readiness.is_connected
    states = {one.code: one.state for one in sources["air-quality"].readiness.steps}
    assert states == {
        "registered": source_pb2.STEP_STATE_DONE,
        "assessed": source_pb2.STEP_STATE_NOT_STARTED,
        "connected": source_pb2.STEP_STATE_DONE,
        "live": source_pb2.STEP_STATE_NOT_STARTED,
    }
    assert sources["health-operations"].privacy == "aggregates only; cells below 5 suppressed"
    assert sources["official-email"].period_from == 0
    assert not sources["official-email"].is_verified
    assert sources["budget"].period_outlook == 2030


def test_contracts_carry_what_the_doors_check(catalogue: Catalogue) -> None:
    contracts = {(one.tenant, one.contract): one for one in catalogue_request(catalogue).contracts}
    air = contracts["nghe-an", "air-quality"]

    assert air.mode == contract_pb2.CONTRACT_MODE_ENFORCE
    assert air.period_kind == period_pb2.PERIOD_KIND_INSTANT
    assert (air.cadence.seconds, air.allowed_lateness.seconds, air.clock_skew.seconds) == (60, 72 * 3600, 300)
    assert [(one.thing, one.device_id, one.area) for one in air.things] == [
        ("aq-vinh-01", "aq-vinh-01", "16681"),
        ("aq-vinh-02", "aq-vinh-02", "16690"),
        ("aq-vinh-03", "aq-vinh-03", "16702"),
    ]
    pm25 = air.measures[0]
    assert (pm25.measure, pm25.unit, pm25.minimum, pm25.maximum) == ("pm25_ugm3", "ug/m3", 0, 1000)
    assert [one.device_id for one in contracts["vinh", "air-quality"].things] == ["", ""]


def test_a_file_contract_names_columns_and_constants(catalogue: Catalogue) -> None:
    contracts = {(one.tenant, one.contract): one for one in catalogue_request(catalogue).contracts}
    money = contracts["nghe-an", "public-investment"]

    assert dict(money.columns) == {
        "REF_AREA": "area",
        "OWNER": "OWNER",
        "INDICATOR": "measure",
        "TIME_PERIOD": "time",
        "OBS_VALUE": "value",
        "UNIT_MEASURE": "unit",
    }
    assert dict(money.constants) == {
        "STRUCTURE": "dataflow",
        "STRUCTURE_ID": "NGHEAN:PUBLIC_INVESTMENT(1.0)",
        "FREQ": "M",
    }
    assert money.period_kind == period_pb2.PERIOD_KIND_MONTH
    assert list(money.areas) == ["40"]
    assert "SO-GTVT" in money.dimensions[0].codes


def test_kpi_gets_sets_with_their_instruments_and_empty_slots(catalogue: Catalogue) -> None:
    request = indicators_request(catalogue)

    sets = {one.code: one for one in request.sets}
    assert set(sets) == {"VN-AQI", "KH-655", "VN-3098", "TT-03-2026"}
    assert sets["VN-AQI"].citation.instrument == "QD-1459"
    assert sets["VN-AQI"].citation.issued_on == "2019-11-12"
    assert sets["VN-3098"].note
    assert {one.set for one in request.indicators} == {"VN-AQI", "KH-655"}


def test_indicators_carry_formula_inputs_and_bands(catalogue: Catalogue) -> None:
    indicators = {one.code: one for one in indicators_request(catalogue).indicators}
    aqi = indicators["vn_aqi_hourly"]

    assert aqi.formula == "builtin:vn_aqi_hourly"
    assert {one.name: (one.periods, one.is_required) for one in aqi.inputs} == {
        "pm25": (12, False),
        "pm10": (12, False),
        "no2": (1, False),
        "so2": (1, False),
        "co": (1, False),
        "o3": (1, False),
    }
    assert aqi.unit == ""
    assert aqi.subject == indicator_pb2.SUBJECT_THING
    assert [one.upper for one in aqi.bands] == [50, 100, 150, 200, 300, 500]
    share = indicators["disbursed_share"]
    assert share.formula == "disbursed / plan * 100.0"
    assert (share.subject, share.dimension) == (indicator_pb2.SUBJECT_DIMENSION, "OWNER")
    assert all(one.aggregate == indicator_pb2.AGGREGATE_SUM and one.is_required for one in share.inputs)


def test_targets_keep_basis_path_and_mark(catalogue: Catalogue) -> None:
    targets = {one.target_id: one for one in indicators_request(catalogue).targets}

    cited, awaited, ours = (targets[f"disbursed-share-{year}"] for year in (2024, 2025, 2026))
    assert cited.citation.verification == text_pb2.VERIFICATION_GENERAL_KNOWLEDGE
    assert cited.basis == indicator_pb2.TARGET_BASIS_CITED
    assert not awaited.HasField("value")
    assert awaited.awaited_from == "SO-TC"
    assert (ours.value, ours.warning_margin, ours.path) == (95, 10, indicator_pb2.TARGET_PATH_LINEAR_IN_YEAR)
    assert (ours.basis, ours.valid_from, ours.valid_to) == (
        indicator_pb2.TARGET_BASIS_OURS,
        "2026-01-01",
        "2027-01-01",
    )
    assert not ours.HasField("citation")
    assert "national average" in targets["hamlets-fibre"].note


def test_rules_carry_thresholds_with_hysteresis(catalogue: Catalogue) -> None:
    rules = {one.rule: one for one in rules_request(catalogue).rules}

    air = rules["vn-aqi-above-150"]
    assert (air.kind, air.set, air.code) == (rule_pb2.RULE_KIND_INDICATOR_THRESHOLD, "VN-AQI", "vn_aqi_hourly")
    assert (air.side, air.raise_threshold, air.resolve_threshold) == (rule_pb2.THRESHOLD_SIDE_ABOVE, 150, 140)
    minute = rules["pm25-minute-above"]
    assert (minute.source, minute.measure, minute.raise_threshold) == ("air-quality", "pm25_ugm3", 250)
    assert (minute.set, minute.code) == ("", "")
    assert minute.is_enabled
    behind = rules["disbursement-behind-target"]
    assert behind.kind == rule_pb2.RULE_KIND_INDICATOR_BEHIND_TARGET
    assert not behind.HasField("raise_threshold")
    assert "working default" in behind.note
