"""How everybody outside goes about it: deliver what is due, wait for the next minute, wait while nobody answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from ioc_devtools.simulate.doors import Away, Refused

MAX_WAIT_SECONDS = 30.0
_FIRST_WAIT_SECONDS = 0.25
_REFUSED_WAIT_SECONDS = 300.0
_ONCE_SECONDS = 120.0
Tell = Callable[[str, str], None]
"""Says something of somebody: name, sentence."""
Keep = Callable[[], None]
"""Writes the memory down."""


class Outsider(Protocol):
    """Somebody who delivers."""

    name: str

    async def deliver(self, until: int) -> None:
        """Delivers everything up to that minute; goes on where it stopped. Raises Away or Refused."""

    async def aclose(self) -> None:
        """Leaves."""


def this_minute() -> int:
    """The running minute, counted since 1970 in UTC: readings are stamped with its beginning."""
    return int(time.time() // 60)


async def deliver_for_ever(outsider: Outsider, tell: Tell) -> None:
    """A round each minute, until cancelled. What could not be delivered comes with a later round."""
    wait = _FIRST_WAIT_SECONDS
    is_away = False
    while True:
        minute = this_minute()
        try:
            await outsider.deliver(minute)
        except Away as error:
            if not is_away:
                tell(outsider.name, f"waits: {error}")
            is_away = True
            await asyncio.sleep(wait)
            wait = min(wait * 2, MAX_WAIT_SECONDS)
            continue
        except Refused as error:
            tell(outsider.name, f"refused: {error}")
            await asyncio.sleep(_REFUSED_WAIT_SECONDS)
            continue
        if is_away:
            tell(outsider.name, "goes on")
        is_away, wait = False, _FIRST_WAIT_SECONDS
        await asyncio.sleep(max((minute + 1) * 60 - time.time(), 0.0))


async def deliver_once(outsider: Outsider) -> None:
    """One round. Raises Refused, or Away when the platform stays away for two minutes."""
    minute = this_minute()
    deadline = time.monotonic() + _ONCE_SECONDS
    wait = _FIRST_WAIT_SECONDS
    while True:
        try:
            await outsider.deliver(minute)
        except Away:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(wait)
            wait = min(wait * 2, MAX_WAIT_SECONDS)
        else:
            return
