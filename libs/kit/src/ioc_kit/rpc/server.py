"""The gRPC server of a service: health, reflection, and the interceptors in the one order that is right.

Order, outermost first: trace (so that everything below is inside the span), errors (so that whatever is raised below
becomes a status), caller (token, policy, tenant). A method that the policy does not list is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from opentelemetry.instrumentation.grpc import aio_server_interceptor

from ioc_kit.errors import Forbidden
from ioc_kit.rpc.client import OPTIONS
from ioc_kit.rpc.interceptors import CallerInterceptor, ErrorInterceptor
from ioc_kit.tenancy import Caller

Policy = Mapping[str, frozenset[str]]
"""Full method name, e.g. `/ioc.alerts.v1.AlertService/GetAlert`, to the roles that may call it."""

_OPEN_SERVICES = (health.SERVICE_NAME, reflection.SERVICE_NAME)
_caller: ContextVar[Caller] = ContextVar("ioc_caller")
log = structlog.get_logger()


def current_caller() -> Caller:
    """The verified caller of the RPC that is running. Raises Forbidden outside one."""
    try:
        return _caller.get()
    except LookupError:
        raise Forbidden("no verified caller in this call") from None


class RpcServer:
    """Is built, then started, then drained. `address` is known after `start` (port 0 takes a free one)."""

    def __init__(self, listen: str, *, domain: str, verify: Callable[[str], Awaitable[Caller]], policy: Policy) -> None:
        self._listen = listen
        self._health = HealthServicer()
        self._names = list(_OPEN_SERVICES)
        open_methods = tuple(f"/{name}/" for name in _OPEN_SERVICES)
        self.server = grpc.aio.server(
            options=OPTIONS,
            interceptors=[
                aio_server_interceptor(),  # type: ignore[no-untyped-call]
                ErrorInterceptor(domain),
                CallerInterceptor(verify, policy, _caller, open_methods),
            ],
        )
        self.address = listen
        self.started = asyncio.Event()

    def add(self, register: Callable[[Any, grpc.aio.Server], None], servicer: Any, service_name: str) -> None:
        """Adds a servicer by its generated `add_..._to_server`; `service_name` is the full proto name."""
        register(servicer, self.server)
        self._names.append(service_name)

    async def start(self) -> None:
        """Binds, then answers SERVING on health. Raises RuntimeError when the port is taken."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.server)
        reflection.enable_server_reflection(tuple(self._names), self.server)
        port = self.server.add_insecure_port(self._listen)
        self.address = f"{self._listen.rpartition(':')[0]}:{port}"
        await self.server.start()
        await self.set_serving(True)
        self.started.set()

    async def set_serving(self, is_serving: bool) -> None:
        """Tells load balancers whether to send calls here."""
        status = health_pb2.HealthCheckResponse.SERVING if is_serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ["", *self._names]:
            await self._health.set(name, status)

    async def drain(self, grace_seconds: float) -> None:
        """Answers NOT_SERVING, takes no new call, lets running ones end for the grace, then cuts them."""
        await self._health.enter_graceful_shutdown()
        await self.server.stop(grace_seconds)
