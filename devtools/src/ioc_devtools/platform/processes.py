"""A child process that cannot outlive us: started with its log in a file, watched, stopped in order."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ioc_devtools.platform.state import CannotRun

STOP_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class PartSpec:
    """How to start a part, and where it answers."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    address: str


class Child:
    """A started part."""

    def __init__(self, spec: PartSpec, process: asyncio.subprocess.Process, log: Path) -> None:
        self.spec = spec
        self.process = process
        self.log = log

    @classmethod
    async def start(cls, spec: PartSpec, logs: Path) -> Child:
        """Starts the process in a session of its own, so that Ctrl-C reaches only us and we stop it in order."""
        log = logs / f"{spec.name}.log"
        with log.open("ab") as stream:
            process = await asyncio.create_subprocess_exec(
                *spec.command,
                env=dict(spec.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        return cls(spec, process, log)

    async def stop(self) -> bool:
        """Asks it to end and waits; kills it when it does not. True when it ended by itself."""
        if self.process.returncode is not None:
            return True
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            return False
        return True

    def failure(self) -> CannotRun:
        """Why it ended, from the last line of its log."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        last = lines[-1] if lines else "it wrote nothing"
        return CannotRun(f"{self.spec.name} ended with status {self.process.returncode}: {last[:500]} (log: {self.log})")


def _die_with_parent() -> None:
    """Asks the kernel to end this process when its parent dies, however it dies (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        os._exit(1)
