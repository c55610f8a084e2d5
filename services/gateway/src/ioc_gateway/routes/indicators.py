"""Indicators, targets and values."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response

from ioc.kpi.v1 import indicator_pb2, value_pb2
from ioc_gateway.answers import NOT_MODIFIED, page, problems, router, shown
from ioc_gateway.asking import CODE, Asking, CodeQuery, Paged
from ioc_gateway.models.indicators import (
    Explanation,
    Indicator,
    IndicatorPage,
    IndicatorSetPage,
    IndicatorValue,
    IndicatorValuePage,
    Proof,
    TargetPage,
)
from ioc_gateway.rendering import to_timestamp
from ioc_gateway.routes.observations import AsOf, From, To, interval

routes = router("indicators")
SetPath = Annotated[str, Path(alias="set", pattern=CODE, examples=["VN-AQI"])]
SetQuery = Annotated[str, Query(alias="set", max_length=200)]
Code = Annotated[str, Path(pattern=CODE)]
ValueId = Annotated[str, Path(pattern=CODE)]


@routes.get(
    "/indicator-sets",
    operation_id="listIndicatorSets",
    summary="Sets of indicators",
    response_model=IndicatorSetPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_sets(request: Request, asking: Asking, paging: Paged) -> Response:
    """In order of code; a set without indicators waits for its official annex."""
    found = await asking.ask(
        asking.peers.indicators.ListIndicatorSets,
        indicator_pb2.ListIndicatorSetsRequest(page_size=paging.size, page_token=paging.token),
    )
    return page(request, IndicatorSetPage, found.sets, found.next_page_token)


@routes.get(
    "/indicators",
    operation_id="listIndicators",
    summary="Indicators with formula and citation",
    response_model=IndicatorPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_indicators(request: Request, asking: Asking, paging: Paged, set_code: SetQuery = "") -> Response:
    """In order of set and code."""
    found = await asking.ask(
        asking.peers.indicators.ListIndicators,
        indicator_pb2.ListIndicatorsRequest(page_size=paging.size, page_token=paging.token, set=set_code),
    )
    return page(request, IndicatorPage, found.indicators, found.next_page_token)


@routes.get(
    "/indicators/{set}/{code}",
    operation_id="getIndicator",
    summary="One indicator",
    response_model=Indicator,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_indicator(request: Request, asking: Asking, set_code: SetPath, code: Code) -> Response:
    """By set and code."""
    found = await asking.ask(
        asking.peers.indicators.GetIndicator, indicator_pb2.GetIndicatorRequest(set=set_code, code=code)
    )
    return shown(request, Indicator.of(found.indicator))


@routes.get(
    "/targets",
    operation_id="listTargets",
    summary="What indicators should reach, and what says so",
    response_model=TargetPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_targets(
    request: Request, asking: Asking, paging: Paged, set_code: SetQuery = "", code: CodeQuery = ""
) -> Response:
    """In order of id."""
    found = await asking.ask(
        asking.peers.indicators.ListTargets,
        indicator_pb2.ListTargetsRequest(page_size=paging.size, page_token=paging.token, set=set_code, code=code),
    )
    return page(request, TargetPage, found.targets, found.next_page_token)


@routes.get(
    "/indicators/{set}/{code}/values",
    operation_id="listIndicatorValues",
    summary="The values of an indicator, as known now or then",
    response_model=IndicatorValuePage,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def list_values(
    request: Request,
    asking: Asking,
    paging: Paged,
    set_code: SetPath,
    code: Code,
    area: CodeQuery = "",
    thing: CodeQuery = "",
    dimension_code: CodeQuery = "",
    start: From = None,
    to: To = None,
    as_of: AsOf = None,
    versions: Annotated[
        bool, Query(description="Every version, oldest first; else the one that is held right")
    ] = False,
) -> Response:
    """In order of period. `as_of` shows what was known at that moment."""
    found = await asking.ask(
        asking.peers.values.ListValues,
        value_pb2.ListValuesRequest(
            set=set_code,
            code=code,
            area=area,
            thing=thing,
            dimension_code=dimension_code,
            interval=interval(start, to),
            as_of=to_timestamp(as_of, "as_of"),
            include_versions=versions,
            page_size=paging.size,
            page_token=paging.token,
        ),
    )
    return page(request, IndicatorValuePage, found.values, found.next_page_token)


@routes.get(
    "/indicator-values/latest",
    operation_id="listLatestIndicatorValues",
    summary="The newest value of each indicator and subject",
    response_model=IndicatorValuePage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_latest_values(
    request: Request,
    asking: Asking,
    paging: Paged,
    set_code: SetQuery = "",
    code: CodeQuery = "",
    area: CodeQuery = "",
) -> Response:
    """In a stable order, with status as of now: stale is grey."""
    found = await asking.ask(
        asking.peers.values.ListLatestValues,
        value_pb2.ListLatestValuesRequest(
            page_size=paging.size, page_token=paging.token, set=set_code, code=code, area=area
        ),
    )
    return page(request, IndicatorValuePage, found.values, found.next_page_token)


@routes.get(
    "/indicator-values/{value_id}",
    operation_id="getIndicatorValue",
    summary="One value",
    response_model=IndicatorValue,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_value(request: Request, asking: Asking, value_id: ValueId) -> Response:
    """By id."""
    found = await asking.ask(asking.peers.values.GetValue, value_pb2.GetValueRequest(value_id=value_id))
    return shown(request, IndicatorValue.of(found.value))


@routes.get(
    "/indicator-values/{value_id}/explain",
    operation_id="explainIndicatorValue",
    summary="Where a value came from",
    response_model=Explanation,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def explain_value(request: Request, asking: Asking, value_id: ValueId) -> Response:
    """Inputs with their windows and positions, formula, target and citation, as they were."""
    found = await asking.ask(asking.peers.values.ExplainValue, value_pb2.ExplainValueRequest(value_id=value_id))
    return shown(request, Explanation.of(found))


@routes.get(
    "/indicator-values/{value_id}/proof",
    operation_id="proveIndicatorValue",
    summary="Compute a value again from its record",
    response_model=Proof,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def prove_value(request: Request, asking: Asking, value_id: ValueId) -> Response:
    """Compares bit by bit; says what differs."""
    found = await asking.ask(asking.peers.values.ProveValue, value_pb2.ProveValueRequest(value_id=value_id))
    return shown(request, Proof.of(found))
