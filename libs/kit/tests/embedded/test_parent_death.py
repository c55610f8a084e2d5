"""Nothing is left behind when the process that started the servers is killed, and the next start works at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ioc_kit.embedded import EmbeddedNats, EmbeddedPostgres, Profile

PARENT = """
import pathlib, sys, threading
from ioc_kit.embedded import EmbeddedNats, EmbeddedPostgres, Profile
folder = pathlib.Path(sys.argv[1])
postgres = EmbeddedPostgres(folder / "postgres", profile=Profile.TEST).start()
nats = EmbeddedNats(folder / "nats", profile=Profile.TEST).start()
print(postgres.pid, nats.pid, flush=True)
threading.Event().wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_kill_9_of_the_parent_leaves_nothing_behind(
    tmp_path: Path, eventually: Callable[..., None], is_alive: Callable[[int], bool]
) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(is_alive(pid) for pid in pids)
        parent.kill()
    # No waiting in between: the successors wait for the dying themselves.
    with EmbeddedPostgres(tmp_path / "postgres", profile=Profile.TEST), EmbeddedNats(tmp_path / "nats"):
        eventually(lambda: not any(is_alive(pid) for pid in pids))
