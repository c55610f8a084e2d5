"""The department's files: SDMX-CSV 2.0 by another's reading, and the story that they tell."""

import csv
import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest

from ioc_devtools.simulate.agency import Department
from ioc_devtools.simulate.doors import Away
from ioc_devtools.simulate.investment import year_file
from ioc_devtools.simulate.memory import Memory

MINUTES_A_DAY = 1440
Nothing = Callable[..., None]


def _share(content: bytes, period: str) -> float:
    sums = {"investment_plan_vnd": 0.0, "disbursed_vnd": 0.0}
    for row in csv.DictReader(io.StringIO(content.decode())):
        if row["TIME_PERIOD"] == period:
            sums[row["INDICATOR"]] += float(row["OBS_VALUE"])
    return 100.0 * sums["disbursed_vnd"] / sums["investment_plan_vnd"]


def test_pysdmx_reads_the_file(tmp_path: Any) -> None:
    from pysdmx.io import read_sdmx

    path = tmp_path / "giai-ngan.csv"
    path.write_bytes(year_file(655, 2026, 11))
    (dataset,) = read_sdmx(path, validate=False).data
    assert dataset.short_urn == "Dataflow=NGHEAN:PUBLIC_INVESTMENT(1.0)"
    assert len(dataset.data) == 6 * 2 * 11


@pytest.mark.parametrize("year", [2024, 2026])
def test_what_is_disbursed_grows_and_never_passes_the_plan(year: int) -> None:
    shares = [_share(year_file(655, year, 12), f"{year}-{month:02d}") for month in range(1, 13)]
    assert shares == sorted(shares)
    assert shares[-1] < 100


@pytest.mark.parametrize("year", [2024, 2026])
def test_november_2026_is_behind_its_target_by_more_than_the_margin_and_no_month_before_it(year: int) -> None:
    content = year_file(655, year, 12)
    shares = {month: _share(content, f"{year}-{month:02d}") for month in range(1, 13)}
    behind = [month for month, share in shares.items() if share < 95 * month / 12 - 10]
    assert behind == ([11] if year == 2026 else [])


def test_the_correction_does_not_catch_up() -> None:
    assert _share(year_file(655, 2026, 11, is_corrected=True), "2026-11") < 95 * 11 / 12 - 10


def test_the_correction_changes_the_newest_month_only() -> None:
    before, after = (year_file(655, 2026, 11, is_corrected=each).splitlines() for each in (False, True))
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 2
    assert all(b",2026-11," in line for line in changed)


async def test_a_file_is_uploaded_once_and_its_correction_the_day_after(
    doors: Any, memory: Memory, keep: Nothing, tell: Nothing
) -> None:
    department = Department(doors, memory, keep, tell)
    for _ in range(3):
        await department.deliver(memory.began)
    assert [each["params"]["filename"] for each in doors.posts] == ["giai-ngan-2024.csv", "giai-ngan-2026.csv"]
    await department.deliver(memory.began + MINUTES_A_DAY)
    await department.deliver(memory.began + MINUTES_A_DAY + 1)
    assert len(doors.posts) == 3
    assert doors.posts[-1]["params"]["reason"]
    assert hashlib.sha256(doors.posts[-1]["content"]).hexdigest() in memory.files.values()


async def test_a_file_that_did_not_arrive_is_sent_again(
    doors: Any, memory: Memory, keep: Nothing, tell: Nothing
) -> None:
    doors.failures.append(Away("not now"))
    department = Department(doors, memory, keep, tell)
    with pytest.raises(Away):
        await department.deliver(memory.began)
    await department.deliver(memory.began)
    assert len(doors.posts) == 2
