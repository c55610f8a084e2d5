"""The rules in memory, so that an event that no rule watches costs no transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from ioc_alerts.domain.rule import Rule, RuleKind
from ioc_alerts.ports import AlertStore
from ioc_kit.clock import Clock
from ioc_kit.tenancy import background

REREAD_AFTER = timedelta(seconds=1)
"""How long a change made by another replica may go unnoticed; one made in this process is seen at once."""
_PAGE = 1000


class RuleBook:
    """A copy of the rules, read again when it is older than REREAD_AFTER or when `forget` was called."""

    def __init__(self, store: AlertStore, clock: Clock, province: str) -> None:
        self._store = store
        self._clock = clock
        self._province = province
        self._reading = asyncio.Lock()
        self._read_at: datetime | None = None
        self._by_watched: Mapping[str, Sequence[Rule]] = {}

    def forget(self) -> None:
        """Says that the rules have changed."""
        self._read_at = None

    async def watching(self, kinds: Collection[RuleKind], watches: Collection[str]) -> Mapping[str, Sequence[Rule]]:
        """The rules of these kinds by which of the indicators or measures they watch, in force or not."""
        async with self._reading:
            now = self._clock.now()
            if self._read_at is None or now - self._read_at >= REREAD_AFTER:
                # Before the rules are read: `forget`, called while they are, must not be overwritten afterwards.
                self._read_at = now
                try:
                    self._by_watched = await self._read()
                except BaseException:
                    self._read_at = None
                    raise
        found = {
            watched: [rule for rule in self._by_watched[watched] if rule.kind in kinds]
            for watched in watches
            if watched in self._by_watched
        }
        return {watched: rules for watched, rules in found.items() if rules}

    async def _read(self) -> Mapping[str, Sequence[Rule]]:
        by_watched: dict[str, list[Rule]] = {}
        after = ""
        async with self._store.transaction(background(self._province)) as transaction:
            while page := await transaction.list_rules(after=after, limit=_PAGE):
                for rule in page:
                    by_watched.setdefault(rule.watches, []).append(rule)
                after = page[-1].code
        return by_watched
