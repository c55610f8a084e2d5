"""The public doors of the platform: where they are now, and tokens to go through them."""

from __future__ import annotations

import time
from typing import Any

import httpx

from ioc_devtools.platform.state import CannotRun, Run, StateFolder
from ioc_devtools.platform.tokens import Tokens

TOKEN_SECONDS = 30.0
"""A token is used for this long and then asked for anew; it lives 60 s."""
_ANSWER_SECONDS = 30.0
_COMES_LATER = (401, 404, 408, 425, 429)
"""What a platform that has just started may answer for a moment: keys, series and devices are still on their way."""


class Away(Exception):
    """The platform, or a part of it, does not answer now: try again later."""


class Refused(Exception):
    """The platform answered that it does not want this: trying again changes nothing."""


class Doors:
    """Finds the platform of a state folder anew each time: it may come back at other addresses."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self._http = httpx.AsyncClient(timeout=_ANSWER_SECONDS)
        self._tokens: dict[str, tuple[float, str]] = {}

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    def run(self) -> Run:
        """What runs now. Raises Away."""
        try:
            return self._state.run()
        except CannotRun as error:
            raise Away(str(error)) from error

    def address(self, name: str) -> tuple[str, int]:
        """Host and port of a door. Raises Away."""
        host, _, port = self.run().addresses[name].rpartition(":")
        return host, int(port)

    async def token(self, name: str) -> str:
        """An access token of a log-in or service account. Raises Away."""
        until, token = self._tokens.get(name, (0.0, ""))
        if time.monotonic() >= until:
            try:
                token = await Tokens(self.run().issuer, self._state).of(name)
            except CannotRun as error:
                raise Away(str(error)) from error
            self._tokens[name] = (time.monotonic() + TOKEN_SECONDS, token)
        return token

    async def post(self, path: str, *, login: str, **request: Any) -> dict[str, Any]:
        """The JSON answer of `POST /api/v1<path>` on behalf of a log-in. Raises Away or Refused."""
        headers = {"Authorization": f"Bearer {await self.token(login)}", **request.pop("headers", {})}
        try:
            answer = await self._http.post(f"{self.run().public_url}/api/v1{path}", headers=headers, **request)
        except httpx.HTTPError as error:
            raise Away(f"the gateway does not answer: {error or type(error).__name__}") from error
        if answer.is_success:
            return dict(answer.json())
        said = f"{answer.status_code} {answer.text[:300]}"
        if answer.status_code in _COMES_LATER or answer.is_server_error:
            self._tokens.pop(login, None)
            raise Away(said)
        raise Refused(f"POST {path}: {said}")
