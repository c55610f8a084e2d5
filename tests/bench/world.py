"""What the benches put into a platform before they measure: a contract of many series, devices that may log in."""

from __future__ import annotations

from datetime import timedelta

import grpc
import httpx
from google.protobuf.duration_pb2 import Duration

from ioc.registry.v1 import catalogue_pb2, catalogue_pb2_grpc, contract_pb2, source_pb2
from ioc.type.v1 import period_pb2, text_pb2
from ioc_devtools.platform.state import Run, StateFolder
from ioc_devtools.platform.tokens import Tokens
from ioc_kit.rpc.client import token_metadata

BATCH_SOURCE, DEVICE_SOURCE, MEASURE = "bench-batches", "air-quality", "pm25_ugm3"
BATCH_TENANT, BATCH_CLIENT, AREA = "vinh", "vinh-ioc", "16690"


async def publish_contracts(state: StateFolder, run: Run, *, series: int, devices: int) -> tuple[list[str], list[str]]:
    """Publishes a contract of `series` series for batches and one of `devices` MQTT stations; gives keys and ids."""
    token = await Tokens(run.issuer, state).of("quan.tri")
    names = [f"s-{number:06d}" for number in range(series)]
    device_ids = [f"bench-{number:03d}" for number in range(devices)]
    request = catalogue_pb2.ApplyCatalogueRequest(
        sources=[source_pb2.Source(code=BATCH_SOURCE, name=text_pb2.LocalizedText(vi="Đo tải", en="Bench"))],
        contracts=[
            _contract("bench-batches", BATCH_TENANT, BATCH_SOURCE, names, is_device=False),
            _contract("bench-devices", "nghe-an", DEVICE_SOURCE, device_ids, is_device=True),
        ],
    )
    async with grpc.aio.insecure_channel(run.addresses["registry"]) as channel:
        stub = catalogue_pb2_grpc.CatalogueServiceStub(channel)
        await stub.ApplyCatalogue(request, metadata=token_metadata(token))
    return [f"{BATCH_SOURCE}/{MEASURE}/{AREA}/{name}" for name in names], device_ids


async def issue_secrets(state: StateFolder, run: Run, devices: list[str]) -> dict[str, str]:
    """A fresh MQTT secret for each device, through the gateway."""
    token = await Tokens(run.issuer, state).of("quan.tri")
    async with httpx.AsyncClient(base_url=run.public_url, headers={"Authorization": f"Bearer {token}"}) as client:
        secrets = {}
        for device in devices:
            answer = await client.post(f"/api/v1/devices/{device}/credential")
            secrets[device] = answer.raise_for_status().json()["secret"]
        return secrets


def _contract(name: str, tenant: str, source: str, things: list[str], *, is_device: bool) -> contract_pb2.Contract:
    def span(seconds: float) -> Duration:
        duration = Duration()
        duration.FromTimedelta(timedelta(seconds=seconds))
        return duration

    text = text_pb2.LocalizedText(vi="Đo tải", en="Bench")
    return contract_pb2.Contract(
        contract=name,
        version=1,
        tenant=tenant,
        source=source,
        name=text,
        measures=[contract_pb2.Measure(measure=MEASURE, unit="ug/m3", name=text, minimum=0, maximum=1000)],
        things=[
            contract_pb2.Thing(thing=thing, area=AREA, name=text, device_id=thing if is_device else "")
            for thing in things
        ],
        period_kind=period_pb2.PERIOD_KIND_INSTANT,
        cadence=span(1),
        allowed_lateness=span(30 * 86400),
        clock_skew=span(300),
        retention=span(365 * 86400),
        mode=contract_pb2.CONTRACT_MODE_ENFORCE,
    )
