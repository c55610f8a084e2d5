import io
import tracemalloc
import zipfile
from dataclasses import replace

import pandas
import pytest
from pysdmx.io.csv.sdmx20.writer import write
from pysdmx.io.pd import PandasDataset
from pysdmx.model import Component, Components, Concept, Role, Schema

from ioc_ingest.domain.contract import Contract, Dimension, Measure, PeriodKind
from ioc_ingest.domain.errors import FileUnreadable
from ioc_ingest.domain.refusal import Rule
from ioc_ingest.protocols.sdmx_csv import parse

HEADER = (
    "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,REF_AREA,OWNER,INDICATOR,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE,OBS_STATUS,NOTE"
)
FLOW = "NGHEAN:PUBLIC_INVESTMENT(1.0)"
CONTRACT = Contract(
    "public-investment",
    1,
    "nghe-an",
    "public-investment",
    (Measure("disbursed_vnd", "VND", 0, 1e15), Measure("investment_plan_vnd", "VND", 0, 1e15)),
    areas=("40",),
    dimensions=(Dimension("OWNER", ("SO-GTVT", "SO-YTE")),),
    period_kind=PeriodKind.MONTH,
    columns={
        "REF_AREA": "area",
        "OWNER": "OWNER",
        "INDICATOR": "measure",
        "TIME_PERIOD": "time",
        "OBS_VALUE": "value",
        "UNIT_MEASURE": "unit",
        "OBS_STATUS": "quality",
    },
    constants={"STRUCTURE": "dataflow", "STRUCTURE_ID": FLOW, "FREQ": "M"},
)
NOVEMBER_US = 1_793_466_000_000_000  # 2026-11-01 00:00 in Viet Nam


def a_row(**changes):
    cells = {
        "STRUCTURE": "dataflow",
        "STRUCTURE_ID": FLOW,
        "ACTION": "I",
        "FREQ": "M",
        "REF_AREA": "40",
        "OWNER": "SO-GTVT",
        "INDICATOR": "disbursed_vnd",
        "TIME_PERIOD": "2026-11",
        "OBS_VALUE": "1500000000",
        "UNIT_MEASURE": "VND",
        "OBS_STATUS": "A",
        "NOTE": "",
    }
    return ",".join((cells | changes).values())


def read(*rows, header=HEADER, contract=CONTRACT, end="\n"):
    text = end.join((header, *rows)) + end
    return parse(io.BytesIO(text.encode()), [contract])


def rules(delivery):
    return [(refusal.row, refusal.rule, refusal.field) for refusal in sorted(delivery.refusals, key=lambda r: r.row)]


def test_good_rows_become_columns_on_the_series_of_the_contract():
    delivery = read(a_row(), a_row(OWNER="SO-YTE", OBS_VALUE="2.5e9", OBS_STATUS="P"), a_row(TIME_PERIOD="2026-10"))
    columns = delivery.columns
    assert columns.series_keys == (
        "public-investment/disbursed_vnd/40/OWNER=SO-GTVT",
        "public-investment/disbursed_vnd/40/OWNER=SO-YTE",
    )
    assert columns.value.tolist() == [1.5e9, 2.5e9, 1.5e9]
    assert columns.quality.tolist() == [1, 4, 1]
    assert columns.time_us[0] == NOVEMBER_US
    assert delivery.refusals == ()


