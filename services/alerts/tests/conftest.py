"""Alerts on real PostgreSQL and NATS; builders of rules, indicator values and readings; what a caller holds in hand."""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from ioc.alerts.v1 import alert_pb2, alert_pb2_grpc, events_pb2, rule_pb2, rule_pb2_grpc
from ioc.ingest.v1 import events_pb2 as ingest_events
from ioc.kpi.v1 import events_pb2 as kpi_events
from ioc.kpi.v1 import value_pb2
from ioc.registry.v1 import contract_pb2
from ioc.registry.v1 import events_pb2 as registry_events
from ioc.type.v1 import period_pb2, text_pb2
from ioc_alerts import app as composition
from ioc_alerts.rpc.convert import moment_to_proto
from ioc_alerts.settings import Settings
from ioc_kit.bus import StreamSpec, new_event
from ioc_kit.bus.envelope import from_message
from ioc_kit.rpc.client import token_metadata
from ioc_kit.runtime import running

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
VINH, STATION = "16690", "aq-vinh-01"
SERIES = f"air-quality/pm25_ugm3/{VINH}/{STATION}"
STREAMS = (
    StreamSpec("KPI", ("ioc.*.kpi.v1.>",)),
    StreamSpec("INGEST", ("ioc.*.ingest.v1.observations.*",)),
    StreamSpec("REGISTRY", ("ioc.*.registry.v1.>",)),
)
_DURABLES = (("KPI", "alerts-indicators"), ("INGEST", "alerts-readings"), ("REGISTRY", "alerts-series"))
_EVENTS = {
    each.DESCRIPTOR.full_name: each
    for each in (
        events_pb2.AlertRaised,
        events_pb2.AlertAcknowledged,
        events_pb2.AlertResolved,
        events_pb2.AlertRetracted,
    )
}


def a_text(vi: str, en: str = "") -> text_pb2.LocalizedText:
    return text_pb2.LocalizedText(vi=vi, en=en)


def an_aqi_rule(**changes: Any) -> rule_pb2.Rule:
    """Above 150 raises, at 140 or below resolves."""
    fields: dict[str, Any] = {
        "rule": "vn-aqi-above-150",
        "name": a_text("AQI trên 150", "AQI above 150"),
        "kind": rule_pb2.RULE_KIND_INDICATOR_THRESHOLD,
        "set": "VN-AQI",
        "code": "aqi-hour",
        "side": rule_pb2.THRESHOLD_SIDE_ABOVE,
        "raise_threshold": 150,
        "resolve_threshold": 140,
        "severity": rule_pb2.SEVERITY_SEVERE,
        "title": a_text("AQI {value} tại {place}", "AQI {value} at {place}"),
        "message": a_text("AQI {value} vượt {threshold} lúc {period}", "AQI {value} above {threshold} at {period}"),
        "is_enabled": True,
    }
    return rule_pb2.Rule(**{**fields, **changes})


def a_reading_rule(**changes: Any) -> rule_pb2.Rule:
    """Above 100 µg/m³ raises, at 80 or below resolves."""
    return an_aqi_rule(
        **{
            "rule": "pm25-above-100",
            "kind": rule_pb2.RULE_KIND_READING_THRESHOLD,
            "set": "",
            "code": "",
            "source": "air-quality",
            "measure": "pm25_ugm3",
            "raise_threshold": 100,
            "resolve_threshold": 80,
            "title": a_text("Bụi {value} {unit} tại {place}"),
            **changes,
        }
    )


_computations = itertools.count(1)


def a_value(number: float | None, *, hour: int = 0, **changes: Any) -> value_pb2.IndicatorValue:
    """An AQI of one hour of one station; each one made is known a moment later than the one before."""
    start = START + timedelta(hours=hour)
    known_from = START + timedelta(days=1, seconds=next(_computations))
    fields: dict[str, Any] = {
        "value_id": f"value-{known_from.timestamp():.0f}",
        "set": "VN-AQI",
        "code": "aqi-hour",
        "area": VINH,
        "thing": STATION,
        "period": period_pb2.Period(
            kind=period_pb2.PERIOD_KIND_HOUR,
            start=moment_to_proto(start),
            end=moment_to_proto(start + timedelta(hours=1)),
        ),
        "value": number,
        "status": value_pb2.VALUE_STATUS_BAD,
        "known_from": moment_to_proto(known_from),
        "place_name": a_text("Trạm Quang Trung", "Quang Trung station"),
    }
    return value_pb2.IndicatorValue(**{**fields, **changes})


