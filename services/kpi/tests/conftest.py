"""The whole service in this process on real PostgreSQL, NATS and gRPC; a ledger in memory stands where ingest would."""

import math
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from nats.js.errors import NotFoundError

from ioc.ingest.v1 import events_pb2 as ingest_events
from ioc.ingest.v1 import observation_pb2, observation_pb2_grpc
from ioc.kpi.v1 import indicator_pb2, indicator_pb2_grpc, value_pb2, value_pb2_grpc
from ioc.registry.v1 import contract_pb2
from ioc.registry.v1 import events_pb2 as registry_events
from ioc.type.v1 import period_pb2, text_pb2
from ioc_kit.bus import StreamSpec, new_event
from ioc_kit.rpc.client import token_metadata
from ioc_kit.runtime import running
from ioc_kpi import app as composition
from ioc_kpi.settings import Settings

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
STATION = "aq-vinh-01"
HOUR = timedelta(hours=1)


@dataclass
class Row:
    tenant: str
    key: str
    at: datetime
    value: float
    position: int
    is_bad: bool = False


class FakeLedger(observation_pb2_grpc.ObservationServiceServicer):
    """Answers as ingest does, from memory: of a moment the row with the greatest position up to the one asked."""

    def __init__(self):
        self.rows = []
        self.calls = []
        self.is_away = False

    async def AggregateWindows(self, request, context):
        if self.is_away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        metadata = dict(context.invocation_metadata())
        self.calls.append((metadata["ioc-tenant"], len(request.windows)))
        position = request.as_of_position or max((row.position for row in self.rows), default=0)
        aggregates = [self._aggregate(metadata["ioc-tenant"], window, position) for window in request.windows]
        return observation_pb2.AggregateWindowsResponse(aggregates=aggregates, ledger_position=position)

    def _aggregate(self, tenant, window, position):
        start, end = getattr(window, "from").ToDatetime(UTC), window.to.ToDatetime(UTC)
        newest = {}
        for row in sorted(self.rows, key=lambda row: row.position):
            is_asked = (row.tenant, row.key) == (tenant, window.series_key) and start <= row.at < end
            if is_asked and row.position <= position:
                newest[row.at] = row
        good = [row for _, row in sorted(newest.items()) if not row.is_bad]
        answer = observation_pb2.WindowAggregate(count=len(good), bad_count=len(newest) - len(good))
        if good:
            values = [row.value for row in good]
            answer.sum, answer.min, answer.max = math.fsum(values), min(values), max(values)
            answer.mean, answer.last = answer.sum / len(values), values[-1]
            answer.last_at.FromDatetime(good[-1].at)
            answer.position = max(row.position for row in good)
        return answer


class World:
    """The service and what stands around it."""

    def __init__(self, channel, bus, ledger, clock, issuer, eventually):
        self.eventually = eventually
        self.bus, self.ledger, self.clock, self._issuer = bus, ledger, clock, issuer
        self.indicators = indicator_pb2_grpc.IndicatorServiceStub(channel)
        self.values = value_pb2_grpc.ValueServiceStub(channel)
        self.position = 0

    def as_role(self, *roles, tenant="nghe-an", **narrow):
        return {"metadata": token_metadata(self._issuer.token(*roles, tenant=tenant), **narrow)}

    async def define(self, *indicators, targets=(), **fields):
        request = indicator_pb2.ApplyIndicatorsRequest(indicators=indicators, targets=targets, **fields)
        return await self.indicators.ApplyIndicators(request, **self.as_role("province-admin"))

    async def write(self, tenant, key, readings, *, is_bad=False):
        """Puts readings into the ledger as one batch and tells of it; gives the event."""
        self.position += 1
        times = [at for at, _ in readings]
        self.ledger.rows += [Row(tenant, key, at, value, self.position, is_bad) for at, value in readings]
        message = ingest_events.ObservationsWritten(
            source=key.partition("/")[0],
            first_position=self.position,
            last_position=self.position,
            series_keys=[key],
            from_us=[int(min(times).timestamp() * 1_000_000)],
            to_us=[int(max(times).timestamp() * 1_000_000)],
            stored=[len(readings)],
        )
        event = new_event(
            message, tenant=tenant, source="ingest", noun="observations", verb="written", at=self.clock.now()
        )
        await self.bus.publish(event)
        return event

    async def publish_contract(self, tenant, source, keys, *, kind=period_pb2.PERIOD_KIND_INSTANT, cadence=3600):
        """Tells of a contract whose series have these keys."""
        contract = contract_pb2.Contract(
            contract=source, version=3, tenant=tenant, source=source, cadence=Duration(seconds=cadence)
        )
        series = []
        for key in keys:
            place = [part for part in key.split("/") if "=" not in part]
            series.append(
                contract_pb2.Series(
                    key=key,
                    source=source,
                    measure=place[1],
                    area=place[2],
                    thing="".join(place[3:]),
                    dimensions=dict(part.split("=") for part in key.split("/") if "=" in part),
                    period_kind=kind,
                    contract=source,
                    contract_version=3,
                    name=text_pb2.LocalizedText(vi="Trạm Vinh 1" if place[3:] else ""),
                )
            )
        message = registry_events.ContractPublished(contract=contract, series=series, part=1, parts=1)
        event = new_event(
            message, tenant=tenant, source="registry", noun="contract", verb="published", at=self.clock.now()
        )
        await self.bus.publish(event)
        await self.eventually(lambda: self.is_taken("REGISTRY", "kpi-contracts"))

    async def is_taken(self, stream, durable):
        """True when the service has taken everything from the stream by that durable."""
        try:
            info = await self.bus.jetstream.consumer_info(stream, durable)
        except NotFoundError:
            return False  # the service has not bound it yet
        return info.num_pending == 0 and info.num_ack_pending == 0

    async def latest(self, code, *roles, tenant="nghe-an", **narrow):
        request = value_pb2.ListLatestValuesRequest(code=code)
        found = await self.values.ListLatestValues(
            request, **self.as_role(*(roles or ("operator",)), tenant=tenant, **narrow)
        )
        return list(found.values)

    async def history(self, set_code, code, **fields):
        request = value_pb2.ListValuesRequest(set=set_code, code=code, **fields)
        return list((await self.values.ListValues(request, **self.as_role("operator"))).values)


