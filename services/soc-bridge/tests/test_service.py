"""The whole service: built as in production, spoken to over gRPC, TCP and NATS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ioc.registry.v1 import events_pb2 as pb_registry
from ioc.soc.v1 import events_pb2 as pb_events
from ioc.soc.v1 import exchange_pb2 as pb_exchange
from ioc.soc.v1 import incident_pb2 as pb_incident
from ioc.soc.v1 import security_event_pb2 as pb
from ioc.soc.v1.exchange_pb2_grpc import ExchangeServiceStub
from ioc.soc.v1.incident_pb2_grpc import IncidentServiceStub
from ioc.soc.v1.security_event_pb2_grpc import SecurityEventServiceStub
from ioc_kit.bus import Bus, StreamSpec, new_event
from ioc_kit.bus.envelope import from_message
from ioc_kit.rpc import PeerChannel, error_from_call
from ioc_kit.rpc.client import token_metadata
from ioc_kit.runtime import App, running
from ioc_kit.testing import SigningIssuer
from ioc_soc_bridge import app as composition
from ioc_soc_bridge.policy import POLICY
from ioc_soc_bridge.settings import Settings

MIGRATIONS = Path(__file__).parent.parent / "migrations"
STREAMS = [
    StreamSpec("REGISTRY", ("ioc.*.registry.v1.>",)),
    StreamSpec("GATEWAY", ("ioc.*.gateway.v1.>",)),
    StreamSpec("DEADLETTERS", ("dead.>",)),
]
EVE = pb.EVENT_FORMAT_SURICATA_EVE
Eventually = Callable[..., Awaitable[Any]]


@dataclass
class Service:
    """A running service and how to speak to it."""

    channel: PeerChannel
    issuer: SigningIssuer
    bus: Bus
    syslog_port: int

    def meta(self, *roles: str, tenant: str = "vinh", narrow_to: str | None = None) -> tuple[tuple[str, str], ...]:
        return token_metadata(self.issuer.token(*roles, tenant=tenant), narrow_to=narrow_to)

    @property
    def submit(self) -> Any:
        return SecurityEventServiceStub(self.channel.channel).SubmitSecurityEvents

    @property
    def incidents(self) -> Any:
        return IncidentServiceStub(self.channel.channel)

    @property
    def exchange(self) -> Any:
        return ExchangeServiceStub(self.channel.channel)

    async def list_incidents(self, tenant: str = "vinh") -> list[pb_incident.Incident]:
        answer = await self.incidents.ListIncidents(
            pb_incident.ListIncidentsRequest(), metadata=self.meta("soc-analyst", tenant=tenant)
        )
        return list(answer.incidents)

    async def refused(self, call: Any) -> Any:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        return error_from_call(caught.value)


@pytest.fixture
async def service(
    make_database: Callable[..., Any],
    bus: Bus,
    nats_server: Any,
    issuer: SigningIssuer,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Service]:
    """soc-bridge as `build` makes it, with a syslog port of Vinh's."""
    await bus.declare(STREAMS)
    monkeypatch.setattr(composition, "TokenVerifier", lambda *_: issuer.verifier())
    listeners: list[Any] = []

    class Watched(composition.SyslogListener):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            listeners.append(self)

    monkeypatch.setattr(composition, "SyslogListener", Watched)
    settings = Settings(
        database_url=make_database("soc", MIGRATIONS).runtime,
        nats_url=nats_server.url,
        oidc_issuer="https://issuer.test",
        syslog_listen="127.0.0.1:0=vinh/fw-vinh-1",
    )
    async with AsyncExitStack() as stack:
        built: App = await composition.build(settings, stack)
        async with running(built):
            channel = PeerChannel(built.server.address)
            stack.push_async_callback(channel.aclose)
            await asyncio.wait_for(channel.channel.channel_ready(), 10)
            yield Service(channel, issuer, bus, listeners[0].port)


def current_alerts(eve_lines: bytes) -> bytes:
    """The sample with the present time in it: the running service asks its own clock."""
    now = datetime.now(UTC).isoformat()
    return b"\n".join(json.dumps({**json.loads(line), "timestamp": now}).encode() for line in eve_lines.splitlines())


