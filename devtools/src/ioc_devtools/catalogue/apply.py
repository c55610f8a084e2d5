"""Bringing running services to the catalogue: three calls, each all or nothing; a repeat changes nothing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TypeVar

import grpc

from ioc.alerts.v1 import rule_pb2, rule_pb2_grpc
from ioc.kpi.v1 import indicator_pb2, indicator_pb2_grpc
from ioc.registry.v1 import catalogue_pb2, catalogue_pb2_grpc
from ioc_devtools.catalogue.catalogue import Catalogue
from ioc_devtools.catalogue.to_proto import catalogue_request, indicators_request, rules_request
from ioc_kit.rpc.client import error_from_call, token_metadata

_TIMEOUT_S = 60.0
R = TypeVar("R", catalogue_pb2.ApplyCatalogueRequest, indicator_pb2.ApplyIndicatorsRequest, rule_pb2.ApplyRulesRequest)


@dataclass(frozen=True, slots=True)
class Summary:
    """What was changed (or would be, in a dry run), as `<service> <kind> <code>`, and how much was the same already."""

    changed: tuple[str, ...]
    unchanged: int
    dry_run: bool

    def __str__(self) -> str:
        done = "would change" if self.dry_run else "changed"
        return f"{len(self.changed)} {done}, {self.unchanged} the same already"


async def apply(
    catalogue: Catalogue,
    registry_channel: grpc.aio.Channel,
    kpi_channel: grpc.aio.Channel,
    alerts_channel: grpc.aio.Channel,
    token: str,
    dry_run: bool = False,
) -> Summary:
    """Applies the catalogue as the bearer of `token` (province-admin): registry, then kpi, then alerts.

    Raises the kit's `IocError` of the first service that refuses; what an earlier service took stays, and a
    repeat goes on from there.
    """
    metadata = token_metadata(token)
    try:
        registry = await catalogue_pb2_grpc.CatalogueServiceStub(registry_channel).ApplyCatalogue(
            _stamped(catalogue_request(catalogue), dry_run), metadata=metadata, timeout=_TIMEOUT_S
        )
        kpi = await indicator_pb2_grpc.IndicatorServiceStub(kpi_channel).ApplyIndicators(
            _stamped(indicators_request(catalogue), dry_run), metadata=metadata, timeout=_TIMEOUT_S
        )
        alerts = await rule_pb2_grpc.RuleServiceStub(alerts_channel).ApplyRules(
            _stamped(rules_request(catalogue), dry_run), metadata=metadata, timeout=_TIMEOUT_S
        )
    except grpc.aio.AioRpcError as error:
        raise error_from_call(error) from error
    changed = (
        *(f"registry {one.kind} {one.code}" for one in registry.changes),
        *(f"kpi {one}" for one in kpi.changed),
        *(f"alerts rule {one}" for one in alerts.changed),
    )
    return Summary(changed, registry.unchanged + kpi.unchanged + alerts.unchanged, dry_run)


def _stamped(request: R, dry_run: bool) -> R:
    request.dry_run = dry_run
    request.request_id = str(uuid.uuid4())
    return request
