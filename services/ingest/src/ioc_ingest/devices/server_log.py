"""What only nats-server's log tells: publishes outside a device's permission, which it acknowledges and drops.

Tried with nats-server 2.15.1: there is no advisory for it on `$SYS`. The log names the client id, which for an admitted
device is the device's name.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from ioc_ingest.devices.admission import is_word
from ioc_ingest.devices.incidents import Incident, IncidentKind
from ioc_ingest.devices.ports import IncidentSink

log = structlog.get_logger()
_POLL_SECONDS = 0.5
_LINE = re.compile(
    r"\[\d+\] \S+ \S+ \[ERR\] \S+ - mid:\d+ - "
    r'"(?P<client>(?:[^"\\]|\\.)*)" - (?P<what>Publish|Subscription) Violation - (?P<detail>.*)'
)
_KINDS = {"Publish": IncidentKind.TOPIC_REFUSED, "Subscription": IncidentKind.SUBSCRIPTION_REFUSED}


def read_line(line: str) -> Incident | None:
    """The incident that a line of the log tells of; None for any other line."""
    found = _LINE.fullmatch(line.rstrip("\r\n"))
    # A client id that is not a plain word was never admitted: no line about its permissions is true.
    if found is None or not is_word(found["client"]):
        return None
    return Incident(_KINDS[found["what"]], found["client"], found["detail"])


class ServerLogWatch:
    """Follows the log file of a server on the same machine, over its rotations. It counts from the end on."""

    def __init__(self, path: Path, on_incident: IncidentSink) -> None:
        self._path = path
        self._on_incident = on_incident

    async def run(self) -> None:
        """Counts until cancelled. A file that is not there is waited for."""
        async for line in self._lines():
            if incident := read_line(line):
                self._on_incident(incident)

    async def _lines(self) -> AsyncIterator[str]:
        descriptor, from_start = None, False
        rest = b""
        try:
            while True:
                if descriptor is None:
                    descriptor = _open(self._path, at_end=not from_start)
                    # A file that appears later, or follows a rotation, is new as a whole.
                    from_start = True
                data = os.read(descriptor, 65_536) if descriptor is not None else b""
                if data:
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        yield line.decode("utf-8", "replace")
                    continue
                if descriptor is not None and not _is_same(descriptor, self._path):
                    os.close(descriptor)
                    descriptor, rest = None, b""
                    continue
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _open(path: Path, *, at_end: bool) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if at_end:
        os.lseek(descriptor, 0, os.SEEK_END)
    return descriptor


def _is_same(descriptor: int, path: Path) -> bool:
    """True while the path still is the open file; a rotation gives it to another."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return True
    opened = os.fstat(descriptor)
    return (opened.st_dev, opened.st_ino) == (now.st_dev, now.st_ino)
