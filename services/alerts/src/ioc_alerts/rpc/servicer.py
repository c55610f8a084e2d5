"""Reads the request, calls the handler, writes the answer. No decision is taken here."""

from __future__ import annotations

from typing import Any

from ioc.alerts.v1 import alert_pb2, alert_pb2_grpc, rule_pb2, rule_pb2_grpc
from ioc_alerts.handlers import AlertHandlers, RuleHandlers
from ioc_alerts.rpc import convert
from ioc_kit.rpc import current_caller

Context = Any


class RuleServicer(rule_pb2_grpc.RuleServiceServicer):
    """RuleService."""

    def __init__(self, handlers: RuleHandlers) -> None:
        self._handlers = handlers

    async def GetRule(self, request: rule_pb2.GetRuleRequest, context: Context) -> rule_pb2.GetRuleResponse:
        rule = await self._handlers.get(current_caller(), request.rule)
        return rule_pb2.GetRuleResponse(rule=convert.rule_to_proto(rule))

    async def ListRules(self, request: rule_pb2.ListRulesRequest, context: Context) -> rule_pb2.ListRulesResponse:
        page = await self._handlers.list(current_caller(), page_size=request.page_size, page_token=request.page_token)
        rules = [convert.rule_to_proto(rule) for rule in page.items]
        return rule_pb2.ListRulesResponse(rules=rules, next_page_token=page.next_page_token)

    async def ApplyRules(self, request: rule_pb2.ApplyRulesRequest, context: Context) -> rule_pb2.ApplyRulesResponse:
        applied = await self._handlers.apply(
            current_caller(), convert.rules_from_proto(request.rules), is_dry_run=request.dry_run
        )
        return rule_pb2.ApplyRulesResponse(changed=applied.changed, unchanged=applied.unchanged)


class AlertServicer(alert_pb2_grpc.AlertServiceServicer):
    """AlertService."""

    def __init__(self, handlers: AlertHandlers) -> None:
        self._handlers = handlers

    async def GetAlert(self, request: alert_pb2.GetAlertRequest, context: Context) -> alert_pb2.GetAlertResponse:
        alert = await self._handlers.get(current_caller(), request.alert_id)
        return alert_pb2.GetAlertResponse(alert=convert.alert_to_proto(alert))

    async def ListAlerts(self, request: alert_pb2.ListAlertsRequest, context: Context) -> alert_pb2.ListAlertsResponse:
        page = await self._handlers.list(
            current_caller(),
            convert.filter_from_proto(request),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        alerts = [convert.alert_to_proto(alert) for alert in page.items]
        return alert_pb2.ListAlertsResponse(alerts=alerts, next_page_token=page.next_page_token)

    async def AcknowledgeAlert(
        self, request: alert_pb2.AcknowledgeAlertRequest, context: Context
    ) -> alert_pb2.AcknowledgeAlertResponse:
        alert = await self._handlers.acknowledge(
            current_caller(), request.alert_id, note=request.note, etag=request.etag, request_id=request.request_id
        )
        return alert_pb2.AcknowledgeAlertResponse(alert=convert.alert_to_proto(alert))

    async def ResolveAlert(
        self, request: alert_pb2.ResolveAlertRequest, context: Context
    ) -> alert_pb2.ResolveAlertResponse:
        alert = await self._handlers.resolve(
            current_caller(), request.alert_id, note=request.note, etag=request.etag, request_id=request.request_id
        )
        return alert_pb2.ResolveAlertResponse(alert=convert.alert_to_proto(alert))

    async def ListAlertTransitions(
        self, request: alert_pb2.ListAlertTransitionsRequest, context: Context
    ) -> alert_pb2.ListAlertTransitionsResponse:
        page = await self._handlers.list_transitions(
            current_caller(), request.alert_id, page_size=request.page_size, page_token=request.page_token
        )
        transitions = [convert.transition_to_proto(transition) for transition in page.items]
        return alert_pb2.ListAlertTransitionsResponse(transitions=transitions, next_page_token=page.next_page_token)