async def test_an_alert_becomes_an_incident_and_is_handed_on(service: Service, eve_lines: bytes) -> None:
    request = pb.SubmitSecurityEventsRequest(format=EVE, payload=current_alerts(eve_lines), sensor="ids-1")
    answer = await service.submit(request, metadata=service.meta("partner"))
    assert (answer.received, answer.accepted, answer.ignored, len(answer.incident_ids)) == (5, 2, 3, 2)
    again = await service.submit(request, metadata=service.meta("partner"))
    assert (again.accepted, again.duplicate, list(again.incident_ids)) == (0, 2, [])
    found = await service.list_incidents()
    assert {each.incident_id for each in found} == set(answer.incident_ids)
    assert {each.severity for each in found} == {
        pb_incident.INCIDENT_SEVERITY_HIGH,
        pb_incident.INCIDENT_SEVERITY_MEDIUM,
    }
    (collection,) = (
        await service.exchange.ListCollections(pb_exchange.ListCollectionsRequest(), metadata=service.meta("partner"))
    ).collections
    got = await service.exchange.GetCollection(
        pb_exchange.GetCollectionRequest(collection_id=collection.collection_id), metadata=service.meta("partner")
    )
    assert got.collection == collection
    objects = (
        await service.exchange.ListStixObjects(
            pb_exchange.ListStixObjectsRequest(
                collection_id=collection.collection_id, match=pb_exchange.StixMatch(types=["incident"])
            ),
            metadata=service.meta("partner"),
        )
    ).objects
    assert len(objects) == 2
    for each in objects:
        document = json.loads(each.json)
        assert (document["id"], document["modified"]) == (each.stix_id, each.version)


async def test_a_syslog_line_and_a_refused_login_become_incidents_of_their_tenants(
    service: Service, eventually: Eventually
) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = f"<38>1 {now} web sshd 1 - - Failed password for root from 203.0.113.9 port 22 ssh2".encode()
    _, writer = await asyncio.open_connection("127.0.0.1", service.syslog_port)
    writer.write(str(len(line)).encode() + b" " + line)
    await writer.drain()
    login = pb_events.LoginRefused(why="expired", client_ip="198.51.100.3", path="/api/v1/alerts", count=6)
    event = new_event(login, tenant="nghe-an", source="gateway", noun="login", verb="refused", at=datetime.now(UTC))
    await service.bus.publish(event)
    (ours,) = await eventually(service.list_incidents)
    assert (ours.source_ip, ours.signature, list(ours.sensors)) == ("203.0.113.9", "ssh-failed-login", ["fw-vinh-1"])

    async def of_the_province() -> list[pb_incident.Incident]:
        return [each for each in await service.list_incidents("nghe-an") if each.tenant == "nghe-an"]

    (theirs,) = await eventually(of_the_province)
    assert (theirs.source_ip, theirs.event_count) == ("198.51.100.3", 6)
    assert theirs.severity == pb_incident.INCIDENT_SEVERITY_MEDIUM
    writer.close()


async def test_an_event_that_can_never_be_used_goes_to_the_dead_letters(
    service: Service, eventually: Eventually
) -> None:
    changed = pb_registry.TenantChanged()
    changed.tenant.tenant = "hoang-mai"
    await service.bus.publish(
        new_event(changed, tenant="vinh", source="registry", noun="tenant", verb="changed", at=datetime.now(UTC))
    )

    async def dead() -> int:
        return int((await service.bus.jetstream.stream_info("DEADLETTERS")).state.messages)

    assert await eventually(dead) == 1


async def test_the_name_from_the_registry_stands_in_what_is_handed_on(
    service: Service, eve_lines: bytes, eventually: Eventually
) -> None:
    changed = pb_registry.TenantChanged()
    changed.tenant.tenant = "vinh"
    changed.tenant.name.vi = "Thành phố Vinh"
    await service.bus.publish(
        new_event(changed, tenant="vinh", source="registry", noun="tenant", verb="changed", at=datetime.now(UTC))
    )

    async def titles() -> bool:
        answer = await service.exchange.ListCollections(
            pb_exchange.ListCollectionsRequest(), metadata=service.meta("oc-admin")
        )
        return "Thành phố Vinh" in answer.collections[0].title

    await eventually(titles)


async def test_one_trace_runs_from_the_call_to_the_event(
    spans: InMemorySpanExporter, service: Service, eve_lines: bytes, eventually: Eventually
) -> None:
    request = pb.SubmitSecurityEventsRequest(format=EVE, payload=current_alerts(eve_lines), sensor="ids-1")
    with trace.get_tracer("test").start_as_current_span("door") as span:
        await service.submit(request, metadata=service.meta("soc-analyst"))
        trace_id = format(span.get_span_context().trace_id, "032x")

    async def told() -> Any:
        info = await service.bus.jetstream.stream_info("SOC")
        return info.state.messages == 2 and await service.bus.jetstream.get_msg("SOC", seq=1)

    message = await eventually(told)
    event = from_message(message.subject, message.data, message.headers, 1)
    assert event.headers["traceparent"].split("-")[1] == trace_id
    assert event.read(pb_events.IncidentOpened).incident.trace_id == trace_id
    names = {each.name for each in spans.get_finished_spans() if each.context.trace_id == int(trace_id, 16)}
    assert any("INSERT" in name for name in names)


