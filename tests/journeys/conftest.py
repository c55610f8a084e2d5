"""What the journeys share: whole hours that are still fresh, and the index worked out by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import floor
from typing import Any

import pytest
import requests

_PM25 = ((0, 0), (25, 50), (50, 100), (80, 150), (150, 200), (250, 300), (350, 400), (500, 500))
"""QĐ 1459/QĐ-TCMT: PM2.5 in µg/m³ and the index there; straight lines in between, 500 above."""


@pytest.fixture
def newest_hour() -> datetime:
    """The newest hour of which every minute may be sent.

    A reading may lie five minutes ahead of the platform's clock: in the last minutes of an hour that hour is whole
    already, and what follows has time enough before anything grows stale.
    """
    now = datetime.now(UTC) + timedelta(minutes=4)
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


@pytest.fixture
def vn_aqi() -> Callable[[Sequence[float | None]], int]:
    """Gives `vn_aqi(means)`: the hourly index from hourly means of PM2.5, newest first, None where there is none."""

    def index(means: Sequence[float | None]) -> int:
        known = [mean for mean in means[:12] if mean is not None]
        weight = max(min(known) / max(known), 0.5)
        pairs = [(weight**age, mean) for age, mean in enumerate(means[:12]) if mean is not None]
        nowcast = sum(factor * mean for factor, mean in pairs) / sum(factor for factor, _ in pairs)
        for (low, below), (high, above) in pairwise(_PM25):
            if nowcast <= high:
                return floor(below + (above - below) * (nowcast - low) / (high - low) + 0.5)
        return 500

    return index


class _Bearer(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@pytest.fixture
def tool_of(platform: Any) -> Callable[[str], Awaitable[requests.auth.AuthBase]]:
    """Gives `await tool_of("soc-partner-nghe-an")`: how a security tool signs in, for taxii2-client."""

    async def signed_in(name: str) -> requests.auth.AuthBase:
        return _Bearer(await platform.sign_ins.token(name))

    return signed_in
