"""The simulated world against a whole platform of its own, by the commands that a person would type."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ioc_devtools.platform.launched import launched_platform
from ioc_devtools.simulate.investment import year_file
from ioc_devtools.simulate.memory import MemoryFile
from ioc_devtools.simulate.stations import CENTRES, DEVICES

pytestmark = pytest.mark.xdist_group("simulated")
Ioc = Callable[..., subprocess.CompletedProcess[str]]
BACKFILL = 1440
FILES = year_file(655, 2024, 12).count(b"\n") - 1


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the platform keeps its state, below."""
    # Not in pytest's own folders: each pytest that starts closes those to other users, and as root the database is one.
    folder = Path(tempfile.mkdtemp(prefix="ioc-simulated-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def ioc(folder: Path) -> Iterator[Ioc]:
    """Gives `ioc("status", "--json")`: the command against a running platform, with its status and output."""
    state = folder / "state"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ioc_devtools.cli", *arguments]
        environment = os.environ | {"IOC_STATE": str(state)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)

    with launched_platform(state):
        yield run
    emptied = run("reset", "--yes")
    assert (emptied.returncode, state.exists()) == (0, False), emptied.stderr


def test_the_world_delivers_a_day_at_once_and_the_platform_can_prove_it(ioc: Ioc, folder: Path) -> None:
    delivered = ioc("simulate", "--once")
    assert delivered.returncode == 0, delivered.stdout + delivered.stderr
    assert delivered.stdout.count("rows accepted") == 2

    # Going on from there leaves no gap and stores nothing twice: the ledger has each reading that was due, once.
    assert ioc("simulate", "--once").returncode == 0
    memory = MemoryFile(folder / "state" / "simulator.json").load(0)
    start = memory.began - BACKFILL
    due = FILES + year_file(655, *_newest_month(memory.began)).count(b"\n") - 1
    due += sum(len(each.measures) * (memory.devices[each.station.code].sent_until - start) for each in DEVICES)
    for centre in CENTRES:
        minutes = memory.centres[centre.client].sent_until - start
        due += len(centre.stations) * len(centre.measures) * minutes
    until = time.monotonic() + 30
    while (rows := _rows(_verified(ioc))) != due:
        assert time.monotonic() < until, f"{rows} rows are in the ledger, {due} were due"
    assert "+ 0 quarantined" in _verified(ioc)["books balance"]

    parts = json.loads(ioc("status", "--json").stdout)
    assert parts["ready"]
    assert all(part["pid"] > 0 and part["ready"] for part in parts["parts"])
    assert {part["last_data_age_s"] is not None for part in parts["parts"] if part["name"] == "ingest"} == {True}


def _newest_month(minute: int) -> tuple[int, int]:
    now = datetime.fromtimestamp(minute * 60, UTC) + timedelta(hours=7)
    return now.year, now.month


def _verified(ioc: Ioc) -> dict[str, str]:
    proved = ioc("verify", "--json")
    assert proved.returncode == 0, proved.stdout + proved.stderr
    return {check["name"]: check["detail"] for check in json.loads(proved.stdout)["checks"]}


def _rows(details: dict[str, str]) -> int:
    return int(details["ledger agrees with the books"].split()[0].replace(",", ""))


def test_a_token_is_all_that_is_printed(ioc: Ioc) -> None:
    printed = ioc("token", "--as", "truc.ban")
    assert printed.returncode == 0
    assert printed.stdout.count("\n") == 1
    assert printed.stdout.count(".") == 2
    assert ioc("token", "--as", "nobody").returncode == 1