async def test_a_bad_line_is_answered_with_its_field_and_listed(service: Service, eve_lines: bytes) -> None:
    body = current_alerts(eve_lines) + b"\n" + b'{"event_type":"alert","timestamp":"x","alert":{}}\n\xff\n'
    answer = await service.submit(
        pb.SubmitSecurityEventsRequest(format=EVE, payload=body, sensor="ids"), metadata=service.meta("oc-admin")
    )
    assert (answer.received, answer.accepted, answer.quarantined) == (7, 2, 2)
    assert [(each.line, each.field) for each in answer.problems] == [(6, "timestamp"), (7, "")]
    assert all(each.reason.vi and each.reason.en for each in answer.problems)
    listed = await SecurityEventServiceStub(service.channel.channel).ListQuarantinedEvents(
        pb.ListQuarantinedEventsRequest(), metadata=service.meta("oc-admin")
    )
    assert {each.original for each in listed.events} == set(body.splitlines()[5:])
    assert {(each.door, each.tenant) for each in listed.events} == {("http", "vinh")}


async def test_refusals_have_their_reasons(service: Service) -> None:
    too_large = pb.SubmitSecurityEventsRequest(format=EVE, payload=b"x" * 1_048_577, sensor="ids")
    error = await service.refused(service.submit(too_large, metadata=service.meta("partner")))
    assert (error.reason, error.metadata["limit"]) == ("PAYLOAD_TOO_LARGE", "1048576")
    unknown = pb.SubmitSecurityEventsRequest(payload=b"{}", sensor="ids")
    assert (await service.refused(service.submit(unknown, metadata=service.meta("partner")))).reason == "FORMAT_UNKNOWN"
    missing = pb_incident.GetIncidentRequest(incident_id="x")
    error = await service.refused(service.incidents.GetIncident(missing, metadata=service.meta("partner")))
    assert error.reason == "INCIDENT_NOT_FOUND"
    match = pb_exchange.StixMatch(versions=["newest"])
    wrong = pb_exchange.ListStixObjectsRequest(collection_id="x", match=match)
    error = await service.refused(service.exchange.ListStixObjects(wrong, metadata=service.meta("partner")))
    assert error.violations[0].field == "match.versions"


async def test_syslog_lines_may_be_submitted_too(service: Service) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    body = f"<34>1 {now} h su - ID47 - 'su root' failed for lonvick\nnot syslog\n".encode()
    answer = await service.submit(
        pb.SubmitSecurityEventsRequest(format=pb.EVENT_FORMAT_SYSLOG, payload=body, sensor="h"),
        metadata=service.meta("service"),
    )
    assert (answer.accepted, answer.quarantined, answer.problems[0].line) == (1, 1, 2)


REQUESTS: dict[str, Any] = {
    "SubmitSecurityEvents": pb.SubmitSecurityEventsRequest(format=EVE, payload=b"{}", sensor="ids"),
    "ListQuarantinedEvents": pb.ListQuarantinedEventsRequest(),
    "GetIncident": pb_incident.GetIncidentRequest(incident_id="x"),
    "ListIncidents": pb_incident.ListIncidentsRequest(),
    "ListCollections": pb_exchange.ListCollectionsRequest(),
    "GetCollection": pb_exchange.GetCollectionRequest(),
    "ListStixObjects": pb_exchange.ListStixObjectsRequest(),
}


async def test_every_method_has_a_policy_and_refuses_other_roles_and_other_tenants(service: Service) -> None:
    declared = {
        f"/{each.full_name}/{method.name}"
        for module in (pb, pb_incident, pb_exchange)
        for each in module.DESCRIPTOR.services_by_name.values()
        for method in each.methods
    }
    assert declared == set(POLICY)
    for method in POLICY:
        call = service.channel.channel.unary_unary(
            method, request_serializer=lambda message: message.SerializeToString(), response_deserializer=bytes
        )
        request = REQUESTS[method.rpartition("/")[2]]
        for roles in ((), ("device", "operator", "public")):
            error = await service.refused(call(request, metadata=service.meta(*roles)))
            assert error.reason == "METHOD_REFUSED", method
        foreign = service.meta("oc-admin", narrow_to="hoang-mai")
        assert (await service.refused(call(request, metadata=foreign))).reason == "TENANT_FORBIDDEN", method
        assert (await service.refused(call(request))).reason == "TOKEN_REFUSED", method


async def test_a_province_analyst_reads_a_centre_and_cannot_submit_for_it(service: Service, eve_lines: bytes) -> None:
    request = pb.SubmitSecurityEventsRequest(format=EVE, payload=current_alerts(eve_lines), sensor="ids-1")
    await service.submit(request, metadata=service.meta("partner"))
    narrowed = service.meta("soc-analyst", tenant="nghe-an", narrow_to="vinh")
    found = await service.incidents.ListIncidents(pb_incident.ListIncidentsRequest(), metadata=narrowed)
    assert len(found.incidents) == 2
    assert (await service.refused(service.submit(request, metadata=narrowed))).reason == "FORBIDDEN"
