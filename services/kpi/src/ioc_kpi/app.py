"""Wires kpi together: the one module that sees all others."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta

from ioc.kpi.v1 import indicator_pb2_grpc, value_pb2_grpc
from ioc_kit.auth import ServiceToken, TokenVerifier
from ioc_kit.bus import Bus, StreamSpec
from ioc_kit.clock import SystemClock
from ioc_kit.rpc import PeerChannel, RpcServer
from ioc_kit.runtime import App
from ioc_kit.sql import Database, OutboxRelay
from ioc_kpi.consumers import consumers
from ioc_kpi.defining import DefinitionHandlers
from ioc_kpi.domain.work import Pace
from ioc_kpi.formulas.compiler import FormulaCompiler
from ioc_kpi.handlers import KpiHandlers
from ioc_kpi.policy import POLICY
from ioc_kpi.recompute import Recomputer
from ioc_kpi.rpc.events import event_maker
from ioc_kpi.rpc.ledger import GrpcLedger
from ioc_kpi.rpc.servicer import IndicatorServicer, ValueServicer
from ioc_kpi.settings import Settings
from ioc_kpi.store.sql import SqlKpiStore

STREAM = StreamSpec("KPI", ("ioc.*.kpi.v1.>",))


async def build(settings: Settings, stack: AsyncExitStack) -> App:
    """kpi, ready to start."""
    clock = SystemClock()
    url = settings.database_url.get_secret_value()
    database = Database(url, "kpi", pool=settings.database_pool)
    stack.push_async_callback(database.aclose)
    bus = await Bus.connect(
        settings.nats_url, settings.nats_user, settings.nats_password.get_secret_value(), name="kpi"
    )
    stack.push_async_callback(bus.close)
    await bus.declare([STREAM])
    verifier = TokenVerifier(settings.oidc_issuer, settings.oidc_audience, settings.province_tenant)
    stack.push_async_callback(verifier.aclose)
    token = ServiceToken(settings.oidc_issuer, settings.client_id, settings.client_secret)
    stack.push_async_callback(token.aclose)
    ingest = PeerChannel(settings.ingest_address)
    stack.push_async_callback(ingest.aclose)

    pace = Pace(
        settle=timedelta(milliseconds=settings.settle_ms),
        settle_running=timedelta(milliseconds=settings.settle_running_ms),
        provisional_after=timedelta(minutes=settings.provisional_minutes),
    )
    store = SqlKpiStore(database, event_maker(clock))
    ledger = GrpcLedger(ingest.channel, token.get)
    formulas = FormulaCompiler()
    handlers = KpiHandlers(store, ledger, formulas, clock)
    defining = DefinitionHandlers(store, formulas, clock, pace, settings.province_tenant)
    recomputer = Recomputer(store, ledger, formulas, clock, pace)

    server = RpcServer(settings.grpc_listen, domain="kpi.ioc", verify=verifier.verify, policy=POLICY)
    server.add(
        indicator_pb2_grpc.add_IndicatorServiceServicer_to_server,
        IndicatorServicer(handlers, defining),
        "ioc.kpi.v1.IndicatorService",
    )
    server.add(value_pb2_grpc.add_ValueServiceServicer_to_server, ValueServicer(handlers), "ioc.kpi.v1.ValueService")
    return App(
        server,
        loops=[OutboxRelay(url, "kpi", bus).run, recomputer.run],
        consumers=consumers(bus, recomputer),
    )
