"""A front end that follows `/api/v1/events`, as a browser would by `fetch`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event as it came."""

    name: str
    id: str
    data: dict[str, Any]


class EventListener:
    """Follows the stream while it is open (`async with`); `events` grows as they come."""

    def __init__(self, client: httpx.AsyncClient, *, last_id: str | None = None) -> None:
        self._client = client
        self._headers = {"Last-Event-ID": last_id} if last_id is not None else {}
        self._begun = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.events: list[ServerSentEvent] = []

    async def __aenter__(self) -> EventListener:
        self._task = asyncio.create_task(self._follow())
        begun = asyncio.create_task(self._begun.wait())
        # Until the first id has come, nothing says which events will be in the stream.
        await asyncio.wait([self._task, begun], return_when=asyncio.FIRST_COMPLETED, timeout=15)
        if not self._begun.is_set():
            begun.cancel()
            await self._stop()
            raise AssertionError("the stream of events did not begin")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._stop()

    @property
    def last_id(self) -> str:
        """The id to come back with."""
        return self.events[-1].id

    def named(self, *names: str) -> list[ServerSentEvent]:
        """The events of these names, in the order in which they came."""
        return [event for event in self.events if event.name in names]

    def alerts(self, name: str, thing: str) -> list[dict[str, Any]]:
        """The alerts that events of this name carry about one thing."""
        found = [event.data["alert"] for event in self.named(name)]
        return [alert for alert in found if alert["thing"] == thing]

    async def _follow(self) -> None:
        timeout = httpx.Timeout(10.0, read=60.0)
        async with self._client.stream("GET", "/api/v1/events", headers=self._headers, timeout=timeout) as answer:
            answer.raise_for_status()
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if not line:
                    self._take(fields)
                    fields = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")

    def _take(self, fields: dict[str, str]) -> None:
        if "event" in fields:
            self.events.append(ServerSentEvent(fields["event"], fields["id"], json.loads(fields["data"])))
            self._begun.set()

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            (result,) = await asyncio.gather(self._task, return_exceptions=True)
            if isinstance(result, Exception):
                raise result