@dataclass
class World:
    """The services around alerts, and people who call it."""

    bus: Any
    channel: grpc.aio.Channel
    issuer: Any
    eventually: Any

    @property
    def rules(self) -> rule_pb2_grpc.RuleServiceStub:
        return rule_pb2_grpc.RuleServiceStub(self.channel)

    @property
    def alerts(self) -> alert_pb2_grpc.AlertServiceStub:
        return alert_pb2_grpc.AlertServiceStub(self.channel)

    def as_role(self, *roles: str, tenant: str = "vinh", **narrow: Any) -> dict[str, Any]:
        return {"metadata": token_metadata(self.issuer.token(*roles, tenant=tenant, subject=roles[0]), **narrow)}

    async def apply(self, *rules: rule_pb2.Rule, **request: Any) -> rule_pb2.ApplyRulesResponse:
        admin = self.as_role("province-admin", tenant="nghe-an")
        return await self.rules.ApplyRules(rule_pb2.ApplyRulesRequest(rules=rules, **request), **admin)

    async def compute(
        self, value: value_pb2.IndicatorValue, *, tenant: str = "vinh", event_id: str | None = None
    ) -> Any:
        """Publishes an IndicatorComputed; returns the event."""
        message = kpi_events.IndicatorComputed(value=value)
        event = new_event(
            message, tenant=tenant, source="kpi", noun="indicator", verb="computed", at=START, event_id=event_id
        )
        await self.bus.publish(event)
        return event

    async def write(self, *readings: tuple[str, float, float], tenant: str = "vinh", position: int = 0) -> Any:
        """Publishes an ObservationsWritten of (series, seconds after START, value)."""
        times = [int((START + timedelta(seconds=at)).timestamp() * 1_000_000) for _, at, _ in readings]
        message = ingest_events.ObservationsWritten(
            source="air-quality",
            first_position=position or next(_computations),
            last_position=position or next(_computations),
            series_keys=[key for key, _, _ in readings],
            from_us=times,
            to_us=times,
            latest_value=[value for _, _, value in readings],
            stored=[1] * len(readings),
            revised=[0] * len(readings),
        )
        event = new_event(message, tenant=tenant, source="ingest", noun="observations", verb="written", at=START)
        await self.bus.publish(event)
        return event

    async def tell_contract(self, *, tenant: str = "vinh") -> None:
        """Publishes the contract of the station's series, and waits until alerts knows it."""
        message = registry_events.ContractPublished(
            contract=contract_pb2.Contract(
                contract="air-quality",
                things=[contract_pb2.Thing(thing=STATION, area=VINH, name=a_text("Trạm Quang Trung"))],
            ),
            series=[contract_pb2.Series(key=SERIES, thing=STATION, unit="ug/m3")],
        )
        await self.bus.publish(
            new_event(message, tenant=tenant, source="registry", noun="contract", verb="published", at=START)
        )
        await self.settled()

    async def settled(self) -> None:
        """Waits until every event published so far has been taken."""

        async def is_done() -> bool:
            for stream, durable in _DURABLES:
                published = (await self.bus.jetstream.stream_info(stream)).state.last_seq
                taken = (await self.bus.jetstream.consumer_info(stream, durable)).ack_floor
                if taken is None or taken.stream_seq < published:
                    return False
            return True

        await self.eventually(is_done)

    async def listed(self, *, tenant: str = "vinh", role: str = "oc-operator", **request: Any) -> list[alert_pb2.Alert]:
        await self.settled()
        answer = await self.alerts.ListAlerts(
            alert_pb2.ListAlertsRequest(**request), **self.as_role(role, tenant=tenant)
        )
        return list(answer.alerts)

    async def told(self, count: int) -> list[tuple[Any, Any]]:
        """The first `count` events that alerts has published, as (event, message)."""

        async def is_there() -> bool:
            return (await self.bus.jetstream.stream_info("ALERTS")).state.messages >= count

        await self.eventually(is_there)
        found = []
        for position in range(1, count + 1):
            raw = await self.bus.jetstream.get_msg("ALERTS", position)
            event = from_message(raw.subject, raw.data, raw.headers, position)
            found.append((event, event.read(_EVENTS[event.type])))
        return found

    async def dead_letters(self) -> int:
        return (await self.bus.jetstream.stream_info("DEADLETTERS")).state.messages

    async def verbs(self, count: int) -> list[str]:
        return [event.subject.rpartition(".")[2] for event, _ in await self.told(count)]


@pytest.fixture
def settings_of(make_database, nats_server):
    """Makes the settings of a service on a fresh database."""
    urls = make_database("alerts", MIGRATIONS)

    def make(**changes):
        return Settings(
            oidc_issuer="https://issuer.test/realms/ioc",
            database_url=urls.runtime,
            nats_url=nats_server.url,
            **changes,
        )

    return make


@pytest.fixture
async def start(settings_of, bus, issuer, eventually, monkeypatch):
    """Starts an instance of the service in this process; again for a second one on the same database."""
    await bus.declare([*STREAMS, StreamSpec("DEADLETTERS", ("dead.>",))])
    monkeypatch.setattr(composition, "TokenVerifier", lambda *_: issuer.verifier())
    async with AsyncExitStack() as stack:

        async def start_one(**changes):
            app = await stack.enter_async_context(running(await composition.build(settings_of(**changes), stack)))

            async def is_bound():
                return all(consumer.is_bound for consumer in app.consumers)

            await eventually(is_bound)
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(app.server.address))
            return World(bus, channel, issuer, eventually)

        yield start_one


@pytest.fixture
async def world(start):
    """One instance of the service, with both rules in force."""
    world = await start()
    await world.apply(an_aqi_rule(), a_reading_rule())
    return world


@pytest.fixture
def make():
    """Builders, for tests to take what they need."""

    class Builders:
        text = staticmethod(a_text)
        aqi_rule = staticmethod(an_aqi_rule)
        reading_rule = staticmethod(a_reading_rule)
        value = staticmethod(a_value)
        series = SERIES
        station = STATION
        area = VINH

    return Builders
