"""What the outside world remembers between runs, so that it goes on where it stopped: no gap, nothing twice."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ioc_devtools.platform.state import CannotRun

SEED = 655


@dataclass(slots=True)
class DeviceMemory:
    """A device's MQTT password, and the last minute that the platform has acknowledged."""

    secret: str = ""
    sent_until: int = 0


@dataclass(slots=True)
class PendingBatch:
    """A stamped batch that was begun: sent again exactly as it was until its receipt has come."""

    sequence: int
    first: int
    last: int


@dataclass(slots=True)
class CentreMemory:
    """The last minute that a centre has a receipt for, its last stamp, and what is on the way."""

    sent_until: int = 0
    sequence: int = 0
    pending: PendingBatch | None = None


@dataclass(slots=True)
class Memory:
    """All of it. Minutes are counted since 1970 in UTC."""

    began: int
    seed: int = SEED
    devices: dict[str, DeviceMemory] = field(default_factory=dict)
    centres: dict[str, CentreMemory] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Uploaded files: name to SHA-256."""
    sensors: dict[str, int] = field(default_factory=dict)
    """The last minute that each security sensor has reported."""


class MemoryFile:
    """The memory in a file that only its owner may read: it holds device passwords."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keeps a second world away, whose stations would throw the first one's out. Raises CannotRun."""
        with self._path.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                folder = self._path.parent
                raise CannotRun(f"the outside world of {folder} is simulated already (`ioc up` does so)") from error
            yield

    def load(self, now_minute: int) -> Memory:
        """What was kept, or a new world that begins now."""
        if not self._path.exists():
            return Memory(began=now_minute)
        document: dict[str, Any] = json.loads(self._path.read_text())
        devices = {code: DeviceMemory(**each) for code, each in document.pop("devices").items()}
        centres = {code: _centre(each) for code, each in document.pop("centres").items()}
        return Memory(**document, devices=devices, centres=centres)

    def keep(self, memory: Memory) -> None:
        """Writes it down, whole or not at all."""
        temporary = self._path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(asdict(memory), stream, indent=1)
        temporary.replace(self._path)


def _centre(document: dict[str, Any]) -> CentreMemory:
    pending = document.pop("pending")
    return CentreMemory(**document, pending=PendingBatch(**pending) if pending else None)
