"""A service as a child process: started with its log in a file, stopped in order, explained when it ends."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ioc_devtools.platform.state import CannotRun
from ioc_kit.embedded.process import ChildProcess

STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class PartSpec:
    """How to start a part, and where it answers."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    address: str


class Child:
    """A started part."""

    def __init__(self, spec: PartSpec, process: ChildProcess, log: Path) -> None:
        self.spec = spec
        self.process = process
        self.log = log

    @classmethod
    def start(cls, spec: PartSpec, logs: Path) -> Child:
        """Starts it in a session of its own: Ctrl-C reaches only us, and we stop the parts in order."""
        log = logs / f"{spec.name}.log"
        process = ChildProcess.start(
            list(spec.command), output=log, environment=spec.environment, on_parent_death=signal.SIGTERM
        )
        return cls(spec, process, log)

    @property
    def has_ended(self) -> bool:
        """True once the process is gone."""
        return self.process.exit_status is not None

    def stop(self) -> None:
        """Asks it to drain and waits; kills it when it does not end."""
        self.process.stop([(signal.SIGTERM, STOP_SECONDS)])

    def failure(self) -> CannotRun:
        """Why it ended, from the last line that it wrote."""
        lines = [line for line in self.process.said().splitlines() if line.strip()]
        last = lines[-1] if lines else "it wrote nothing"
        return CannotRun(
            f"{self.spec.name} ended with status {self.process.exit_status}: {last[:500]} (log: {self.log})"
        )
