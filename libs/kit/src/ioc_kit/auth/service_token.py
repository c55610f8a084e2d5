"""The token of a service account, by the client-credentials grant."""

from __future__ import annotations

import asyncio
import time

import httpx
from pydantic import SecretStr

from ioc_kit.errors import Unavailable

RENEW_BEFORE_SECONDS = 20


class ServiceToken:
    """Hands out a valid access token of one service account; renews it ahead of its end. Close it with `aclose`."""

    def __init__(self, issuer: str, client_id: str, client_secret: SecretStr) -> None:
        self._issuer = issuer
        self._credentials = (client_id, client_secret)
        self._client = httpx.AsyncClient(timeout=5.0)
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0

    async def aclose(self) -> None:
        """Closes the connection to the issuer."""
        await self._client.aclose()

    async def get(self) -> str:
        """A token that holds for a while yet. Raises Unavailable when the issuer refuses or does not answer."""
        if time.monotonic() < self._renew_at:
            return self._token
        async with self._lock:
            if time.monotonic() >= self._renew_at:
                await self._renew()
        return self._token

    async def _renew(self) -> None:
        client_id, secret = self._credentials
        try:
            discovery = await self._client.get(f"{self._issuer}/.well-known/openid-configuration")
            answer = await self._client.post(
                discovery.raise_for_status().json()["token_endpoint"],
                data={"grant_type": "client_credentials"},
                auth=(client_id, secret.get_secret_value()),
            )
            body = answer.raise_for_status().json()
            self._token = str(body["access_token"])
            self._renew_at = time.monotonic() + max(int(body.get("expires_in", 60)) - RENEW_BEFORE_SECONDS, 1)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise Unavailable(f"no token for service account {client_id!r}: {type(error).__name__}") from error
