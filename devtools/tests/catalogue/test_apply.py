"""Applying: three services get their part, in order, with the bearer's token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from ioc.alerts.v1 import rule_pb2, rule_pb2_grpc
from ioc.kpi.v1 import indicator_pb2, indicator_pb2_grpc
from ioc.registry.v1 import catalogue_pb2, catalogue_pb2_grpc
from ioc_devtools.catalogue import Catalogue
from ioc_devtools.catalogue.apply import apply
from ioc_kit.errors import Forbidden

TOKEN = "token-of-the-administrator"


class Services(
    catalogue_pb2_grpc.CatalogueServiceServicer,
    indicator_pb2_grpc.IndicatorServiceServicer,
    rule_pb2_grpc.RuleServiceServicer,
):
    """All three services in one; keeps what it was sent."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, str]] = []
        self.refuses_kpi = False

    def _keep(self, request: Any, context: Any) -> None:
        self.calls.append((request, dict(context.invocation_metadata())["authorization"]))

    async def ApplyCatalogue(self, request: Any, context: Any) -> Any:
        self._keep(request, context)
        change = catalogue_pb2.CatalogueChange(kind="tenant", code="vinh", is_new=True)
        return catalogue_pb2.ApplyCatalogueResponse(changes=[change], unchanged=5)

    async def ApplyIndicators(self, request: Any, context: Any) -> Any:
        self._keep(request, context)
        if self.refuses_kpi:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "only the province may")
        return indicator_pb2.ApplyIndicatorsResponse(changed=["set VN-AQI"], unchanged=2)

    async def ApplyRules(self, request: Any, context: Any) -> Any:
        self._keep(request, context)
        return rule_pb2.ApplyRulesResponse(changed=["vn-aqi-above-150"], unchanged=1)


@pytest.fixture
async def services() -> AsyncIterator[tuple[Services, grpc.aio.Channel]]:
    """The services behind a real server, and a channel to them."""
    kept, server = Services(), grpc.aio.server()
    catalogue_pb2_grpc.add_CatalogueServiceServicer_to_server(kept, server)
    indicator_pb2_grpc.add_IndicatorServiceServicer_to_server(kept, server)
    rule_pb2_grpc.add_RuleServiceServicer_to_server(kept, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield kept, channel
    await server.stop(None)


async def test_the_three_services_get_their_part_with_the_token(
    catalogue: Catalogue, services: tuple[Services, grpc.aio.Channel]
) -> None:
    kept, channel = services

    summary = await apply(catalogue, channel, channel, channel, TOKEN)

    requests = [request for request, _ in kept.calls]
    assert [type(one) for one in requests] == [
        catalogue_pb2.ApplyCatalogueRequest,
        indicator_pb2.ApplyIndicatorsRequest,
        rule_pb2.ApplyRulesRequest,
    ]
    assert {metadata for _, metadata in kept.calls} == {f"Bearer {TOKEN}"}
    assert len({one.request_id for one in requests}) == 3
    assert not any(one.dry_run for one in requests)
    assert summary.changed == ("registry tenant vinh", "kpi set VN-AQI", "alerts rule vn-aqi-above-150")
    assert summary.unchanged == 8
    assert str(summary) == "3 changed, 8 the same already"


async def test_a_dry_run_says_so_to_every_service(
    catalogue: Catalogue, services: tuple[Services, grpc.aio.Channel]
) -> None:
    kept, channel = services

    summary = await apply(catalogue, channel, channel, channel, TOKEN, dry_run=True)

    assert [request.dry_run for request, _ in kept.calls] == [True, True, True]
    assert str(summary) == "3 would change, 8 the same already"


async def test_a_refusal_is_told_as_the_kits_error_and_ends_the_apply(
    catalogue: Catalogue, services: tuple[Services, grpc.aio.Channel]
) -> None:
    kept, channel = services
    kept.refuses_kpi = True

    with pytest.raises(Forbidden, match="only the province may"):
        await apply(catalogue, channel, channel, channel, TOKEN)

    assert len(kept.calls) == 2
