"""The services behind the gateway: one channel each, and their generated stubs."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeVar

from ioc.alerts.v1 import alert_pb2_grpc, rule_pb2_grpc
from ioc.ingest.v1 import balance_pb2_grpc, intake_pb2_grpc, observation_pb2_grpc, quarantine_pb2_grpc
from ioc.kpi.v1 import indicator_pb2_grpc, value_pb2_grpc
from ioc.registry.v1 import contract_pb2_grpc, device_pb2_grpc, place_pb2_grpc, source_pb2_grpc
from ioc.soc.v1 import exchange_pb2_grpc, incident_pb2_grpc, security_event_pb2_grpc
from ioc_gateway.settings import Settings
from ioc_kit.rpc import PeerChannel
from ioc_kit.rpc.client import call_metadata
from ioc_kit.tenancy import Caller

if TYPE_CHECKING:
    from grpc.aio import UnaryUnaryMultiCallable

Q = TypeVar("Q")
R = TypeVar("R")
DEADLINE_SECONDS = 5.0


async def ask(method: UnaryUnaryMultiCallable[Q, R], request: Q, caller: Caller, tenant: str | None = None) -> R:
    """The peer's answer on behalf of `caller`, narrowed to `tenant` when given. Raises AioRpcError."""
    return await method(request, metadata=call_metadata(caller, narrow_to=tenant), timeout=DEADLINE_SECONDS)


class Peers:
    """Stubs by noun. Opens nothing by itself: gRPC connects with the first call and again after a break."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self.channels = {
            "registry": PeerChannel(settings.registry_address),
            "ingest": PeerChannel(settings.ingest_address),
            "kpi": PeerChannel(settings.kpi_address),
            "alerts": PeerChannel(settings.alerts_address),
            "soc": PeerChannel(settings.soc_address),
        }
        for each in self.channels.values():
            stack.push_async_callback(each.aclose)
        registry, ingest, kpi, alerts, soc = (each.channel for each in self.channels.values())
        plain = PeerChannel(settings.ingest_address, is_traced=False)
        stack.push_async_callback(plain.aclose)

        self.tenants = place_pb2_grpc.TenantServiceStub(registry)
        self.areas = place_pb2_grpc.AreaServiceStub(registry)
        self.agencies = place_pb2_grpc.AgencyServiceStub(registry)
        self.sources = source_pb2_grpc.SourceServiceStub(registry)
        self.contracts = contract_pb2_grpc.ContractServiceStub(registry)
        self.series = contract_pb2_grpc.SeriesServiceStub(registry)
        self.devices = device_pb2_grpc.DeviceServiceStub(registry)

        self.intake = intake_pb2_grpc.IntakeServiceStub(ingest)
        self.uploads = intake_pb2_grpc.IntakeServiceStub(plain.channel)
        """For files, which are written piece by piece; carry the trace on with `ioc_kit.rpc.client.traced`."""
        self.observations = observation_pb2_grpc.ObservationServiceStub(ingest)
        self.status = observation_pb2_grpc.StatusServiceStub(ingest)
        self.quarantine = quarantine_pb2_grpc.QuarantineServiceStub(ingest)
        self.balance = balance_pb2_grpc.BalanceServiceStub(ingest)

        self.indicators = indicator_pb2_grpc.IndicatorServiceStub(kpi)
        self.values = value_pb2_grpc.ValueServiceStub(kpi)

        self.alerts = alert_pb2_grpc.AlertServiceStub(alerts)
        self.rules = rule_pb2_grpc.RuleServiceStub(alerts)

        self.security_events = security_event_pb2_grpc.SecurityEventServiceStub(soc)
        self.incidents = incident_pb2_grpc.IncidentServiceStub(soc)
        self.exchange = exchange_pb2_grpc.ExchangeServiceStub(soc)
