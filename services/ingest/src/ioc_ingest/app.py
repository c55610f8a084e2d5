"""Wires ingest together: the one module that sees all others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

from ioc.ingest.v1 import balance_pb2_grpc, intake_pb2_grpc, observation_pb2_grpc, quarantine_pb2_grpc
from ioc_ingest import consumers
from ioc_ingest.consumers import RegistryConsumer
from ioc_ingest.files import FileIntake
from ioc_ingest.handlers import IngestHandlers
from ioc_ingest.intake import Intake
from ioc_ingest.mqtt_door import MqttDoor
from ioc_ingest.observation_log import JetStreamLog, stream_spec
from ioc_ingest.policy import POLICY
from ioc_ingest.rpc.intake import IntakeServicer
from ioc_ingest.rpc.servicer import BooksServicer, LedgerServicer
from ioc_ingest.settings import Settings
from ioc_ingest.store.books import SqlBooks
from ioc_ingest.store.catalogue import SqlCatalogue
from ioc_ingest.store.devices import SqlDeviceBook
from ioc_ingest.store.housekeeping import Housekeeping
from ioc_ingest.store.reader import SqlLedgerReader
from ioc_ingest.store.receipts import SqlReceipts
from ioc_ingest.terms_book import MemoryTermsBook
from ioc_ingest.writer.writer import Writer
from ioc_kit.auth import TokenVerifier
from ioc_kit.bus import Bus, Consumer, StreamSpec
from ioc_kit.clock import SystemClock
from ioc_kit.rpc import RpcServer
from ioc_kit.runtime import App
from ioc_kit.sql import Database, OutboxRelay
from ioc_kit.sql.database import wait_until_ready

EVENTS = StreamSpec(
    "INGEST", ("ioc.*.ingest.v1.observations.*", "ioc.*.ingest.v1.readings.*", "ioc.*.ingest.v1.device.*")
)
"""What ingest tells others. The batches themselves lie in OBSERVATIONS."""


async def build(settings: Settings, stack: AsyncExitStack) -> App:
    """Ingest, ready to start."""
    clock = SystemClock()
    url = settings.database_url.get_secret_value()
    database = Database(url, "ingest", pool=settings.database_pool)
    stack.push_async_callback(database.aclose)
    await wait_until_ready(database)
    bus = await Bus.connect(
        settings.nats_url, settings.nats_user, settings.nats_password.get_secret_value(), name="ingest"
    )
    stack.push_async_callback(bus.close)
    await bus.declare([stream_spec(settings.log_max_age, settings.log_max_bytes), EVENTS])
    verifier = TokenVerifier(settings.oidc_issuer, settings.oidc_audience, settings.province_tenant)
    stack.push_async_callback(verifier.aclose)

    catalogue = SqlCatalogue(database)
    book = MemoryTermsBook(catalogue)
    await book.refresh()
    receipts = await stack.enter_async_context(SqlReceipts.open(url))
    devices = SqlDeviceBook(database)
    log = JetStreamLog(bus)
    intake = Intake(book, log, receipts, clock)
    files = FileIntake(intake, book, receipts, max_bytes=settings.file_max_bytes)
    handlers = IngestHandlers(SqlLedgerReader(database), SqlBooks(database), devices, log, clock)
    writer = Writer(
        bus,
        settings.writer_database_url.get_secret_value(),
        url,
        clock,
        linger_seconds=settings.writer_linger_ms / 1000,
    )
    housekeeping = Housekeeping(
        database,
        clock,
        receipts=timedelta(days=settings.receipt_days),
        quarantine=timedelta(days=settings.quarantine_days),
    )

    server = RpcServer(settings.grpc_listen, domain="ingest.ioc", verify=verifier.verify, policy=POLICY)
    ledger, books = LedgerServicer(handlers), BooksServicer(handlers)
    server.add(
        intake_pb2_grpc.add_IntakeServiceServicer_to_server,
        IntakeServicer(intake, files),
        "ioc.ingest.v1.IntakeService",
    )
    server.add(
        observation_pb2_grpc.add_ObservationServiceServicer_to_server, ledger, "ioc.ingest.v1.ObservationService"
    )
    server.add(observation_pb2_grpc.add_StatusServiceServicer_to_server, ledger, "ioc.ingest.v1.StatusService")
    server.add(balance_pb2_grpc.add_BalanceServiceServicer_to_server, books, "ioc.ingest.v1.BalanceService")
    server.add(quarantine_pb2_grpc.add_QuarantineServiceServicer_to_server, books, "ioc.ingest.v1.QuarantineService")
    loops: list[Callable[[], Awaitable[None]]] = [
        OutboxRelay(url, "ingest", bus).run,
        writer.run,
        book.run,
        devices.run,
        housekeeping.run,
    ]
    door = MqttDoor(bus, book, intake, devices, clock, settings) if settings.mqtt_host else None
    if door is not None:
        loops.append(door.run)
    registry = RegistryConsumer(catalogue, book, door.device_changed if door is not None else _nobody)
    return App(server, loops=loops, consumers=[Consumer(bus, consumers.SUBSCRIPTION, registry.handle)])


def _nobody(_device_id: str) -> None:
    """Without an MQTT door no device is connected."""
