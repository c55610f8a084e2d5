"""Hands live events to listeners: the log is read once a stream, however many front ends follow it."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from ioc_gateway.events.feeds import FEEDS, Feed, Item, item_of
from ioc_gateway.events.reader import Broken, bounds, read
from ioc_kit.bus import Bus
from ioc_kit.errors import Exhausted, Unavailable
from ioc_kit.tenancy import Caller

log = structlog.get_logger()
QUEUE_LIMIT = 256
"""Events that may wait for a slow reader. Then it is cut; it comes back with the last id and misses nothing."""
_PAUSE_SECONDS = 0.5


class Ended(Exception):
    """No more events will come on this listener."""


class TooManyStreams(Exhausted):
    """The caller, or all callers together, hold as many streams as they may."""

    reason = "TOO_MANY_STREAMS"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} event streams are open already; close one first", timedelta(seconds=5), limit=limit)


class Listener:
    """One front end's share of the live events: of its feeds, its tenant, behind its positions."""

    def __init__(self, positions: Mapping[str, int], tenant: str | None) -> None:
        self._floors = dict(positions)
        self._tenant = tenant
        self._items: deque[Item] = deque()
        self._wake = asyncio.Event()
        self.is_closed = False
        """True once it gets no more: what waits may still be taken."""

    def wants(self, letter: str, position: int, tenant: str) -> bool:
        """True when the event belongs to this listener and it does not have it yet."""
        return position > self._floors.get(letter, position) and self._tenant in (None, tenant)

    def offer(self, item: Item) -> None:
        """Adds an event, or closes the listener when too many wait."""
        if self.is_closed or not self.wants(item.letter, item.position, item.tenant):
            return
        if len(self._items) >= QUEUE_LIMIT:
            self.close()
            return
        self._items.append(item)
        self._wake.set()

    def close(self) -> None:
        """Ends the listener once what waits has been taken."""
        self.is_closed = True
        self._wake.set()

    async def next(self, seconds: float) -> Item | None:
        """The next event, or None when none came in time. Raises Ended."""
        while not self._items:
            if self.is_closed:
                raise Ended
            self._wake.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                # One may have come in the very moment that the time was over: it must not be passed by.
                return self._items.popleft() if self._items else None
        return self._items.popleft()


class Hub:
    """Follows the feeds and knows who listens. `positions` says how far each feed has been handed out."""

    def __init__(self, bus: Bus, per_caller: int, in_all: int) -> None:
        self.bus = bus
        self.positions: dict[str, int] = {}
        self.is_closed = False
        self._per_caller = per_caller
        self._in_all = in_all
        self._listeners: set[Listener] = set()
        self._open: Counter[tuple[str, str]] = Counter()
        self._none_open = asyncio.Event()
        self._none_open.set()

    @property
    def open_streams(self) -> int:
        """How many streams are held now."""
        return self._open.total()

    @property
    def listeners(self) -> int:
        """How many have caught up and wait for what comes."""
        return sum(not each.is_closed for each in self._listeners)

    def take_place(self, caller: Caller) -> None:
        """Counts a stream of the caller until `leave_place`. Raises TooManyStreams, or Unavailable at the end."""
        if self.is_closed:
            raise Unavailable("the gateway is about to restart", timedelta(seconds=2))
        key = (caller.tenant, caller.subject)
        if self._open[key] >= self._per_caller:
            raise TooManyStreams(self._per_caller)
        if self.open_streams >= self._in_all:
            raise TooManyStreams(self._in_all)
        self._open[key] += 1
        self._none_open.clear()

    def leave_place(self, caller: Caller) -> None:
        """Gives the place of a stream back."""
        key = (caller.tenant, caller.subject)
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]
        if not self._open:
            self._none_open.set()

    def positions_of(self, feeds: tuple[Feed, ...]) -> dict[str, int]:
        """How far the feeds were handed out. Raises Unavailable while the log has not said."""
        try:
            return {feed.letter: self.positions[feed.letter] for feed in feeds}
        except KeyError:
            raise Unavailable("the event log does not answer now") from None

    def attach(self, positions: Mapping[str, int], tenant: str | None) -> Listener:
        """A listener for what comes behind the positions. Give it back with `detach`."""
        listener = Listener(positions, tenant)
        self._listeners.add(listener)
        if self.is_closed:
            listener.close()
        return listener

    def detach(self, listener: Listener) -> None:
        """Forgets a listener."""
        self._listeners.discard(listener)

    async def run(self) -> None:
        """Follows all feeds until cancelled."""
        async with asyncio.TaskGroup() as group:
            for feed in FEEDS:
                group.create_task(self._follow(feed))

    async def close(self, seconds: float) -> None:
        """Takes no more streams, ends those that are open, and waits for them, at most so long."""
        self.is_closed = True
        self._end_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._none_open.wait()

    async def _follow(self, feed: Feed) -> None:
        while True:
            try:
                position = await self._begin(feed)
                async for entry in read(self.bus, feed.stream, feed.subjects(), after=position):
                    self._hand_out(feed, item_of(feed, entry), entry.position)
            except NotFoundError:
                # The stream's owner has not started yet: once it has, everything in it is news.
                self.positions.setdefault(feed.letter, 0)
            except (NatsError, OSError, TimeoutError, Broken) as error:
                log.warning("events stand still", stream=feed.stream, problem=str(error) or type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _begin(self, feed: Feed) -> int:
        """Where to read on: where it stopped, or from now on the first time."""
        last = (await bounds(self.bus, feed.stream)).last
        position = self.positions.get(feed.letter, last)
        if position > last:
            log.warning("a stream was made anew", stream=feed.stream, position=position, last=last)
            position = last
            self._end_all()  # their positions mean nothing any more; they come back and are told to reload
        self.positions[feed.letter] = position
        return position

    def _hand_out(self, feed: Feed, item: Item | None, position: int) -> None:
        self.positions[feed.letter] = position
        if item is not None:
            for listener in self._listeners:
                listener.offer(item)

    def _end_all(self) -> None:
        for listener in self._listeners:
            listener.close()
