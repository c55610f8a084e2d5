"""How often a caller may ask: a moving window per caller, another per address for those without a token."""

from __future__ import annotations

import time
from datetime import timedelta

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from ioc_kit.errors import Exhausted
from ioc_kit.tenancy import Caller


class Limits:
    """Counts requests in this process. Behind several replicas each counts its own share."""

    def __init__(self, per_minute: int, anonymous_per_minute: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._known = RateLimitItemPerMinute(per_minute)
        self._anonymous = RateLimitItemPerMinute(anonymous_per_minute)

    async def take(self, caller: Caller) -> None:
        """Counts a request of a verified caller. Raises Exhausted with the time to wait."""
        await self._take(self._known, f"{caller.tenant}/{caller.subject}")

    async def take_anonymous(self, address: str) -> None:
        """Counts a request without a token that holds. Raises Exhausted with the time to wait."""
        await self._take(self._anonymous, f"address/{address}")

    async def _take(self, item: RateLimitItem, key: str) -> None:
        if not await self._limiter.hit(item, key):
            window = await self._limiter.get_window_stats(item, key)
            wait = max(window.reset_time - time.time(), 1.0)
            raise Exhausted(f"more than {item.amount} requests in a minute", timedelta(seconds=wait))
