"""The gateway over real HTTP and real NATS; its peers are fakes over real gRPC that check the token that came along."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from ioc.alerts.v1 import alert_pb2, rule_pb2
from ioc.ingest.v1 import balance_pb2, intake_pb2, observation_pb2, quarantine_pb2
from ioc.kpi.v1 import indicator_pb2, value_pb2
from ioc.registry.v1 import contract_pb2, device_pb2, place_pb2, source_pb2
from ioc.soc.v1 import exchange_pb2, incident_pb2, security_event_pb2
from ioc_gateway.app import STREAM, assemble, make_app
from ioc_gateway.listener import BoundServer
from ioc_gateway.parts import Parts
from ioc_gateway.server import end
from ioc_gateway.settings import Settings
from ioc_kit.bus import Bus
from ioc_kit.clock import SystemClock
from ioc_kit.errors import IocError
from ioc_kit.rpc import RpcServer, current_caller
from ioc_kit.tenancy import Caller
from ioc_kit.testing import SigningIssuer
from ioc_kit.testing.identity import ISSUER

_FILES = (
    alert_pb2,
    rule_pb2,
    balance_pb2,
    intake_pb2,
    observation_pb2,
    quarantine_pb2,
    indicator_pb2,
    value_pb2,
    contract_pb2,
    device_pb2,
    place_pb2,
    source_pb2,
    exchange_pb2,
    incident_pb2,
    security_event_pb2,
)
_ROLES = frozenset({"province-admin", "operator", "analyst", "oc-admin", "oc-operator", "soc-analyst", "service"})


@dataclass
class Peers:
    """Every RPC of every service: answers empty unless told otherwise, and keeps what it was asked by whom."""

    address: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Caller, Any]] = field(default_factory=list)

    def on(self, rpc: str, answer: Message | IocError | Callable[[Any], Any]) -> None:
        """What an RPC, by its short name, answers from now on: a message, an error, or what a function makes."""
        self.answers[rpc] = answer

    def last(self, rpc: str) -> tuple[Caller, Any]:
        """Who asked the RPC last, and what."""
        return next((caller, request) for name, caller, request in reversed(self.asked) if name == rpc)

    def handler(self, method: Any) -> grpc.RpcMethodHandler:
        asked, reply = GetMessageClass(method.input_type), GetMessageClass(method.output_type)

        async def behave(request: Any, _context: Any) -> Any:
            answer = self.answers.get(method.name, _empty(reply))
            if method.client_streaming:
                self.asked.append((method.name, current_caller(), None))
                return await answer(request) if callable(answer) else answer
            self.asked.append((method.name, current_caller(), request))
            if isinstance(answer, IocError):
                raise answer
            return answer(request) if callable(answer) else answer

        make = grpc.stream_unary_rpc_method_handler if method.client_streaming else grpc.unary_unary_rpc_method_handler
        return make(behave, asked.FromString, reply.SerializeToString)


def _empty(kind: type[Message]) -> Message:
    """An answer that carries what it always carries, with nothing in it."""
    message = kind()
    for each in message.DESCRIPTOR.fields:
        if each.message_type is not None and not each.is_repeated:
            getattr(message, each.name).SetInParent()
    return message


@pytest.fixture
async def peers(issuer: SigningIssuer) -> AsyncIterator[Peers]:
    """All peers in one server, with the kit's interceptors: a call without a token that holds does not get through."""
    fakes = Peers()
    services = [service for file in _FILES for service in file.DESCRIPTOR.services_by_name.values()]
    policy = {f"/{s.full_name}/{m.name}": _ROLES for s in services for m in s.methods}
    server = RpcServer("127.0.0.1:0", domain="test.ioc", verify=issuer.verifier().verify, policy=policy)
    for service in services:
        methods = {m.name: fakes.handler(m) for m in service.methods if not m.server_streaming}
        generic = grpc.method_handlers_generic_handler(service.full_name, methods)
        server.add(lambda handler, to: to.add_generic_rpc_handlers((handler,)), generic, service.full_name)
    await server.start()
    fakes.address = server.address
    yield fakes
    await server.drain(0)


@dataclass
class Gateway:
    """A running gateway and a way to call it as anybody."""

    parts: Parts
    url: str
    issuer: SigningIssuer
    stack: AsyncExitStack

    def client(
        self, *roles: str, tenant: str = "nghe-an", token: str | None = None, **claims: Any
    ) -> httpx.AsyncClient:
        """A client that sends a token with these roles, or the token given; no role and no token sends none."""
        if token is None and roles:
            token = self.issuer.token(*roles, tenant=tenant, **claims)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20.0, trust_env=False)
        self.stack.push_async_callback(client.aclose)
        return client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(app: Any, port: int) -> AsyncIterator[None]:
    server = BoundServer(app, "127.0.0.1", port, standstill_seconds=1)
    task = asyncio.ensure_future(server.serve())
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.01)
                else:
                    writer.close()
                    break
        yield
    finally:
        server.stop()
        _, pending = await asyncio.wait([task], timeout=5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert not pending, "a connection kept the server from ending"


@pytest.fixture
def settings_for(peers: Peers) -> Callable[..., Settings]:
    """Settings with all peers at the fakes; fields given by name replace the usual ones."""

    def make(port: int, **fields: Any) -> Settings:
        names = ("registry", "ingest", "kpi", "alerts", "soc")
        usual = {f"{name}_address": peers.address for name in names} | {
            "oidc_issuer": ISSUER,
            "http_listen": f"127.0.0.1:{port}",
            "public_url": f"http://127.0.0.1:{port}",
            "heartbeat_seconds": 0.2,
        }
        return Settings(**{**usual, **fields})

    return make


@pytest.fixture
def make_gateway(settings_for: Callable[..., Settings], bus: Bus, issuer: SigningIssuer) -> Callable[..., Any]:
    """Gives `async with make_gateway(field=value) as gateway`."""

    @asynccontextmanager
    async def make(**fields: Any) -> AsyncIterator[Gateway]:
        port = free_port()
        settings = settings_for(port, **fields)
        async with AsyncExitStack() as stack:
            await bus.declare([STREAM])
            verifier = issuer.verifier()
            stack.push_async_callback(verifier.aclose)
            parts = assemble(settings, stack, bus, verifier, SystemClock())
            background = asyncio.ensure_future(parts.run())
            try:
                async with serving(make_app(parts), port), AsyncExitStack() as clients:
                    yield Gateway(parts, settings.public_url, issuer, clients)
                    await parts.drain(5)
            finally:
                await end(background)

    return make


@pytest.fixture
async def gateway(make_gateway: Callable[..., Any]) -> AsyncIterator[Gateway]:
    """A running gateway with usual settings."""
    async with make_gateway() as running:
        yield running
