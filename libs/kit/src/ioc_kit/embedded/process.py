"""A server program as a child of this process: stopped in order, and never left behind."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from enum import StrEnum
from pathlib import Path

from ioc_kit.embedded import launch
from ioc_kit.embedded.identity import Identity

_POLL_SECONDS = 0.005
_TAIL_BYTES = 16_384


class Profile(StrEnum):
    """What an acknowledgement of the server means: on the disk, or only quickly in memory (tests)."""

    DURABLE = "durable"
    TEST = "test"


class Died(Exception):
    """The child ended, or was not ready in time; `said` is what it wrote since it started."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class _Spawner(threading.Thread):
    """Starts all children, and lives as long as the process.

    Linux sends the parent-death signal when the *thread* that forked ends: a child that a worker thread
    (`asyncio.to_thread`) had started would end with that worker.
    """

    def __init__(self) -> None:
        super().__init__(name="embedded-spawner", daemon=True)
        self._jobs: queue.SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]] = (
            queue.SimpleQueue()
        )

    def run(self) -> None:
        while True:
            job, future = self._jobs.get()
            try:
                future.set_result(job())
            except Exception as error:  # noqa: BLE001  # raised again in the thread that asked
                future.set_exception(error)

    def spawn(self, job: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        future: Future[subprocess.Popen[bytes]] = Future()
        self._jobs.put((job, future))
        return future.result()


_spawner: _Spawner | None = None
_spawner_lock = threading.Lock()


def _spawn(job: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    global _spawner
    with _spawner_lock:
        if _spawner is None or not _spawner.is_alive():
            _spawner = _Spawner()
            _spawner.start()
        spawner = _spawner
    return spawner.spawn(job)


class ChildProcess:
    """A running child whose output goes to `output`, which is only the owner's to read."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path, output_from: int) -> None:
        self._process = process
        self._output = output
        self._output_from = output_from

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        output: Path,
        environment: Mapping[str, str],
        on_parent_death: signal.Signals,
        identity: Identity | None = None,
        keep_open: Sequence[int] = (),
    ) -> ChildProcess:
        """Starts `command` in a session of its own, so that Ctrl-C in a terminal reaches only this process.

        `keep_open` are file descriptors that the child holds until it ends (locks).
        """
        if sys.platform == "linux":
            user = (identity.uid, identity.gid, int(identity.needs_reach)) if identity else (-1, -1, 0)
            numbers = (os.getpid(), int(on_parent_death), *user)
            command = [sys.executable, "-I", "-S", launch.__file__, *map(str, numbers), *command]
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            written = os.fstat(descriptor).st_size
            process = _spawn(
                lambda: subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=descriptor,
                    stderr=descriptor,
                    env=dict(environment),
                    cwd="/",
                    start_new_session=True,
                    pass_fds=tuple(keep_open),
                )
            )
        finally:
            os.close(descriptor)
        return cls(process, output, written)

    @property
    def pid(self) -> int:
        """The process id, also after the end."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def said(self) -> str:
        """What the child wrote since it started, the last 16 KiB of it."""
        with self._output.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._output_from, size - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace")

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Waits for the condition. Raises Died when the child ends first or time runs out (then it is killed)."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self.exit_status is not None:
                raise Died(self.said())
            if time.monotonic() > deadline:
                self._process.kill()
                self._process.wait()
                raise Died(f"{self.said()}\nnot ready after {seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def wait(self, seconds: float) -> int:
        """The exit status of a child that ends by itself. Raises Died when time runs out."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise Died(f"{self.said()}\nnot done after {seconds:.0f} s") from None

    def stop(self, steps: Sequence[tuple[signal.Signals, float]]) -> None:
        """Sends each signal and waits its seconds for the end, then kills."""
        for number, seconds in steps:
            if self.exit_status is not None:
                return
            self._process.send_signal(number)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        self._process.kill()
        self._process.wait()


def wait_for(is_true: Callable[[], bool], seconds: float) -> bool:
    """Waits for the condition; False when it does not hold at the end."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
