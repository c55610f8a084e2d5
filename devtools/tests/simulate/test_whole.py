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
from pathlib import Path

import pytest

from ioc_devtools.platform.launched import launched_platform
from ioc_devtools.simulate.stations import CENTRES, DEVICES

pytestmark = pytest.mark.xdist_group("simulated")
Ioc = Callable[..., subprocess.CompletedProcess[str]]
BACKFILL = 1440
SERIES = sum(len(each.measures) for each in DEVICES) + sum(len(c.stations) * len(c.measures) for c in CENTRES)


@pytest.fixture(scope="module")
def ioc() -> Iterator[Ioc]:
    """Gives `ioc("status", "--json")`: the command against a running platform, with its status and output."""
    # Not in pytest's own folders: each pytest that starts closes those to other users, and as root the database is one.
    folder = Path(tempfile.mkdtemp(prefix="ioc-simulated-"))
    folder.chmod(0o711)
    state = folder / "state"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ioc_devtools.cli", *arguments]
        environment = os.environ | {"IOC_STATE": str(state)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)

    with launched_platform(state):
        yield run
    emptied = run("reset", "--yes")
    assert (emptied.returncode, state.exists()) == (0, False), emptied.stderr
    shutil.rmtree(folder)


def test_the_world_delivers_a_day_at_once_and_the_platform_can_prove_it(ioc: Ioc) -> None:
    delivered = ioc("simulate", "--once")
    assert delivered.returncode == 0, delivered.stdout + delivered.stderr
    for device in DEVICES:
        assert f"{device.station.code} {BACKFILL} minutes delivered" in delivered.stdout

    # Going on from there says nothing twice: at most the minute that has come since is new.
    assert ioc("simulate", "--once").returncode == 0
    books = _verified(ioc)["books balance"]
    assert "+ 0 quarantined" in books
    assert "+ 0 duplicate" in books
    until = time.monotonic() + 30
    while (rows := _rows(_verified(ioc))) < SERIES * BACKFILL:
        assert time.monotonic() < until, f"{rows} rows are in the ledger"

    parts = json.loads(ioc("status", "--json").stdout)
    assert parts["ready"]
    assert all(part["pid"] > 0 and part["ready"] for part in parts["parts"])
    assert {part["last_data_age_s"] is not None for part in parts["parts"] if part["name"] == "ingest"} == {True}


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
