"""What a statistics file may get wrong: refused whole in one sentence, or row by row with column and remedy."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

SOURCE = "public-investment"
HEADER = "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,REF_AREA,OWNER,INDICATOR,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE"
OWNER, PLAN_KEY = "UBND-HOANGMAI", f"{SOURCE}/investment_plan_vnd/40/OWNER=UBND-HOANGMAI"
"""An owner that no other test writes to."""


def _row(period: str, value: str, *, area: str = "40", owner: str = OWNER, unit: str = "VND", action: str = "R") -> str:
    flow = f"dataflow,NGHEAN:PUBLIC_INVESTMENT(1.0),{action}"
    return f"{flow},M,{area},{owner},investment_plan_vnd,{period},{value},{unit}"


def _file(*rows: str) -> bytes:
    return "\r\n".join((HEADER, *rows)).encode()


def _zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("giai-ngan.csv", b"0" * 20_000_000)
    return packed.getvalue()


WHOLE = {
    "a wrong header": _file(_row("2024-01", "1")).replace(b"OBS_VALUE", b"GIA_TRI"),
    "semicolons": _file(_row("2024-01", "1")).replace(b",", b";"),
    "Windows-1258": _file(_row("2024-01", "1")) + "\r\nGhi chú: số liệu".encode("cp1258", "replace"),
    "UTF-16": _file(_row("2024-01", "1")).decode().encode("utf-16"),
    "a zip bomb": _zip_bomb(),
    "a gzip bomb": gzip.compress(b"0" * 20_000_000),
    "nothing": b"",
    "NUL": _file(_row("2024-01", "1\x00")),
}
ROWS = {
    "a decimal comma": (_row("2024-02", '"1,5"'), "value-not-readable", "OBS_VALUE"),
    "a merged area": (_row("2024-02", "1", area="412"), "area-unknown", "REF_AREA"),
    "a wrong unit": (_row("2024-02", "1", unit="USD"), "unit-wrong", "UNIT_MEASURE"),
    "an absurd value": (_row("2024-02", "-1"), "value-out-of-range", "OBS_VALUE"),
    "a month to come": (_row("2099-01", "1"), "time-in-future", "TIME_PERIOD"),
    "a deletion": (_row("2024-02", "1", action="D"), "action-unsupported", "ACTION"),
    "SQL": (_row("2024-02", "1", owner="'; DROP TABLE ingest.observation; --"), "code-unknown", "OWNER"),
    "control characters": (_row("2024-02", "1", owner="SO\x07-\x1b[31m"), "code-unknown", "OWNER"),
    "a cell too many": (_row("2024-02", "1") + ",x", "column-missing", ""),
}


@pytest.fixture
def upload(api: Callable[..., Any]) -> Callable[..., Any]:
    """Gives `await upload(content, filename=...)`: the answer to a file of the Department of Planning."""

    async def send(content: bytes, login: str = "so.khdt", source: str = SOURCE, **query: str) -> Any:
        return await api(login).post(
            f"/api/v1/sources/{source}/files", params=query, content=content, headers={"Content-Type": "text/csv"}
        )

    return send


@pytest.fixture
def plan(items: Callable[..., Any]) -> Callable[..., Any]:
    """Gives `await plan("2024-01")`: what the ledger has of the month."""

    async def read(month: str) -> list[dict[str, Any]]:
        window = {"from": f"{month}-01T00:00:00+07:00", "to": f"{month}-02T00:00:00+07:00"}
        return list(await items("so.khdt", "/observations", series_key=PLAN_KEY, revisions="true", **window))

    return read


@pytest.mark.parametrize("case", WHOLE)
async def test_a_file_that_cannot_be_read_is_refused_whole(
    case: str, upload: Callable[..., Any], refused: Callable[..., Any], plan: Callable[..., Any]
) -> None:
    problem = refused(await upload(WHOLE[case]), 400, "FILE_UNREADABLE")
    (error,) = problem["errors"]
    assert error["field"]
    assert error["description"]
    # The row before the fault is good: half a file is nothing.
    assert not await plan("2024-01")


@pytest.mark.parametrize("case", ROWS)
async def test_a_bad_row_is_set_aside_and_the_good_one_counts(
    case: str,
    upload: Callable[..., Any],
    plan: Callable[..., Any],
    eventually: Callable[..., Any],
    quarantined: Callable[..., Any],
) -> None:
    row, rule, column = ROWS[case]
    number = list(ROWS).index(case)
    value, name = float(1000 + number), f"case-{number}.csv"
    answer = await upload(_file(_row("2024-04", f"{value:g}"), row), filename=name)
    assert answer.status_code == 200, answer.text
    receipt = answer.json()["receipt"]
    assert [receipt[key] for key in ("received", "accepted", "quarantined")] == [2, 1, 1]
    (problem,) = answer.json()["problems"]
    assert (problem["row"], problem["column"], problem["rule"]) == (3, column, rule)
    assert problem["remedy_vi"]
    assert str(problem).isprintable()
    kept = await quarantined(name, rule, "dataflow")
    assert (kept["row"], kept["door"]) == (3, "file")

    async def is_stored() -> bool:
        found = await plan("2024-04")
        return bool(found) and found[-1]["value"] == value

    await eventually(is_stored, 10)
    assert not await plan("2024-02")


async def test_a_key_that_stands_twice_with_other_values_is_not_guessed_at(
    upload: Callable[..., Any], plan: Callable[..., Any]
) -> None:
    answer = await upload(_file(_row("2024-05", "1"), _row("2024-05", "2"), _row("2024-06", "3")), filename="twice.csv")
    assert [answer.json()["receipt"][key] for key in ("accepted", "quarantined")] == [1, 2]
    assert {(each["row"], each["rule"]) for each in answer.json()["problems"]} == {
        (2, "duplicate-key"),
        (3, "duplicate-key"),
    }
    assert not await plan("2024-05")


async def test_a_byte_order_mark_does_no_harm(
    upload: Callable[..., Any], plan: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    answer = await upload(codecs.BOM_UTF8 + _file(_row("2024-07", "7")), filename="bom.csv")
    assert (answer.json()["receipt"]["accepted"], answer.json()["problems"]) == (1, [])
    assert (await eventually(lambda: plan("2024-07"), 10))[0]["value"] == 7


async def test_who_may_not_send_the_file_is_told_so(upload: Callable[..., Any], refused: Callable[..., Any]) -> None:
    content = _file(_row("2024-08", "1"))
    refused(await upload(content, login="truc.ban"), 403, "METHOD_REFUSED")
    refused(await upload(content, source="no-such-source"), 404, "SOURCE_UNKNOWN")
    refused(await upload(content, login="vinh.quan.tri"), 404, "SOURCE_UNKNOWN")
