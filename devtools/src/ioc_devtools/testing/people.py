"""People and systems that sign in: HTTP clients and call metadata with a token that still lives."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

import httpx

from ioc_devtools.platform.state import Run, StateFolder
from ioc_devtools.platform.tokens import Tokens
from ioc_kit.rpc.client import token_metadata

_TOKEN_SECONDS = 25.0
"""A token is handed out for this long: it lives 60 s, and what it opens must not end in the middle of a test."""


class SignIns:
    """Tokens of one platform by log-in or client, asked for anew before they grow old."""

    def __init__(self, state: StateFolder, run: Run) -> None:
        self._tokens = Tokens(run.issuer, state)
        self._known: dict[str, tuple[float, str]] = {}

    async def token(self, name: str) -> str:
        """An access token with at least half a minute to live. Raises CannotRun for a name that is none."""
        until, token = self._known.get(name, (0.0, ""))
        if time.monotonic() >= until:
            token = await self._tokens.of(name)
            self._known[name] = (time.monotonic() + _TOKEN_SECONDS, token)
        return token

    async def metadata(self, name: str, *, tenant: str | None = None) -> tuple[tuple[str, str], ...]:
        """gRPC metadata of a call, narrowed to a tenant when one is named."""
        return token_metadata(await self.token(name), narrow_to=tenant)


class SignedIn(httpx.Auth):
    """Puts the bearer token of one of them on every request."""

    def __init__(self, sign_ins: SignIns, name: str) -> None:
        self._sign_ins = sign_ins
        self._name = name

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Adds the header; a refusal is the test's to look at."""
        request.headers["Authorization"] = f"Bearer {await self._sign_ins.token(self._name)}"
        yield request