@pytest.mark.parametrize(
    ("change", "rule", "column"),
    [
        ({"OBS_VALUE": '"12,5"'}, Rule.VALUE_NOT_READABLE, "OBS_VALUE"),
        ({"OBS_VALUE": "12,5"}, Rule.COLUMN_MISSING, ""),
        ({"OBS_VALUE": "1.500.000"}, Rule.VALUE_NOT_READABLE, "OBS_VALUE"),
        ({"OBS_VALUE": ""}, Rule.VALUE_NOT_READABLE, "OBS_VALUE"),
        ({"OBS_VALUE": "NaN"}, Rule.VALUE_NOT_READABLE, "OBS_VALUE"),
        ({"OBS_VALUE": "0x10"}, Rule.VALUE_NOT_READABLE, "OBS_VALUE"),
        ({"REF_AREA": "412"}, Rule.AREA_UNKNOWN, "REF_AREA"),
        ({"REF_AREA": ""}, Rule.AREA_UNKNOWN, "REF_AREA"),
        ({"OWNER": "SO-TTTT"}, Rule.CODE_UNKNOWN, "OWNER"),
        ({"OWNER": "'; DROP TABLE observation; --"}, Rule.CODE_UNKNOWN, "OWNER"),
        ({"INDICATOR": "gdp"}, Rule.MEASURE_UNKNOWN, "INDICATOR"),
        ({"UNIT_MEASURE": "USD"}, Rule.UNIT_WRONG, "UNIT_MEASURE"),
        ({"TIME_PERIOD": "2026-13"}, Rule.TIME_NOT_READABLE, "TIME_PERIOD"),
        ({"TIME_PERIOD": "11/2026"}, Rule.TIME_NOT_READABLE, "TIME_PERIOD"),
        ({"TIME_PERIOD": "2026"}, Rule.TIME_NOT_READABLE, "TIME_PERIOD"),
        ({"TIME_PERIOD": "2026-Q4"}, Rule.TIME_NOT_READABLE, "TIME_PERIOD"),
        ({"FREQ": "Q"}, Rule.CONSTANT_WRONG, "FREQ"),
        ({"STRUCTURE_ID": "OTHER:FLOW(1.0)"}, Rule.CONSTANT_WRONG, "STRUCTURE_ID"),
        ({"ACTION": "D"}, Rule.ACTION_UNSUPPORTED, "ACTION"),
        ({"OBS_STATUS": "Z"}, Rule.CODE_UNKNOWN, "OBS_STATUS"),
    ],
)
def test_a_bad_row_is_refused_with_line_column_reason_remedy_and_the_good_rows_count(change, rule, column):
    bad = a_row(**change)
    delivery = read(a_row(), bad, a_row(OWNER="SO-YTE"))
    assert rules(delivery) == [(3, rule, column)]
    assert len(delivery.columns) == 2
    refusal = delivery.refusals[0]
    assert refusal.original == bad
    for text in (refusal.reason, refusal.remedy):
        assert text.vi
        assert text.en
        assert "?" not in text.vi + text.en


def test_lines_keep_their_numbers_after_rows_of_the_wrong_length_and_empty_ones():
    delivery = read(
        a_row(), "too,short", "", a_row(OWNER="X"), a_row() + ",extra", a_row(OWNER="SO-YTE", OBS_VALUE="x")
    )
    assert rules(delivery) == [
        (3, Rule.COLUMN_MISSING, ""),
        (5, Rule.CODE_UNKNOWN, "OWNER"),
        (6, Rule.COLUMN_MISSING, ""),
        (7, Rule.VALUE_NOT_READABLE, "OBS_VALUE"),
    ]
    located = delivery.place(0)
    assert (located.row, located.original) == (2, a_row())


def test_line_numbers_hold_over_many_blocks():
    rows = [a_row(TIME_PERIOD="2026-11", NOTE="x" * 200, OBS_VALUE=str(n)) for n in range(30_000)]
    rows[20_000] = "broken"
    rows[29_999] = a_row(OWNER="WHO")
    delivery = read(*rows)
    found = [item for item in rules(delivery) if item[1] is not Rule.DUPLICATE_KEY]
    assert found == [(20_002, Rule.COLUMN_MISSING, ""), (30_001, Rule.CODE_UNKNOWN, "OWNER")]


def test_a_key_that_stands_twice_with_other_values_is_refused_wholly():
    delivery = read(a_row(), a_row(OWNER="SO-YTE"), a_row(OBS_VALUE="7"))
    assert rules(delivery) == [(2, Rule.DUPLICATE_KEY, ""), (4, Rule.DUPLICATE_KEY, "")]
    assert [refusal.facts["first"] for refusal in delivery.refusals] == ["4", "2"]
    assert len(delivery.columns) == 1


