"""Which process a server's folder belongs to now: tells a server that is about to end from one that is in use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_FILE = "owner"


def claim(folder: Path) -> None:
    """Notes this process as the owner of the folder's server."""
    (folder / _FILE).write_text(f"{os.getpid()} {_started_at(os.getpid())}\n", encoding="ascii")


def owner_lives(folder: Path) -> bool:
    """True while the process that claimed the folder last is running."""
    try:
        pid, started_at = (folder / _FILE).read_text(encoding="ascii").split()
    except (FileNotFoundError, ValueError):
        return False
    return started_at == _started_at(int(pid))


def runs(pid: int, name: str) -> bool:
    """True while the process runs the program `name`: a number used again by another program is not it."""
    fields = _fields(pid)
    return fields is not None and pid != os.getpid() and fields[0] == name


def _started_at(pid: int) -> str:
    """Which of all processes that ever had this number; `-` when there is none now."""
    fields = _fields(pid)
    return fields[1] if fields else "-"


def _fields(pid: int) -> tuple[str, str] | None:
    """Name and start time (ticks since boot) of a process; None when it has ended, a zombie too."""
    if sys.platform != "linux":
        return None
    try:
        head, _, tail = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")
    except (FileNotFoundError, ProcessLookupError):
        return None
    rest = tail.split()
    return None if rest[0] == "Z" else (head.partition("(")[2], rest[19])
