"""Real servers for these tests, and the one way to wait: on a condition."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ioc_kit.embedded import EmbeddedPostgres, Profile


@pytest.fixture(scope="package")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), profile=Profile.TEST) as server:
        yield server


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool], float], None]:
    """Waits until the condition holds; fails when it does not in time."""

    def wait(is_true: Callable[[], bool], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < deadline, "the condition did not come true in time"
            time.sleep(0.01)

    return wait


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    """True while the process runs; a zombie does not."""

    def check(pid: int) -> bool:
        try:
            status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return not status.rpartition(") ")[2].startswith("Z")

    return check
