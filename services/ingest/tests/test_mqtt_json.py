import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc_ingest.domain.contract import Contract, Measure, Thing
from ioc_ingest.domain.refusal import MAX_ORIGINAL, Rule
from ioc_ingest.protocols.mqtt_json import MAX_PAYLOAD_BYTES, Binding, parse, refuse_unbound

CONTRACT = Contract(
    "air-quality",
    1,
    "vinh",
    "air-quality",
    (Measure("pm25_ugm3", "ug/m3", 0, 1000), Measure("temperature_c", "Cel", -10, 60)),
    things=(Thing("st-1", "16681", "aq-1"),),
)
BINDING = Binding("aq-1", "vinh", CONTRACT, CONTRACT.things[0])
AT = "2026-11-23T08:00:00+07:00"
AT_US = 1_795_395_600_000_000


def parsed(document):
    return parse(document if isinstance(document, bytes) else json.dumps(document).encode(), BINDING)


def rules(delivery):
    return [(refusal.rule, refusal.field) for refusal in delivery.refusals]


def test_a_reading_becomes_one_row_a_measure_on_the_series_that_the_contract_binds():
    delivery = parsed({"at": AT, "values": {"pm25_ugm3": 31.2, "temperature_c": 28}, "units": {"pm25_ugm3": "ug/m3"}})
    columns = delivery.columns
    assert columns.series_keys == ("air-quality/pm25_ugm3/16681/st-1", "air-quality/temperature_c/16681/st-1")
    assert (columns.value.tolist(), set(columns.time_us.tolist())) == ([31.2, 28.0], {AT_US})
    assert delivery.refusals == ()


def test_a_list_of_readings_is_taken_and_its_bad_ones_do_not_harm_the_good():
    delivery = parsed(
        [
            {"at": AT, "values": {"pm25_ugm3": 1}},
            {"at": "08:00", "values": {"pm25_ugm3": 2}},
            "nonsense",
            {"at": "2026-11-23T01:01:00Z", "values": {"pm25_ugm3": 3, "ozone": 4}},
        ]
    )
    assert delivery.columns.value.tolist() == [1.0, 3.0]
    assert rules(delivery) == [
        (Rule.TIME_NOT_READABLE, "at"),
        (Rule.NOT_READABLE, "values"),
        (Rule.MEASURE_UNKNOWN, "values.ozone"),
    ]


@pytest.mark.parametrize(
    ("document", "rule", "field"),
    [
        (b"not json", Rule.NOT_READABLE, "payload"),
        (b"\xff\xfe\x00", Rule.NOT_READABLE, "payload"),
        (b"", Rule.NOT_READABLE, "payload"),
        (b"[" * 100_000, Rule.NOT_READABLE, "payload"),
        (b"[]", Rule.NOT_READABLE, "payload"),
        (b"null", Rule.NOT_READABLE, "values"),
        ({"at": AT}, Rule.NOT_READABLE, "values"),
        ({"at": AT, "values": {}}, Rule.NOT_READABLE, "values"),
        ({"values": {"pm25_ugm3": 1}}, Rule.TIME_NOT_READABLE, "at"),
        ({"at": 1_795_395_600, "values": {"pm25_ugm3": 1}}, Rule.TIME_NOT_READABLE, "at"),
        ({"at": "2026-11-23T08:00:00", "values": {"pm25_ugm3": 1}}, Rule.TIME_NOT_READABLE, "at"),
        ({"at": "2026-02-30T08:00:00Z", "values": {"pm25_ugm3": 1}}, Rule.TIME_NOT_READABLE, "at"),
        ({"at": AT, "values": {"pm25_ugm3": "31.2"}}, Rule.VALUE_NOT_READABLE, "values.pm25_ugm3"),
        ({"at": AT, "values": {"pm25_ugm3": True}}, Rule.VALUE_NOT_READABLE, "values.pm25_ugm3"),
        ({"at": AT, "values": {"pm25_ugm3": None}}, Rule.VALUE_NOT_READABLE, "values.pm25_ugm3"),
        ({"at": AT, "values": {"pm25_ugm3": 1}, "units": {"pm25_ugm3": "mg/m3"}}, Rule.UNIT_WRONG, "units.pm25_ugm3"),
        ({"at": AT, "values": {"pm25_ugm3": 1}, "units": "mg/m3"}, Rule.UNIT_WRONG, "units.pm25_ugm3"),
        (b" " * (MAX_PAYLOAD_BYTES + 1), Rule.PAYLOAD_TOO_LARGE, "payload"),
    ],
)
def test_a_bad_payload_is_one_refusal_with_field_reason_and_remedy(document, rule, field):
    delivery = parsed(document)
    assert len(delivery.columns) == 0
    assert rules(delivery) == [(rule, field)]
    refusal = delivery.refusals[0]
    assert "?" not in refusal.reason.vi + refusal.remedy.vi + refusal.reason.en + refusal.remedy.en
    assert len(refusal.original) <= MAX_ORIGINAL


def test_numbers_that_no_float_holds_reach_the_contract_as_infinite():
    values = parsed(b'{"at": "%s", "values": {"pm25_ugm3": %s}}' % (AT.encode(), b"9" * 500)).columns.value
    assert values.tolist() == [float("inf")]
    assert parsed(b'{"at": "%s", "values": {"pm25_ugm3": 1e999}}' % AT.encode()).columns.value.tolist() == [
        float("inf")
    ]


def test_what_is_kept_of_a_payload_holds_no_control_characters():
    refusal = parsed(b"\x00\x1b[31m'; DROP TABLE observation; --").refusals[0]
    assert refusal.original.isprintable()
    assert "DROP TABLE" in refusal.original


def test_a_measure_with_control_characters_is_named_with_escapes():
    refusal = parsed(json.dumps({"at": AT, "values": {"a\x00\x1b[31m": 1.0}}).encode()).refusals[0]
    assert (refusal.rule, refusal.field) == (Rule.MEASURE_UNKNOWN, "values.a\\x00\\x1b[31m")


def test_a_device_that_no_contract_binds_is_refused_whole():
    assert rules(refuse_unbound(b"{}", "aq-9")) == [(Rule.DEVICE_NOT_BOUND, "topic")]


@given(st.binary(max_size=200))
def test_no_payload_at_all_makes_the_parser_fail(payload):
    delivery = parse(payload, BINDING)
    assert len(delivery.columns) + len(delivery.refusals) > 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"at": JSON | st.just(AT), "values": JSON, "units": JSON}))
def test_no_json_at_all_makes_the_parser_fail(document):
    delivery = parsed(document)
    for refusal in delivery.refusals:
        assert refusal.reason.vi
        assert "\x00" not in refusal.original + refusal.field + refusal.reason.en
