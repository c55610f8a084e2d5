"""Composition root: what is opened, in order, and who gets what."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import structlog

from ioc.soc.v1 import exchange_pb2_grpc, incident_pb2_grpc, security_event_pb2_grpc
from ioc_kit.auth import TokenVerifier
from ioc_kit.bus import Bus, Consumer
from ioc_kit.clock import SystemClock
from ioc_kit.errors import Unavailable
from ioc_kit.rpc import RpcServer
from ioc_kit.runtime import App
from ioc_kit.sql import Database, OutboxRelay
from ioc_soc_bridge.consumers import LOGINS, TENANTS, on_login_refused, on_tenant_changed
from ioc_soc_bridge.events import STREAM, to_event
from ioc_soc_bridge.exchange.stix import render
from ioc_soc_bridge.handlers import ExchangeHandlers, IncidentHandlers, IntakeHandlers, Rules
from ioc_soc_bridge.policy import POLICY
from ioc_soc_bridge.protocols.listener import Bounds, SyslogListener
from ioc_soc_bridge.protocols.submission import read
from ioc_soc_bridge.rpc.servicer import ExchangeServicer, IncidentServicer, SecurityEventServicer
from ioc_soc_bridge.settings import Settings
from ioc_soc_bridge.store.sql import SqlSocStore

log = structlog.get_logger()


async def build(settings: Settings, stack: AsyncExitStack) -> App:
    """Everything connected and bound, nothing running yet."""
    clock = SystemClock()
    url = settings.database_url.get_secret_value()
    database = Database(url, "soc", pool=settings.database_pool)
    stack.push_async_callback(database.aclose)
    bus = await Bus.connect(
        settings.nats_url, settings.nats_user, settings.nats_password.get_secret_value(), name="soc-bridge"
    )
    stack.push_async_callback(bus.close)
    await bus.declare([STREAM])
    relay = OutboxRelay(url, "soc", bus)
    verifier = TokenVerifier(settings.oidc_issuer, settings.oidc_audience, settings.province_tenant)
    stack.push_async_callback(verifier.aclose)

    store = SqlSocStore(database, to_event)
    rules = Rules(settings.window, settings.stix_tlp, settings.keep_quarantine, settings.keep_events)
    intake = IntakeHandlers(store, clock, render, rules)
    incidents = IncidentHandlers(store)
    exchange = ExchangeHandlers(store)

    server = RpcServer(settings.grpc_listen, domain="soc.ioc", verify=verifier.verify, policy=POLICY)
    server.add(
        security_event_pb2_grpc.add_SecurityEventServiceServicer_to_server,
        SecurityEventServicer(intake, incidents, read, clock),
        "ioc.soc.v1.SecurityEventService",
    )
    server.add(
        incident_pb2_grpc.add_IncidentServiceServicer_to_server,
        IncidentServicer(incidents),
        "ioc.soc.v1.IncidentService",
    )
    server.add(
        exchange_pb2_grpc.add_ExchangeServiceServicer_to_server,
        ExchangeServicer(exchange),
        "ioc.soc.v1.ExchangeService",
    )

    bounds = Bounds(
        settings.syslog_max_frame_bytes,
        settings.syslog_max_connections,
        settings.syslog_idle_seconds,
        settings.syslog_frame_seconds,
    )
    listeners: list[Callable[[], Awaitable[None]]] = []
    for binding in settings.syslog_listen:
        listener = SyslogListener(
            binding.host, binding.port, binding.tenant, binding.sensor, intake.take, clock, bounds
        )
        await listener.open()
        stack.push_async_callback(listener.aclose)
        listeners.append(listener.run)

    async def sweep() -> None:
        await sweep_for_ever(intake, settings.sweep_seconds)

    return App(
        server,
        loops=[relay.run, sweep, *listeners],
        consumers=[
            Consumer(bus, LOGINS, on_login_refused(intake)),
            Consumer(bus, TENANTS, on_tenant_changed(intake)),
        ],
    )


async def sweep_for_ever(intake: IntakeHandlers, seconds: float) -> None:
    """Closes quiet incidents and prunes the quarantine, again and again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            closed, pruned = await intake.close_quiet(), await intake.prune()
        except Unavailable as error:
            log.warning("the sweep waits for the database", problem=str(error))
            continue
        if closed or pruned:
            log.info("swept", incidents_closed=closed, quarantine_pruned=pruned)
