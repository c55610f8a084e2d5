"""How checks ask: by REST as the province's administrator, by gRPC where REST has no door."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx

from ioc_devtools.platform.state import Run, StateFolder
from ioc_devtools.platform.tokens import Tokens
from ioc_kit.rpc.client import token_metadata

ADMINISTRATOR = "quan.tri"
_PAGE = 1000
_TRIES = 5
_ANSWER_SECONDS = 30.0
_TOO_MANY = 429
_TOKEN_SECONDS = 25.0


class NoAnswer(Exception):
    """A part of the platform could not be asked, so that nothing is proved."""


class Asking:
    """One verification. A token lives 60 s: it is asked for anew before it is half that old."""

    def __init__(self, state: StateFolder, run: Run) -> None:
        self.state = state
        self.run = run
        self._token = ("", 0.0)
        self._http = httpx.AsyncClient(timeout=_ANSWER_SECONDS, base_url=f"{run.public_url}/api/v1")

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def token(self) -> str:
        """A token that will live for half a minute. Raises CannotRun."""
        token, until = self._token
        if time.monotonic() >= until:
            token = await Tokens(self.run.issuer, self.state).of_login(ADMINISTRATOR)
            self._token = (token, time.monotonic() + _TOKEN_SECONDS)
        return token

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """The JSON answer of a GET; waits when it asks too often. Raises NoAnswer or CannotRun."""
        for _ in range(_TRIES):
            headers = {"Authorization": f"Bearer {await self.token()}"}
            try:
                answer = await self._http.get(path, params=parameters, headers=headers)
            except httpx.HTTPError as error:
                raise NoAnswer(f"the gateway does not answer: {error or type(error).__name__}") from error
            if answer.status_code != _TOO_MANY:
                break
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        if not answer.is_success:
            raise NoAnswer(f"GET {path}: {answer.status_code} {answer.text[:200]}")
        return dict(answer.json())

    async def items(self, path: str, **parameters: Any) -> AsyncIterator[dict[str, Any]]:
        """All items of a list, page by page. Raises NoAnswer or CannotRun."""
        page_token = ""
        while True:
            page = await self.get(path, page_size=_PAGE, page_token=page_token, **parameters)
            for item in page["items"]:
                yield item
            page_token = page["next_page_token"]
            if not page_token:
                return

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with a gRPC call. Raises CannotRun."""
        return token_metadata(await self.token())

    def channel(self, name: str) -> grpc.aio.Channel:
        """A channel to a service; the caller closes it."""
        return grpc.aio.insecure_channel(self.run.addresses[name])
