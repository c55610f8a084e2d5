"""The whole service in this process on real PostgreSQL and NATS, with contracts published as the registry does."""

import dataclasses
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from ioc.ingest.v1 import (
    balance_pb2_grpc,
    intake_pb2,
    intake_pb2_grpc,
    observation_pb2_grpc,
    quarantine_pb2_grpc,
)
from ioc.registry.v1 import contract_pb2, events_pb2
from ioc.type.v1 import period_pb2
from ioc_ingest import app as composition
from ioc_ingest.settings import Settings
from ioc_kit.bus import StreamSpec, new_event
from ioc_kit.rpc.client import token_metadata
from ioc_kit.runtime import running

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"


@dataclasses.dataclass
class Running:
    """A running service: its stubs, and a connection for looking at its tables as the superuser."""

    intake: object
    observations: object
    status: object
    balance: object
    quarantine: object
    urls: object
    address: str


@pytest.fixture
def air_contract():
    """Gives a contract of air quality: two stations, two measures, three days of lateness, 0 to 1000."""

    def make(tenant="vinh", version=1, things=("aq-1", "aq-2"), **changes):
        return contract_pb2.Contract(
            contract="air-quality",
            version=version,
            tenant=tenant,
            source="air-quality",
            measures=[
                contract_pb2.Measure(measure="pm25_ugm3", unit="ug/m3", minimum=0, maximum=1000),
                contract_pb2.Measure(measure="temperature_c", unit="Cel", minimum=-10, maximum=60),
            ],
            things=[contract_pb2.Thing(thing=thing, area="16681", device_id=thing) for thing in things],
            period_kind=period_pb2.PERIOD_KIND_INSTANT,
            cadence=Duration(seconds=60),
            allowed_lateness=Duration(seconds=3 * 86400),
            clock_skew=Duration(seconds=300),
            mode=changes.pop("mode", contract_pb2.CONTRACT_MODE_ENFORCE),
            **changes,
        )

    return make


@pytest.fixture
def investment_contract():
    """A contract of monthly statistics that come as files."""
    return contract_pb2.Contract(
        contract="public-investment",
        version=1,
        tenant="nghe-an",
        source="public-investment",
        measures=[
            contract_pb2.Measure(measure="disbursed_vnd", unit="VND", minimum=0, maximum=1e15),
            contract_pb2.Measure(measure="investment_plan_vnd", unit="VND", minimum=0, maximum=1e15),
        ],
        areas=["40"],
        dimensions=[contract_pb2.Dimension(name="OWNER", codes=["SO-GTVT", "SO-YTE", "UBND-VINH"], is_required=True)],
        period_kind=period_pb2.PERIOD_KIND_MONTH,
        cadence=Duration(seconds=31 * 86400),
        allowed_lateness=Duration(seconds=1827 * 86400),
        mode=contract_pb2.CONTRACT_MODE_ENFORCE,
        columns={
            "REF_AREA": "area",
            "OWNER": "OWNER",
            "INDICATOR": "measure",
            "TIME_PERIOD": "time",
            "OBS_VALUE": "value",
            "UNIT_MEASURE": "unit",
        },
        constants={"STRUCTURE": "dataflow", "STRUCTURE_ID": "NGHEAN:PUBLIC_INVESTMENT(1.0)", "FREQ": "M"},
    )


def series_of(contract):
    places = [(t.area, t.thing) for t in contract.things] or [(area, "") for area in contract.areas]
    owners = [f"/OWNER={code}" for d in contract.dimensions for code in d.codes] or [""]
    return [
        contract_pb2.Series(
            key="/".join([contract.source, m.measure, area, *([thing] if thing else [])]) + owner,
            tenant=contract.tenant,
            source=contract.source,
            measure=m.measure,
            unit=m.unit,
            area=area,
            thing=thing,
            period_kind=contract.period_kind,
            contract=contract.contract,
            contract_version=contract.version,
        )
        for area, thing in places
        for m in contract.measures
        for owner in owners
    ]


@pytest.fixture
async def registry_stream(bus):
    """The stream of the registry, which the service waits for."""
    await bus.declare([StreamSpec("REGISTRY", ("ioc.*.registry.v1.>",)), StreamSpec("DEADLETTERS", ("dead.>",))])


