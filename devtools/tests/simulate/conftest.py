"""The outside world against doors that are only remembered: what went through, and when nobody answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ioc_devtools.simulate.air import Air
from ioc_devtools.simulate.memory import Memory

NOW = 29_855_640
"""2026-10-07 09:00 in Vinh, in minutes since 1970."""


@dataclass
class RememberedDoors:
    """Takes every post; raises what it is told to raise first."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)

    async def post(self, path: str, *, login: str, **request: Any) -> dict[str, Any]:
        if self.failures:
            raise self.failures.pop(0)
        self.posts.append({"path": path, "login": login, **request})
        return self.answer


@pytest.fixture
def doors() -> RememberedDoors:
    counts = {"received": 1, "accepted": 1, "quarantined": 0, "ignored": 0}
    return RememberedDoors(answer={"receipt": counts, **counts})


@pytest.fixture
def memory() -> Memory:
    return Memory(began=NOW)


@pytest.fixture
def air() -> Air:
    return Air(655, NOW)


@pytest.fixture
def tell() -> Callable[[str, str], None]:
    return lambda name, text: None


@pytest.fixture
def keep() -> Callable[[], None]:
    return lambda: None
