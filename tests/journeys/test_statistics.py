"""Journey 2: a department's figures become an indicator held against its target, a warning, and revisions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pysdmx.io import write_sdmx
from pysdmx.io.format import Format
from pysdmx.io.pd import PandasDataset
from pysdmx.model import Component, Components, Concept, Role, Schema
from pysdmx.model.dataset import ActionType

SOURCE, RULE = "public-investment", "disbursement-behind-target"
BILLION = 1_000_000_000
OWNERS = ("SO-XD", "SO-YTE", "SO-GDDT", "SO-NNMT", "CA-TINH", "DIA-PHUONG")
_TODAY = datetime.now(timezone(timedelta(hours=7)))
_NEWEST = _TODAY - timedelta(days=31) if _TODAY.month == 1 else _TODAY
"""A day of the newest month that can be behind: in January a straight way to 95 % asks for less than the margin."""
YEAR, MONTH = _NEWEST.year, _NEWEST.month
EXPECTED = 95 * MONTH / 12
MARGIN = 10
ON_TARGET, BEHIND, FAR_BEHIND = (min(EXPECTED + 3, 99) / 100, (EXPECTED - MARGIN - 3) / 100, EXPECTED / 400)
COLUMNS = {
    **dict.fromkeys(("FREQ", "REF_AREA", "OWNER", "INDICATOR", "TIME_PERIOD"), Role.DIMENSION),
    "OBS_VALUE": Role.MEASURE,
    "UNIT_MEASURE": Role.ATTRIBUTE,
}
SCHEMA = Schema(
    context="dataflow",
    agency="NGHEAN",
    id="PUBLIC_INVESTMENT",
    version="1.0",
    components=Components(
        Component(
            id=name,
            required=True,
            role=role,
            concept=Concept(name),
            attachment_level="O" if role is Role.ATTRIBUTE else None,
        )
        for name, role in COLUMNS.items()
    ),
)
Upload = Callable[..., Awaitable[dict[str, Any]]]


def _file(folder: Path, shares: dict[str, float], *, change: float = 0.0) -> bytes:
    """An SDMX-CSV 2.0 file of the year's months by pysdmx: every owner plans 1,000 billion VND and spends evenly."""
    rows = []
    for month in range(1, MONTH + 1):
        for owner in OWNERS:
            disbursed = shares[owner] * month / MONTH * 1000 * BILLION
            if month == MONTH and owner == OWNERS[0]:
                disbursed += change
            for measure, value in (("investment_plan_vnd", 1000 * BILLION), ("disbursed_vnd", round(disbursed))):
                row = ("M", "40", owner, measure, f"{YEAR}-{month:02d}", str(value), "VND")
                rows.append(row)
    data = pd.DataFrame(rows, columns=list(COLUMNS))
    dataset = PandasDataset(structure=SCHEMA, data=data, action=ActionType.Replace)
    path = folder / "giai-ngan.csv"
    write_sdmx(dataset, Format.DATA_SDMX_CSV_2_0_0, output_path=path)
    return path.read_bytes()


