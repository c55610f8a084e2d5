"""A device at the MQTT door: a credential by REST, a connection, QoS 1."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

import aiomqtt
import httpx

ADMITTED_SECONDS = 20.0
_PUBACK_SECONDS = 10.0
_RETRY_SECONDS = 0.1


class MqttDevice:
    """One device, connected as user name = client id = its code. Used as `async with`."""

    def __init__(self, address: str, tenant: str, code: str, secret: str) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host, int(port)
        self._secret = secret
        self.code = code
        self.topic = f"dev/{tenant}/{code}/readings"
        self._stack = AsyncExitStack()
        self._client: aiomqtt.Client | None = None

    async def __aenter__(self) -> MqttDevice:
        await self._connected()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._leave()

    @property
    def client(self) -> aiomqtt.Client:
        """The connected client, for what a device should not do."""
        assert self._client is not None, "use it as `async with`"
        return self._client

    async def publish(self, payload: bytes | str | Mapping[str, Any] | Sequence[Any], *, topic: str = "") -> None:
        """Publishes with QoS 1 and returns once it is acknowledged; comes back when it is cut off, and sends again."""
        raw = payload if isinstance(payload, bytes | str) else json.dumps(payload)
        deadline = time.monotonic() + ADMITTED_SECONDS
        while True:
            client = await self._connected()
            try:
                await client.publish(topic or self.topic, raw, qos=1, timeout=_PUBACK_SECONDS)
            except aiomqtt.MqttError:
                if time.monotonic() > deadline:
                    raise
                await self._leave()
            else:
                return

    async def publish_hour(
        self, start: datetime, values: Mapping[str, float], *, minutes: Sequence[int] = range(60)
    ) -> None:
        """One message with a reading for each of these minutes of an hour, all alike."""
        await self.publish([reading(start + timedelta(minutes=minute), values) for minute in minutes])

    async def reconnect(self) -> None:
        """Leaves the connection, however it is, and comes back on a new one."""
        await self._leave()
        await self._connected()

    async def _connected(self) -> aiomqtt.Client:
        deadline = time.monotonic() + ADMITTED_SECONDS
        while self._client is None:
            client = aiomqtt.Client(
                self._host,
                self._port,
                username=self.code,
                password=self._secret,
                identifier=self.code,
                protocol=aiomqtt.ProtocolVersion.V311,
                timeout=_PUBACK_SECONDS,
            )
            try:
                await self._stack.enter_async_context(client)
                self._client = client
            except aiomqtt.MqttError:
                # The news of the credential is still on its way to the door.
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
        return self._client

    async def _leave(self) -> None:
        self._client = None
        stack, self._stack = self._stack, AsyncExitStack()
        try:
            await stack.aclose()
        except aiomqtt.MqttError:
            # It was thrown out while it was leaving: gone is gone.
            return


def reading(at: datetime, values: Mapping[str, float], **more: Any) -> dict[str, Any]:
    """A reading as a device writes it."""
    return {"at": at.isoformat(), "values": dict(values), **more}


async def issue_secret(administrator: httpx.AsyncClient, code: str) -> str:
    """A new MQTT password; the old one ends."""
    answer = await administrator.post(f"/api/v1/devices/{code}/credential")
    return str(answer.raise_for_status().json()["secret"])