@pytest.fixture
def ledger():
    return FakeLedger()


@pytest.fixture
async def world(make_database, nats_server, bus, issuer, ledger, fixed_clock, eventually, monkeypatch):
    class Token:
        def __init__(self, *_):
            pass

        async def get(self):
            return issuer.token("service")

        async def aclose(self):
            pass

    ingest = grpc.aio.server()
    observation_pb2_grpc.add_ObservationServiceServicer_to_server(ledger, ingest)
    port = ingest.add_insecure_port("127.0.0.1:0")
    await ingest.start()
    await bus.declare(
        [
            StreamSpec("INGEST", ("ioc.*.ingest.v1.observations.*", "ioc.*.ingest.v1.readings.*")),
            StreamSpec("REGISTRY", ("ioc.*.registry.v1.>",)),
        ]
    )
    urls = make_database("kpi", MIGRATIONS)
    settings = Settings(
        oidc_issuer="https://issuer.test/realms/ioc",
        database_url=urls.runtime,
        nats_url=nats_server.url,
        ingest_address=f"127.0.0.1:{port}",
        client_secret="test-only",
        settle_ms=0,
        settle_running_ms=0,
    )
    monkeypatch.setattr(composition, "TokenVerifier", lambda *_: issuer.verifier())
    monkeypatch.setattr(composition, "ServiceToken", Token)
    monkeypatch.setattr(composition, "SystemClock", lambda: fixed_clock)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(running(await composition.build(settings, stack)))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(app.server.address))
        world = World(channel, bus, ledger, fixed_clock, issuer, eventually)
        world.urls = urls
        yield world
    await ingest.stop(None)


@pytest.fixture
def vn_aqi():
    """The hourly index of a station, from PM2.5 and PM10; as in the catalogue no input is required by itself."""
    bands = (("good", 50), ("moderate", 100), ("poor", 150), ("bad", 200), ("very-bad", 300), ("hazardous", 500))
    return indicator_pb2.Indicator(
        set="VN-AQI",
        code="vn_aqi_hourly",
        name=text_pb2.LocalizedText(vi="VN_AQI giờ"),
        formula="builtin:vn_aqi_hourly",
        inputs=[
            indicator_pb2.Input(
                name=name,
                source="air-quality",
                measure=f"{name}_ugm3",
                aggregate=indicator_pb2.AGGREGATE_MEAN,
                periods=periods,
                is_required=False,
            )
            for name, periods in (("pm25", 12), ("pm10", 12), ("no2", 1))
        ],
        period_kind=period_pb2.PERIOD_KIND_HOUR,
        subject=indicator_pb2.SUBJECT_THING,
        bands=[indicator_pb2.Band(code=code, upper=upper, colour="#000000") for code, upper in bands],
        citation=text_pb2.Citation(instrument="QD-1459", verification=text_pb2.VERIFICATION_VERIFIED),
    )


@pytest.fixture
def disbursed_share():
    """The disbursed share of public investment, by owner and in total."""
    return indicator_pb2.Indicator(
        set="KH-655",
        code="disbursed_share",
        name=text_pb2.LocalizedText(vi="Tỷ lệ giải ngân"),
        formula="disbursed / plan * 100.0",
        inputs=[
            indicator_pb2.Input(
                name=name,
                source="public-investment",
                measure=measure,
                aggregate=indicator_pb2.AGGREGATE_SUM,
                is_required=True,
            )
            for name, measure in (("disbursed", "disbursed_vnd"), ("plan", "investment_plan_vnd"))
        ],
        unit="%",
        period_kind=period_pb2.PERIOD_KIND_MONTH,
        subject=indicator_pb2.SUBJECT_DIMENSION,
        dimension="OWNER",
    )


@pytest.fixture
def target_2026():
    """95 % by the end of the year, in equal monthly steps, with ten points of margin."""
    return indicator_pb2.Target(
        target_id="disbursed-share-2026",
        set="KH-655",
        code="disbursed_share",
        area="40",
        value=95,
        comparator=indicator_pb2.COMPARATOR_AT_LEAST,
        warning_margin=10,
        path=indicator_pb2.TARGET_PATH_LINEAR_IN_YEAR,
        basis=indicator_pb2.TARGET_BASIS_OURS,
        valid_from="2026-01-01",
        valid_to="2027-01-01",
    )
