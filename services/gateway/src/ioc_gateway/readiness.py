"""Whether the parts behind the gateway answer; looked at not more than once a second, however many ask."""

from __future__ import annotations

import asyncio
import time

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ioc_gateway.peers import Peers
from ioc_kit.bus import Bus

CHECK_SECONDS = 1.0


class Readiness:
    """Checks each peer by gRPC health, the message bus by its connection, the issuer by its discovery document."""

    def __init__(self, peers: Peers, bus: Bus, issuer: str, client: httpx.AsyncClient) -> None:
        self._health = {name: health_pb2_grpc.HealthStub(peer.channel) for name, peer in peers.channels.items()}
        self._bus = bus
        self._issuer = issuer
        self._client = client
        self._lock = asyncio.Lock()
        self._parts: dict[str, bool] = {}
        self._checked_at = -CHECK_SECONDS
        self.is_draining = False
        """True once the process is about to end: load balancers must look elsewhere."""

    async def parts(self) -> dict[str, bool]:
        """Each part by name, and whether it answers."""
        async with self._lock:
            if time.monotonic() - self._checked_at >= CHECK_SECONDS:
                names = [*self._health, "identity"]
                answers = await asyncio.gather(*(self._peer(name) for name in self._health), self._identity())
                self._parts = {**dict(zip(names, answers, strict=True)), "bus": self._bus.is_connected}
                self._checked_at = time.monotonic()
        return {**self._parts, "gateway": not self.is_draining}

    async def _peer(self, name: str) -> bool:
        try:
            answer = await self._health[name].Check(health_pb2.HealthCheckRequest(), timeout=CHECK_SECONDS)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def _identity(self) -> bool:
        try:
            answer = await self._client.get(f"{self._issuer}/.well-known/openid-configuration", timeout=CHECK_SECONDS)
        except httpx.HTTPError:
            return False
        return answer.is_success
