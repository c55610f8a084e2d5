"""Alerts, decisions on them, and rules."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Header, Path, Query, Request, Response

from ioc.alerts.v1 import alert_pb2, rule_pb2
from ioc_gateway.answers import NOT_MODIFIED, page, problems, router, shown
from ioc_gateway.asking import CODE, Asking, CodeQuery, Paged, RequestId
from ioc_gateway.models.alerts import (
    Alert,
    AlertPage,
    AlertState,
    AlertTransitionPage,
    Decision,
    Rule,
    RulePage,
    Severity,
)
from ioc_gateway.rendering import enum_number

routes = router("alerts")
AlertId = Annotated[str, Path(pattern=CODE)]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^(\*|"[!#-~]{1,128}")$',
        description="ETag of the alert that the decision rests on; left out or * acts on whatever stands",
    ),
]


@routes.get(
    "/alerts",
    operation_id="listAlerts",
    summary="Alerts, newest first",
    response_model=AlertPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_alerts(
    request: Request,
    asking: Asking,
    paging: Paged,
    state: Annotated[list[AlertState] | None, Query(description="Only these states; all when left out")] = None,
    minimum_severity: Annotated[Severity | None, Query(description="This severity and worse")] = None,
    area: CodeQuery = "",
    rule: CodeQuery = "",
) -> Response:
    """Newest first."""
    asked = alert_pb2.ListAlertsRequest(page_size=paging.size, page_token=paging.token, area=area, rule=rule)
    asked.states.extend(enum_number(alert_pb2.AlertState.DESCRIPTOR, each) for each in dict.fromkeys(state or []))  # type: ignore[misc]
    if minimum_severity is not None:
        asked.minimum_severity = enum_number(rule_pb2.Severity.DESCRIPTOR, minimum_severity)  # type: ignore[assignment]
    found = await asking.ask(asking.peers.alerts.ListAlerts, asked)
    return page(request, AlertPage, found.alerts, found.next_page_token)


@routes.get(
    "/alerts/{alert_id}",
    operation_id="getAlert",
    summary="One alert, with the ETag that decisions rest on",
    response_model=Alert,
    responses=problems(404),
)
async def get_alert(request: Request, asking: Asking, alert_id: AlertId) -> Response:
    """By id."""
    found = await asking.ask(asking.peers.alerts.GetAlert, alert_pb2.GetAlertRequest(alert_id=alert_id))
    return shown(request, Alert.of(found.alert), etag=found.alert.etag)


@routes.post(
    "/alerts/{alert_id}/acknowledge",
    operation_id="acknowledgeAlert",
    summary="Take an alert",
    response_model=Alert,
    responses=problems(404, 409, 412, 413),
)
async def acknowledge(
    request: Request,
    asking: Asking,
    alert_id: AlertId,
    request_id: RequestId,
    decision: Annotated[Decision | None, Body()] = None,
    if_match: IfMatch = None,
) -> Response:
    """Doing so again changes nothing."""
    done = await asking.ask(
        asking.peers.alerts.AcknowledgeAlert,
        alert_pb2.AcknowledgeAlertRequest(
            alert_id=alert_id,
            note=decision.note if decision else "",
            request_id=request_id,
            etag=_etag(if_match),
        ),
    )
    return shown(request, Alert.of(done.alert), etag=done.alert.etag)


@routes.post(
    "/alerts/{alert_id}/resolve",
    operation_id="resolveAlert",
    summary="Close an alert by hand",
    response_model=Alert,
    responses=problems(404, 409, 412, 413),
)
async def resolve(
    request: Request,
    asking: Asking,
    alert_id: AlertId,
    request_id: RequestId,
    decision: Annotated[Decision | None, Body()] = None,
    if_match: IfMatch = None,
) -> Response:
    """The rule raises a new one when the cause comes again after it had gone."""
    done = await asking.ask(
        asking.peers.alerts.ResolveAlert,
        alert_pb2.ResolveAlertRequest(
            alert_id=alert_id,
            note=decision.note if decision else "",
            request_id=request_id,
            etag=_etag(if_match),
        ),
    )
    return shown(request, Alert.of(done.alert), etag=done.alert.etag)


@routes.get(
    "/alerts/{alert_id}/transitions",
    operation_id="listAlertTransitions",
    summary="The life of an alert",
    response_model=AlertTransitionPage,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def list_transitions(request: Request, asking: Asking, paging: Paged, alert_id: AlertId) -> Response:
    """Oldest first."""
    found = await asking.ask(
        asking.peers.alerts.ListAlertTransitions,
        alert_pb2.ListAlertTransitionsRequest(alert_id=alert_id, page_size=paging.size, page_token=paging.token),
    )
    return page(request, AlertTransitionPage, found.transitions, found.next_page_token)


@routes.get(
    "/rules",
    operation_id="listRules",
    summary="When alerts are raised and end",
    response_model=RulePage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_rules(request: Request, asking: Asking, paging: Paged) -> Response:
    """In order of code."""
    found = await asking.ask(
        asking.peers.rules.ListRules,
        rule_pb2.ListRulesRequest(page_size=paging.size, page_token=paging.token),
    )
    return page(request, RulePage, found.rules, found.next_page_token)


@routes.get(
    "/rules/{rule}",
    operation_id="getRule",
    summary="One rule",
    response_model=Rule,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_rule(request: Request, asking: Asking, rule: Annotated[str, Path(pattern=CODE)]) -> Response:
    """By code."""
    found = await asking.ask(asking.peers.rules.GetRule, rule_pb2.GetRuleRequest(rule=rule))
    return shown(request, Rule.of(found.rule))


def _etag(if_match: str | None) -> str:
    return "" if if_match is None or if_match == "*" else if_match[1:-1]