def test_a_key_that_stands_twice_with_the_same_value_is_kept_once():
    delivery = read(a_row(), a_row())
    assert rules(delivery) == [(3, Rule.DUPLICATE_KEY, "")]
    assert delivery.columns.value.tolist() == [1.5e9]


def test_byte_order_mark_crlf_and_labels_in_the_header_do_no_harm():
    header = "\ufeff" + HEADER.replace("REF_AREA", "REF_AREA:Địa bàn")
    delivery = read(a_row(), header=header, end="\r\n")
    assert len(delivery.columns) == 1
    assert delivery.place(0).original == a_row()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEADER.replace(",", ";").encode() + b"\n", "separated by a semicolon"),
        (HEADER.replace(",", "\t").encode() + b"\n", "separated by a tab"),
        (b"REF_AREA,OBS_VALUE\n40,1\n", "must begin with STRUCTURE,STRUCTURE_ID,ACTION"),
        (HEADER.replace("OWNER,", "").encode() + b"\n", "lacks OWNER"),
        (HEADER.replace("NOTE", "OWNER").encode() + b"\n", "names OWNER twice"),
        ((HEADER + "\n" + a_row(NOTE="Giải ngân")).encode("utf-16"), "UTF-16"),
        (
            (HEADER + "\n" + a_row(NOTE="Đã nộp")).encode("cp1258", "replace"),
            "line 2 is not UTF-8, it looks like Windows",
        ),
        (b"PK\x03\x04" + b"\x00" * 100, "packed (zip"),
        (b"\x1f\x8b\x08\x00", "packed (gzip)"),
        (HEADER.encode() + b"\n" + b"\x00", "NUL"),
        (HEADER.encode() + b"\n" + b"x" * 70_000, "more than 65536 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_refused_in_one_sentence(content, said):
    with pytest.raises(FileUnreadable) as caught:
        parse(io.BytesIO(content), [CONTRACT])
    assert said in caught.value.message


def test_a_zip_bomb_is_never_unpacked():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", b"0" * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(FileUnreadable):
            parse(packed, [CONTRACT])
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_an_empty_file_with_a_header_holds_nothing():
    delivery = read()
    assert (len(delivery.columns), delivery.refusals) == (0, ())


def test_a_contract_with_one_measure_and_one_area_needs_no_columns_for_them():
    single = replace(
        CONTRACT,
        measures=CONTRACT.measures[:1],
        dimensions=(),
        columns={"TIME_PERIOD": "time", "OBS_VALUE": "value"},
        constants={},
    )
    delivery = read(
        "dataflow,X,I,2026-11,5", header="STRUCTURE,STRUCTURE_ID,ACTION,TIME_PERIOD,OBS_VALUE", contract=single
    )
    assert delivery.columns.series_keys == ("public-investment/disbursed_vnd/40",)


def test_a_file_that_pysdmx_wrote_is_read():
    frame = pandas.DataFrame(
        [
            {
                "FREQ": "M",
                "REF_AREA": "40",
                "OWNER": "SO-GTVT",
                "INDICATOR": "disbursed_vnd",
                "TIME_PERIOD": "2026-11",
                "OBS_VALUE": 1.5e9,
                "UNIT_MEASURE": "VND",
                "OBS_STATUS": "A",
            }
        ]
    )
    dimensions = ("FREQ", "REF_AREA", "OWNER", "INDICATOR", "TIME_PERIOD")
    components = Components(
        [
            Component(
                name,
                required=True,
                role=Role.DIMENSION if name in dimensions else Role.MEASURE if name == "OBS_VALUE" else Role.ATTRIBUTE,
                concept=Concept(name),
                attachment_level="O" if name in ("UNIT_MEASURE", "OBS_STATUS") else None,
            )
            for name in frame.columns
        ]
    )
    schema = Schema("dataflow", "NGHEAN", "PUBLIC_INVESTMENT", components, "1.0")
    text = write([PandasDataset(structure=schema, data=frame)])
    delivery = parse(io.BytesIO(text.encode()), [CONTRACT])
    assert delivery.refusals == ()
    assert delivery.columns.value.tolist() == [1.5e9]
