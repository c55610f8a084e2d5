"""Asks parts whether they are ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ioc_devtools.platform.processes import Child
from ioc_devtools.platform.state import CannotRun

START_SECONDS = 60.0
_EVERY_SECONDS = 0.1


async def is_serving(address: str) -> bool:
    """True when the gRPC service at the address says SERVING."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def answers(url: str) -> bool:
    """True when the address answers with success."""
    async with httpx.AsyncClient(timeout=2.0) as client:
        try:
            return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False


async def wait_for(child: Child, check: Callable[[], object], seconds: float = START_SECONDS) -> None:
    """Waits until an async check holds. Raises CannotRun when the part ends first, or time runs out."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        if child.has_ended:
            raise child.failure()
        if time.monotonic() > deadline:
            raise CannotRun(f"{child.spec.name} was not ready after {seconds:.0f} s; its log: {child.log}")
        await asyncio.sleep(_EVERY_SECONDS)
