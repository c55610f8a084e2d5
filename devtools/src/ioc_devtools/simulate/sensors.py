"""Security sensors: an intrusion detector that reports by HTTP, and a host that sends its log by syslog over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ioc_devtools.simulate import attacks
from ioc_devtools.simulate.doors import Away, Doors
from ioc_devtools.simulate.memory import Memory
from ioc_devtools.simulate.rounds import Keep, Tell

PARTNER = "soc-partner-nghe-an"
MAX_MINUTES = 60
"""A sensor that was away tells of the last hour; what was before it has forgotten."""
_TCP_SECONDS = 10.0


class Reports:
    """The minutes that a sensor has yet to report."""

    def __init__(self, name: str, memory: Memory, keep: Keep) -> None:
        self._name = name
        self._memory = memory
        self._keep = keep

    def due(self, until: int) -> Iterator[tuple[int, bool]]:
        """Each minute up to `until`, and whether it is the first of all; reported is what the caller came through."""
        last = self._memory.sensors.get(self._name)
        first = until if last is None else max(last + 1, until - MAX_MINUTES + 1)
        for minute in range(first, until + 1):
            yield minute, last is None
            self._memory.sensors[self._name] = minute
            self._keep()


class EveSensor:
    """Suricata behind the province's firewall, whose lines a partner's account submits."""

    name = attacks.IDS

    def __init__(self, doors: Doors, memory: Memory, keep: Keep, tell: Tell) -> None:
        self._doors = doors
        self._seed = memory.seed
        self._reports = Reports(self.name, memory, keep)
        self._tell = tell

    async def deliver(self, until: int) -> None:
        """Reports every minute up to `until`. Raises Away or Refused."""
        for minute, is_first in self._reports.due(until):
            answer = await self._doors.post(
                "/security-events",
                login=PARTNER,
                params={"sensor": self.name},
                content=attacks.eve_lines(self._seed, minute, is_first=is_first),
                headers={"Content-Type": "application/x-ndjson"},
            )
            if is_first or answer["quarantined"]:
                counts = ", ".join(f"{answer[key]} {key}" for key in ("accepted", "ignored", "quarantined"))
                self._tell(self.name, f"{answer['received']} lines: {counts}")

    async def aclose(self) -> None:
        """Nothing stays open between rounds."""


class SyslogHost:
    """A gateway host that tells of refused log-ins. Syslog is not acknowledged: a lost connection sends again."""

    name = attacks.HOST

    def __init__(self, doors: Doors, memory: Memory, keep: Keep, tell: Tell) -> None:
        self._doors = doors
        self._seed = memory.seed
        self._reports = Reports(self.name, memory, keep)
        self._tell = tell

    async def deliver(self, until: int) -> None:
        """Sends every minute up to `until` over a connection of its own. Raises Away."""
        for minute, is_first in self._reports.due(until):
            frames = attacks.syslog_frames(self._seed, minute, is_first=is_first)
            if frames:
                await self._send(frames)
            if is_first:
                self._tell(self.name, "sends its log")

    async def aclose(self) -> None:
        """Nothing stays open between rounds."""

    async def _send(self, frames: bytes) -> None:
        host, port = self._doors.address("syslog")
        try:
            async with asyncio.timeout(_TCP_SECONDS):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    writer.write(frames)
                    writer.write_eof()
                    await writer.drain()
                    # The listener closes when it has stored what came: only then the minute counts as told.
                    await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            raise Away(f"syslog does not answer: {error or type(error).__name__}") from error
