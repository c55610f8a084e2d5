"""What every refusal is held to: clear, and silent about the inside."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

INSIDE = ("Traceback", 'File "', "/site-packages/", "sqlalchemy", "asyncpg", "nats.errors", "grpc._channel")
"""Words that only the inside of the platform would say."""


@pytest.fixture
def refused() -> Callable[..., dict[str, Any]]:
    """Gives `refused(answer, 400, "FILE_UNREADABLE")`: the problem, as RFC 9457 has it, silent about the inside."""

    def problem(answer: httpx.Response, status: int, reason: str) -> dict[str, Any]:
        assert not [word for word in INSIDE if word in answer.text], answer.text
        body: dict[str, Any] = answer.json()
        assert (answer.status_code, body["reason"]) == (status, reason), answer.text
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert body["type"] == "urn:ioc:problem:" + reason.lower().replace("_", "-")
        assert body["detail"]
        return body

    return problem


@pytest.fixture
def quarantined(items: Callable[..., Any], eventually: Callable[..., Any]) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Gives `await quarantined(origin, rule, original)`: the row that keeps this original, with reason and remedy."""

    async def kept(origin: str, rule: str, original: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            for item in await items("quan.tri", "/quarantine", rule=rule):
                if item["origin"] == origin and original in base64.b64decode(item["original_base64"]).decode():
                    return dict(item)
            return None

        item: dict[str, Any] = await eventually(look, 10)
        for text in (item["reason"], item["remedy"]):
            assert text["vi"]
            assert text["en"]
            assert not [word for word in INSIDE if word in str(text)]
        return item

    return kept
