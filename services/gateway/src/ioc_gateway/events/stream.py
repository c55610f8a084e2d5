"""What one front end receives: first what it missed, then what happens, as Server-Sent Events."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator

import structlog
from fastapi.responses import StreamingResponse
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError
from starlette.types import Receive, Scope, Send

from ioc_gateway.events import positions as ids
from ioc_gateway.events.feeds import Feed, Item, item_of, only_tenant
from ioc_gateway.events.hub import Ended, Hub
from ioc_gateway.events.reader import Broken, TooMany, bounds, read
from ioc_kit.tenancy import Caller

log = structlog.get_logger()
MAX_REPLAY = 10_000
"""Events of a stream that are sent again to one who comes back; who missed more is told to reload."""
RETRY = "retry: 1000\n\n"
HEARTBEAT = ": heartbeat\n"
"""A comment and no empty line: some clients make an event of every empty line."""


class EventStream(StreamingResponse):
    """Holds the caller's place among the open streams for as long as it is sent."""

    def __init__(
        self, hub: Hub, caller: Caller, feeds: tuple[Feed, ...], last_id: str | None, heartbeat: float
    ) -> None:
        self._hub = hub
        self._caller = caller
        session = Session(hub, caller, feeds, heartbeat)
        hub.take_place(caller)
        super().__init__(
            session.events(last_id),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._hub.leave_place(self._caller)


class Session:
    """One connection of a front end, until its token ends, the hub closes, or it is too slow."""

    def __init__(self, hub: Hub, caller: Caller, feeds: tuple[Feed, ...], heartbeat: float) -> None:
        self._hub = hub
        self._feeds = feeds
        self._tenant = only_tenant(caller)
        self._heartbeat = heartbeat
        self._expires = expiry_of(caller.token)
        self._positions = hub.positions_of(feeds)

    async def events(self, last_id: str | None) -> AsyncIterator[str]:
        """The text of the stream. `last_id` is what the front end sent as Last-Event-ID."""
        yield RETRY
        try:
            if last_id is not None and not await self._resume(last_id):
                yield self._named("reset", '{"reason":"position-not-held"}')
            # Tells the id to come back with before anything has happened.
            yield self._named("position", "{}")
            while not self._is_level():
                async for text in self._missed():
                    yield text
            async for text in self._live():
                yield text
        except (NatsError, OSError, TimeoutError, Broken) as error:
            # The front end comes back with its last id, and is served from there.
            log.warning("an event stream ends early", problem=str(error) or type(error).__name__)

    async def _resume(self, last_id: str) -> bool:
        """Goes back to the positions in the id. False when the log does not hold everything behind them."""
        wanted = ids.decode(last_id, (feed.letter for feed in self._feeds))
        if wanted is None:
            return False
        for feed in self._feeds:
            try:
                held = await bounds(self._hub.bus, feed.stream)
            except NotFoundError:
                if wanted[feed.letter]:
                    return False
                continue
            if not held.first - 1 <= wanted[feed.letter] <= held.last:
                return False
        self._positions = wanted
        return True

    def _is_level(self) -> bool:
        """True when nothing lies between this session and what the hub hands out next."""
        return self._is_over() or all(
            self._positions[letter] >= self._hub.positions[letter] for letter in self._positions
        )

    async def _missed(self) -> AsyncIterator[str]:
        """What the hub handed out behind our positions, read from the log again."""
        for feed in self._feeds:
            goal = self._hub.positions[feed.letter]
            if self._positions[feed.letter] >= goal:
                continue
            subjects = feed.subjects(self._tenant or "*")
            try:
                behind = self._positions[feed.letter]
                async for entry in read(self._hub.bus, feed.stream, subjects, after=behind, at_most=MAX_REPLAY):
                    if self._is_over():
                        return
                    item = item_of(feed, entry)
                    self._positions[feed.letter] = entry.position
                    if item is not None:
                        yield self._text(item)
            except TooMany:
                self._positions[feed.letter] = self._hub.positions[feed.letter]
                yield self._named("reset", '{"reason":"too-much-missed"}')
            # The last ones up to the goal may be of other tenants: nothing of ours lies between.
            self._positions[feed.letter] = max(self._positions[feed.letter], goal)

    async def _live(self) -> AsyncIterator[str]:
        listener = self._hub.attach(self._positions, self._tenant)
        told = ids.encode(self._positions)
        try:
            while not self._is_over():
                item = await listener.next(min(self._heartbeat, max(self._expires - time.time(), 0.0)))
                if item is not None:
                    self._positions[item.letter] = item.position
                    told = ids.encode(self._positions)
                    yield self._text(item)
                    continue
                yield HEARTBEAT
                # Nothing waits, so all up to the hub's positions was ours or is not for us: a quiet front end moves
                # along, and does not fall out of what the log holds.
                self._positions = {
                    letter: max(at, self._hub.positions[letter]) for letter, at in self._positions.items()
                }
                if ids.encode(self._positions) != told:
                    told = ids.encode(self._positions)
                    yield self._named("position", "{}")
        except Ended:
            return
        finally:
            self._hub.detach(listener)

    def _is_over(self) -> bool:
        return self._hub.is_closed or time.time() >= self._expires

    def _text(self, item: Item) -> str:
        return self._named(item.name, item.data)

    def _named(self, name: str, data: str) -> str:
        return f"event: {name}\nid: {ids.encode(self._positions)}\ndata: {data}\n\n"


def expiry_of(token: str) -> float:
    """When a verified token ends, in seconds since 1970."""
    payload = token.split(".")[1]
    return float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])
