"""Refused log-ins, told to the SOC: together by address and reason, so that no attacker makes us publish at will."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from fastapi import Request
from google.protobuf.timestamp_pb2 import Timestamp
from opentelemetry import context
from opentelemetry.context import Context

from ioc.soc.v1 import events_pb2
from ioc_gateway.plain_text import is_plain
from ioc_kit.bus import Bus, new_event
from ioc_kit.clock import Clock
from ioc_kit.errors import IocError, Unavailable

log = structlog.get_logger()
WINDOW_SECONDS = 1.0
MAX_KINDS = 50
"""Pairs of address and reason told in one window; what goes beyond is told as one sum without an address."""
MAX_PATH = 200


@dataclass(frozen=True, slots=True)
class _Refusal:
    path: str
    at: datetime
    trace: Context
    count: int = 1


class Refusals:
    """Collects refused log-ins and publishes `ioc.<province>.gateway.v1.login.refused`.

    The first of a kind goes at once, those that follow within a second as one event with their number. Nothing of the
    token is in it: what a refused token says may not be believed, and may be a secret of somebody else.
    """

    def __init__(self, bus: Bus, province: str, clock: Clock) -> None:
        self._bus = bus
        self._province = province
        self._clock = clock
        self._pending: OrderedDict[tuple[str, str], _Refusal] = OrderedDict()
        self._some = asyncio.Event()

    def tell(self, request: Request, address: str, error: IocError) -> None:
        """Notes a refusal; returns at once."""
        path = request.url.path[:MAX_PATH]
        key = (address, error.metadata.get("why", error.reason.lower()))
        if key not in self._pending and len(self._pending) >= MAX_KINDS:
            key = ("", "many")
        # The trace of the first one goes on into the event: it leads from the refused request to the incident.
        one = _Refusal(path if is_plain(path) else "", self._clock.now(), context.get_current())
        self._note(key, one)

    def _note(self, key: tuple[str, str], refusal: _Refusal) -> None:
        known = self._pending.get(key)
        self._pending[key] = replace(known, count=known.count + refusal.count) if known else refusal
        self._some.set()

    async def run(self) -> None:
        """Publishes what was noted, at most once in a window, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            await self.publish_pending()
            await asyncio.sleep(WINDOW_SECONDS)

    async def publish_pending(self) -> None:
        """Publishes everything noted so far. What the log does not take now is kept for the next time."""
        pending, self._pending = self._pending, OrderedDict()
        for (address, why), refusal in pending.items():
            try:
                await self._publish(address, why, refusal)
            except Unavailable as error:
                log.warning("refused log-ins are kept until the log takes them", problem=error.message)
                self._note((address, why), refusal)

    async def _publish(self, address: str, why: str, refusal: _Refusal) -> None:
        at = Timestamp()
        at.FromDatetime(refusal.at)
        message = events_pb2.LoginRefused(
            why=why, client_ip=address, path=refusal.path, at=at, count=min(refusal.count, 2**32 - 1)
        )
        token = context.attach(refusal.trace)
        try:
            event = new_event(
                message, tenant=self._province, source="gateway", noun="login", verb="refused", at=refusal.at
            )
        finally:
            context.detach(token)
        await self._bus.publish(event)