@pytest.fixture
def publish_contract(bus, registry_stream):
    """Publishes a contract as the registry does, in as many parts as asked."""

    async def publish(contract, parts=1, only=None):
        series = series_of(contract)
        size = -(-len(series) // parts)
        for number in range(1, parts + 1):
            if only is not None and number not in only:
                continue
            message = events_pb2.ContractPublished(
                contract=contract, series=series[(number - 1) * size : number * size], part=number, parts=parts
            )
            await bus.publish(
                new_event(
                    message,
                    tenant=contract.tenant,
                    source="registry",
                    noun="contract",
                    verb="published",
                    at=datetime.now(UTC),
                )
            )

    return publish


@pytest.fixture
def start_service(nats_server, issuer, monkeypatch, registry_stream):
    """Gives `async with start_service(urls)`: the service on a database that is there already."""
    monkeypatch.setattr(composition, "TokenVerifier", lambda *_: issuer.verifier())

    @asynccontextmanager
    async def start(urls, **settings):
        chosen = Settings(
            oidc_issuer="https://issuer.test/realms/ioc",
            database_url=urls.runtime,
            writer_database_url=urls.writer,
            nats_url=nats_server.url,
            **settings,
        )
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(running(await composition.build(chosen, stack)))
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(app.server.address))
            yield Running(
                intake_pb2_grpc.IntakeServiceStub(channel),
                observation_pb2_grpc.ObservationServiceStub(channel),
                observation_pb2_grpc.StatusServiceStub(channel),
                balance_pb2_grpc.BalanceServiceStub(channel),
                quarantine_pb2_grpc.QuarantineServiceStub(channel),
                urls,
                app.server.address,
            )

    return start


@pytest.fixture
def fresh_urls(make_database):
    """A migrated database that no service uses yet."""
    return make_database("ingest", MIGRATIONS)


@pytest.fixture
async def connect():
    """Gives `await connect(urls)`: a connection of the superuser on the schema, closed after the test."""
    async with AsyncExitStack() as stack:

        async def open_one(urls):
            connection = await asyncpg.connect(urls.superuser, server_settings={"search_path": "ingest"})
            stack.push_async_callback(connection.close)
            return connection

        yield open_one


@pytest.fixture
async def ingest(fresh_urls, start_service):
    """The running service, without any contract yet."""
    async with start_service(fresh_urls) as service:
        yield service


@pytest.fixture
def as_role(issuer):
    """Gives the metadata of a call by a role of a tenant."""

    def metadata(*roles, tenant="vinh", **narrow):
        return {"metadata": token_metadata(issuer.token(*roles, tenant=tenant), **narrow)}

    return metadata


@pytest.fixture
def now():
    """This minute: the doors compare with the real clock."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture
def a_batch(now):
    """Gives a request of PushBatches with one reading a minute, counted back from now."""

    def make(batch_id="b-1", values=(10.0, 11.0), key="air-quality/pm25_ugm3/16681/aq-1", ages=None, **changes):
        ages = ages or [timedelta(minutes=len(values) - n) for n in range(len(values))]
        columns = {
            "series_keys": [key],
            "series_index": [0] * len(values),
            "time_us": [int((now - age).timestamp() * 1e6) for age in ages],
            "value": values,
            **changes,
        }
        return intake_pb2.PushBatchesRequest(
            batch_id=batch_id, source="air-quality", batch=intake_pb2.ObservationBatch(**columns)
        )

    return make


@pytest.fixture
def push(as_role):
    """Pushes requests in one stream and gives the receipts."""

    async def send(service, *requests, tenant="vinh", roles=("partner",)):
        call = service.intake.PushBatches(iter(requests), **as_role(*roles, tenant=tenant))
        return [answer.receipt async for answer in call]

    return send


@pytest.fixture
async def under_contract(ingest, publish_contract, air_contract, push, a_batch, eventually):
    """The running service with Vinh's contract in force."""
    await publish_contract(air_contract())
    await eventually(lambda: source_is_known(ingest, push, a_batch))
    return ingest


async def source_is_known(service, push, a_batch, tenant="vinh", source="air-quality"):
    probe = a_batch("probe", ())
    probe.source = source
    try:
        await push(service, probe, tenant=tenant)
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.INVALID_ARGUMENT  # no longer an unknown source, only an empty batch