@pytest.fixture
def upload(api: Callable[..., Any]) -> Upload:
    """Gives `await upload(content, filename=..., reason=...)`: the receipt of a file of the Department of Planning."""

    async def send(content: bytes, **query: str) -> dict[str, Any]:
        answer = await api("so.khdt").post(
            f"/api/v1/sources/{SOURCE}/files", params=query, content=content, headers={"Content-Type": "text/csv"}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    return send


async def test_figures_become_a_share_a_warning_and_a_revision(
    tmp_path: Path,
    upload: Upload,
    api: Callable[..., Any],
    items: Callable[..., Any],
    eventually: Callable[..., Any],
) -> None:
    async def share(owner: str = "") -> dict[str, Any] | None:
        start = f"{YEAR}-{MONTH:02d}-01T00:00:00+07:00"
        values = await items("phan.tich", "/indicators/KH-655/disbursed_share/values", **{"from": start})
        return next((value for value in values if value["dimension_code"] == owner), None)

    async def has_share(wanted: float, owner: str = "") -> dict[str, Any] | None:
        value = await share(owner)
        is_there = value is not None and value["value"] is not None and abs(value["value"] - wanted) < 0.005
        return value if is_there else None

    async def standing() -> list[dict[str, Any]]:
        return list(await items("phan.tich", "/alerts", rule=RULE, state=["open", "acknowledged"]))

    async def nothing_stands() -> bool:
        return not await standing()

    behind = {**dict.fromkeys(OWNERS, BEHIND), "DIA-PHUONG": FAR_BEHIND}
    total = 100 * sum(behind.values()) / len(OWNERS)
    assert total < EXPECTED - MARGIN

    # On target first: whatever another test has left, no warning stands.
    await upload(_file(tmp_path, dict.fromkeys(OWNERS, ON_TARGET)), filename="dau-ky.csv")
    met = await eventually(lambda: has_share(100 * ON_TARGET), 20)
    assert met["status"] == "good"
    await eventually(nothing_stands, 20)

    # The month's file: plan and disbursed by month and owner.
    content = _file(tmp_path, behind)
    taken = await upload(content, filename="giai-ngan.csv")
    assert (taken["receipt"]["received"], taken["receipt"]["quarantined"]) == (MONTH * len(OWNERS) * 2, 0)
    value = await eventually(lambda: has_share(total), 20)
    assert value["status"] == "bad"
    comparison = value["comparison"]
    assert (comparison["expected"], comparison["target"]) == (pytest.approx(EXPECTED), 95)
    assert comparison["difference"] == pytest.approx(value["value"] - EXPECTED)
    await eventually(lambda: has_share(100 * FAR_BEHIND, "DIA-PHUONG"), 20)

    # The warning, once, and what it rests on: target with its basis and days, citation, each input.
    (alert,) = await eventually(standing, 20)
    assert (alert["severity"], alert["area"], alert["value_id"]) == ("warning", "40", value["value_id"])
    assert alert["threshold"] == pytest.approx(EXPECTED)
    told = (await api("phan.tich").get(f"/api/v1/indicator-values/{value['value_id']}/explain")).json()
    assert told["citation"]["instrument"] == "KH-655"
    target = told["target"]
    assert (target["basis"], target["valid_from"], target["valid_to"]) == ("ours", f"{YEAR}-01-01", f"{YEAR + 1}-01-01")
    assert {each["name"] for each in told["inputs"]} == {"disbursed", "plan"}
    assert sum(each["count"] for each in told["inputs"]) == 2 * len(OWNERS)

    # The same file twice changes nothing.
    again = await upload(content, filename="giai-ngan.csv")
    assert (again["receipt"]["is_repeat"], again["receipt"]["position"]) == (True, taken["receipt"]["position"])

    # A corrected file is a new revision of what differs, and of nothing else.
    change = 10 * BILLION
    corrected = await upload(
        _file(tmp_path, behind, change=change),
        filename="giai-ngan-dinh-chinh.csv",
        reason="Đính chính theo đối chiếu với Kho bạc",
    )
    assert corrected["receipt"]["is_repeat"] is False
    after = await eventually(lambda: has_share(total + 100 * change / (1000 * BILLION * len(OWNERS))), 20)
    history = await items(
        "phan.tich", "/observations", series_key=f"{SOURCE}/disbursed_vnd/40/OWNER={OWNERS[0]}", revisions="true"
    )
    of_the_year = [each for each in history if each["at"] > f"{YEAR - 1}-12-31T00"]
    newest_at, first_at = of_the_year[-1]["at"], of_the_year[0]["at"]
    newest = [each for each in of_the_year if each["at"] == newest_at]
    assert newest[-1]["value"] - newest[-2]["value"] == change
    assert [each["revision"] for each in newest] == list(range(1, len(newest) + 1))
    january = [each for each in of_the_year if each["at"] == first_at]
    assert january[-1]["position"] <= taken["receipt"]["position"] < newest[-1]["position"]
    known_then = await api("phan.tich").get(f"/api/v1/indicator-values/{value['value_id']}")
    assert (known_then.json()["value"], known_then.json()["known_to"]) == (value["value"], after["known_from"])


async def test_a_bad_row_is_set_aside_with_its_remedy_and_the_good_rows_count(
    upload: Upload, items: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    header = "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,REF_AREA,OWNER,INDICATOR,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE"
    start = "dataflow,NGHEAN:PUBLIC_INVESTMENT(1.0),R,M,40,SO-GTVT"
    lines = [
        header,
        f"{start},investment_plan_vnd,2024-03,2000000000000,VND",
        f'{start},disbursed_vnd,2024-03,"250.000.000.000,5",VND',
    ]
    taken = await upload("\r\n".join(lines).encode(), filename="quy-1-2024.csv")
    assert [taken["receipt"][key] for key in ("received", "accepted", "quarantined")] == [2, 1, 1]
    (problem,) = taken["problems"]
    assert (problem["row"], problem["column"], problem["rule"]) == (3, "OBS_VALUE", "value-not-readable")
    assert "250.000.000.000,5" in problem["reason_vi"]
    assert problem["remedy_vi"]
    assert problem["remedy_en"]

    async def set_aside() -> dict[str, Any] | None:
        found = await items("so.khdt", "/quarantine", source=SOURCE, rule="value-not-readable")
        return next((each for each in found if each["origin"] == "quy-1-2024.csv"), None)

    kept = await eventually(set_aside, 10)
    assert (kept["row"], kept["field"], kept["door"]) == (3, "OBS_VALUE", "file")
    assert kept["remedy"]["vi"] == problem["remedy_vi"]

    async def good_row() -> list[dict[str, Any]]:
        key = f"{SOURCE}/investment_plan_vnd/40/OWNER=SO-GTVT"
        window = {"from": "2024-03-01T00:00:00+07:00", "to": "2024-03-02T00:00:00+07:00"}
        return list(await items("so.khdt", "/observations", series_key=key, **window))

    (plan,) = await eventually(good_row, 10)
    assert plan["value"] == 2000 * BILLION


async def test_the_target_of_2024_is_cited_with_its_days(api: Callable[..., Any]) -> None:
    answer = await api("phan.tich").get("/api/v1/targets", params={"set": "KH-655", "code": "disbursed_share"})
    targets = {each["target_id"]: each for each in answer.raise_for_status().json()["items"]}
    cited = targets["disbursed-share-2024"]
    assert (cited["basis"], cited["citation"]["instrument"]) == ("cited", "NQ-01-2024")
    assert (cited["valid_from"], cited["valid_to"], cited["value"]) == ("2024-01-01", "2025-01-01", 95)
    assert targets["disbursed-share-2025"]["value"] is None
