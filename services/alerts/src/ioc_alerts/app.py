"""Wires alerts together: the one module that sees all others."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

from ioc.alerts.v1 import alert_pb2_grpc, rule_pb2_grpc
from ioc_alerts.consumers import INDICATORS, READINGS, SERIES, IndicatorConsumer, ReadingConsumer, SeriesConsumer
from ioc_alerts.handlers import AlertHandlers, RuleHandlers
from ioc_alerts.judging import Judging
from ioc_alerts.policy import POLICY
from ioc_alerts.rpc.events import events_maker
from ioc_alerts.rpc.servicer import AlertServicer, RuleServicer
from ioc_alerts.rulebook import RuleBook
from ioc_alerts.settings import Settings
from ioc_alerts.store.sql import SqlAlertStore
from ioc_kit.auth import TokenVerifier
from ioc_kit.bus import Bus, Consumer, StreamSpec
from ioc_kit.clock import SystemClock
from ioc_kit.rpc import RpcServer
from ioc_kit.runtime import App
from ioc_kit.sql import Database, OutboxRelay

STREAM = StreamSpec("ALERTS", ("ioc.*.alerts.v1.>",), max_age=timedelta(days=30))


async def build(settings: Settings, stack: AsyncExitStack) -> App:
    """Alerts, ready to start."""
    clock = SystemClock()
    url = settings.database_url.get_secret_value()
    database = Database(url, "alerts", pool=settings.database_pool)
    stack.push_async_callback(database.aclose)
    bus = await Bus.connect(
        settings.nats_url, settings.nats_user, settings.nats_password.get_secret_value(), name="alerts"
    )
    stack.push_async_callback(bus.close)
    await bus.declare([STREAM])
    verifier = TokenVerifier(settings.oidc_issuer, settings.oidc_audience, settings.province_tenant)
    stack.push_async_callback(verifier.aclose)

    store = SqlAlertStore(database, events_maker())
    rulebook = RuleBook(store, clock, settings.province_tenant)
    judging = Judging(store, rulebook, clock, new_id=lambda: str(uuid4()))
    quiet_span = timedelta(seconds=settings.reading_quiet_seconds)
    rules, alerts = RuleHandlers(store, on_change=rulebook.forget), AlertHandlers(store, clock)

    server = RpcServer(settings.grpc_listen, domain="alerts.ioc", verify=verifier.verify, policy=POLICY)
    server.add(rule_pb2_grpc.add_RuleServiceServicer_to_server, RuleServicer(rules), "ioc.alerts.v1.RuleService")
    server.add(alert_pb2_grpc.add_AlertServiceServicer_to_server, AlertServicer(alerts), "ioc.alerts.v1.AlertService")
    return App(
        server,
        loops=[OutboxRelay(url, "alerts", bus).run],
        consumers=[
            Consumer(bus, INDICATORS, IndicatorConsumer(judging).handle),
            Consumer(bus, READINGS, ReadingConsumer(judging, quiet_span).handle),
            Consumer(bus, SERIES, SeriesConsumer(store).handle),
        ],
    )
