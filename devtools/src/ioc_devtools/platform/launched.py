"""A whole platform for tests and benches: `ioc up` as a child on free ports, stopped at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ioc_devtools.platform.state import CannotRun, Run, StateFolder

READY_SECONDS = 90.0
STOP_SECONDS = 60.0


@contextmanager
def launched_platform(folder: Path, extra: Mapping[str, str] | None = None) -> Iterator[tuple[StateFolder, Run, float]]:
    """Gives the state folder, what runs, and the seconds the start took. Raises CannotRun with the log when it fails.

    `extra` is added to the environment, e.g. an OTLP endpoint or a higher rate limit.
    """
    state = StateFolder(folder)
    log = folder.with_suffix(".log")
    environment = os.environ | {"IOC_PORTS": "free", "IOC_STATE": str(folder), **(extra or {})}
    command = [sys.executable, "-m", "ioc_devtools.cli", "up", "--no-simulate"]
    started = time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, env=environment, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        run = _wait(state, process, log)
        yield state, run, time.monotonic() - started
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(state: StateFolder, process: subprocess.Popen[bytes], log: Path) -> Run:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return state.run()
        except CannotRun as error:
            if process.poll() is not None:
                raise CannotRun(f"the platform did not start: {log.read_text(errors='replace')[-2000:]}") from error
            if time.monotonic() > deadline:
                raise CannotRun(f"not ready after {READY_SECONDS:.0f} s; see {log}") from error
        time.sleep(0.05)
