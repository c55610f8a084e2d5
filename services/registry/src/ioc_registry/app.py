"""Wires the registry together: the one module that sees all others."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta

from ioc.registry.v1 import (
    catalogue_pb2_grpc,
    contract_pb2_grpc,
    device_pb2_grpc,
    place_pb2_grpc,
    source_pb2_grpc,
)
from ioc_kit.auth import TokenVerifier
from ioc_kit.bus import Bus, StreamSpec
from ioc_kit.clock import SystemClock
from ioc_kit.rpc import RpcServer
from ioc_kit.runtime import App
from ioc_kit.sql import Database, OutboxRelay
from ioc_registry.handlers import RegistryHandlers
from ioc_registry.policy import POLICY
from ioc_registry.rpc.events import events_maker
from ioc_registry.rpc.servicer import (
    CatalogueServicer,
    ContractServicer,
    DeviceServicer,
    PlaceServicer,
    SourceServicer,
)
from ioc_registry.settings import Settings
from ioc_registry.store.sql import SqlRegistryStore

STREAM = StreamSpec("REGISTRY", ("ioc.*.registry.v1.>",), max_age=timedelta(0))
"""Keeps every event for ever: a service that starts for the first time reads all that exists from it."""


async def build(settings: Settings, stack: AsyncExitStack) -> App:
    """The registry, ready to start."""
    clock = SystemClock()
    url = settings.database_url.get_secret_value()
    database = Database(url, "registry", pool=settings.database_pool)
    stack.push_async_callback(database.aclose)
    bus = await Bus.connect(
        settings.nats_url, settings.nats_user, settings.nats_password.get_secret_value(), name="registry"
    )
    stack.push_async_callback(bus.close)
    await bus.declare([STREAM])
    verifier = TokenVerifier(settings.oidc_issuer, settings.oidc_audience, settings.province_tenant)
    stack.push_async_callback(verifier.aclose)

    store = SqlRegistryStore(database, events_maker(clock))
    handlers = RegistryHandlers(store, clock, settings.province_tenant)

    server = RpcServer(settings.grpc_listen, domain="registry.ioc", verify=verifier.verify, policy=POLICY)
    place, contract = PlaceServicer(handlers), ContractServicer(handlers)
    server.add(place_pb2_grpc.add_TenantServiceServicer_to_server, place, "ioc.registry.v1.TenantService")
    server.add(place_pb2_grpc.add_AreaServiceServicer_to_server, place, "ioc.registry.v1.AreaService")
    server.add(place_pb2_grpc.add_AgencyServiceServicer_to_server, place, "ioc.registry.v1.AgencyService")
    server.add(
        source_pb2_grpc.add_SourceServiceServicer_to_server, SourceServicer(handlers), "ioc.registry.v1.SourceService"
    )
    server.add(contract_pb2_grpc.add_ContractServiceServicer_to_server, contract, "ioc.registry.v1.ContractService")
    server.add(contract_pb2_grpc.add_SeriesServiceServicer_to_server, contract, "ioc.registry.v1.SeriesService")
    server.add(
        device_pb2_grpc.add_DeviceServiceServicer_to_server, DeviceServicer(handlers), "ioc.registry.v1.DeviceService"
    )
    server.add(
        catalogue_pb2_grpc.add_CatalogueServiceServicer_to_server,
        CatalogueServicer(handlers),
        "ioc.registry.v1.CatalogueService",
    )
    return App(server, loops=[OutboxRelay(url, "registry", bus).run])
