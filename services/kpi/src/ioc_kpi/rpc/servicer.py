"""Reads the request, calls the handler, writes the answer. No decision is taken here."""

from __future__ import annotations

from typing import Any

from ioc.kpi.v1 import indicator_pb2, indicator_pb2_grpc, value_pb2, value_pb2_grpc
from ioc_kit.rpc import current_caller
from ioc_kpi.defining import DefinitionHandlers
from ioc_kpi.domain.definitions import Draft
from ioc_kpi.domain.query import HistoryQuery, LatestQuery
from ioc_kpi.handlers import KpiHandlers
from ioc_kpi.rpc import convert
from ioc_kpi.rpc.convert_value import lineage_input_to_proto, shown_to_proto
from ioc_kpi.rpc.plain import citation_to_proto, moment_from_proto

Context = Any


class IndicatorServicer(indicator_pb2_grpc.IndicatorServiceServicer):
    """IndicatorService."""

    def __init__(self, handlers: KpiHandlers, defining: DefinitionHandlers) -> None:
        self._handlers = handlers
        self._defining = defining

    async def GetIndicator(
        self, request: indicator_pb2.GetIndicatorRequest, context: Context
    ) -> indicator_pb2.GetIndicatorResponse:
        indicator = await self._handlers.get_indicator(current_caller(), request.set, request.code)
        return indicator_pb2.GetIndicatorResponse(indicator=convert.indicator_to_proto(indicator))

    async def ListIndicators(
        self, request: indicator_pb2.ListIndicatorsRequest, context: Context
    ) -> indicator_pb2.ListIndicatorsResponse:
        page = await self._handlers.list_indicators(
            current_caller(), set_code=request.set, page_size=request.page_size, page_token=request.page_token
        )
        indicators = [convert.indicator_to_proto(each) for each in page.items]
        return indicator_pb2.ListIndicatorsResponse(indicators=indicators, next_page_token=page.next_page_token)

    async def ListIndicatorSets(
        self, request: indicator_pb2.ListIndicatorSetsRequest, context: Context
    ) -> indicator_pb2.ListIndicatorSetsResponse:
        page = await self._handlers.list_sets(
            current_caller(), page_size=request.page_size, page_token=request.page_token
        )
        sets = [convert.set_to_proto(each) for each in page.items]
        return indicator_pb2.ListIndicatorSetsResponse(sets=sets, next_page_token=page.next_page_token)

    async def ListTargets(
        self, request: indicator_pb2.ListTargetsRequest, context: Context
    ) -> indicator_pb2.ListTargetsResponse:
        page = await self._handlers.list_targets(
            current_caller(),
            set_code=request.set,
            code=request.code,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        targets = [convert.target_to_proto(each) for each in page.items]
        return indicator_pb2.ListTargetsResponse(targets=targets, next_page_token=page.next_page_token)

    async def ApplyIndicators(
        self, request: indicator_pb2.ApplyIndicatorsRequest, context: Context
    ) -> indicator_pb2.ApplyIndicatorsResponse:
        draft = Draft(
            tuple(convert.set_from_proto(each) for each in request.sets),
            tuple(convert.indicator_from_proto(each) for each in request.indicators),
            tuple(convert.target_from_proto(each) for each in request.targets),
        )
        applied = await self._defining.apply(current_caller(), draft, is_dry_run=request.dry_run)
        return indicator_pb2.ApplyIndicatorsResponse(changed=applied.changed, unchanged=applied.unchanged)


class ValueServicer(value_pb2_grpc.ValueServiceServicer):
    """ValueService."""

    def __init__(self, handlers: KpiHandlers) -> None:
        self._handlers = handlers

    async def ListLatestValues(
        self, request: value_pb2.ListLatestValuesRequest, context: Context
    ) -> value_pb2.ListLatestValuesResponse:
        query = LatestQuery(request.set, request.code, request.area)
        page = await self._handlers.list_latest(
            current_caller(), query, page_size=request.page_size, page_token=request.page_token
        )
        values = [shown_to_proto(each) for each in page.items]
        return value_pb2.ListLatestValuesResponse(values=values, next_page_token=page.next_page_token)

    async def ListValues(self, request: value_pb2.ListValuesRequest, context: Context) -> value_pb2.ListValuesResponse:
        interval = request.interval
        has_start = interval.HasField("from")
        query = HistoryQuery(
            indicator=f"{request.set}/{request.code}",
            area=request.area,
            thing=request.thing,
            dimension_code=request.dimension_code,
            start=moment_from_proto(getattr(interval, "from"), "interval.from") if has_start else None,
            end=moment_from_proto(interval.to, "interval.to") if interval.HasField("to") else None,
            as_of=moment_from_proto(request.as_of, "as_of") if request.HasField("as_of") else None,
            has_versions=request.include_versions,
        )
        page = await self._handlers.list_values(
            current_caller(),
            request.set,
            request.code,
            query,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        values = [shown_to_proto(each) for each in page.items]
        return value_pb2.ListValuesResponse(values=values, next_page_token=page.next_page_token)

    async def GetValue(self, request: value_pb2.GetValueRequest, context: Context) -> value_pb2.GetValueResponse:
        shown = await self._handlers.get_value(current_caller(), request.value_id)
        return value_pb2.GetValueResponse(value=shown_to_proto(shown))

    async def ExplainValue(
        self, request: value_pb2.ExplainValueRequest, context: Context
    ) -> value_pb2.ExplainValueResponse:
        found = await self._handlers.explain(current_caller(), request.value_id)
        value = found.shown.value
        return value_pb2.ExplainValueResponse(
            value=shown_to_proto(found.shown),
            inputs=[lineage_input_to_proto(each) for each in value.lineage.inputs],
            formula=value.lineage.formula,
            citation=citation_to_proto(found.indicator.citation) if found.indicator else None,
            target=convert.target_to_proto(found.target) if found.target else None,
            trace_id=value.trace_id,
        )

    async def ProveValue(self, request: value_pb2.ProveValueRequest, context: Context) -> value_pb2.ProveValueResponse:
        proof = await self._handlers.prove(current_caller(), request.value_id)
        return value_pb2.ProveValueResponse(
            is_proved=proof.is_proved,
            recorded=proof.recorded,
            recomputed=proof.recomputed,
            differences=proof.differences,
        )
