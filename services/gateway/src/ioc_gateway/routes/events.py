"""Live events."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import StreamingResponse

from ioc_gateway.answers import problems, router
from ioc_gateway.asking import Asking
from ioc_gateway.errors import RoleRefused
from ioc_gateway.events.feeds import FEEDS, feeds_for
from ioc_gateway.events.stream import EventStream

routes = router("events")
_STREAM = {
    "description": "Server-Sent Events until the token ends",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'event: alert.raised\nid: A123-K456\ndata: {"alert":{"alert_id":"…"},"tenant":"vinh",'
            '"at":"2026-11-23T01:00:00Z","trace_id":""}\n\n',
        }
    },
}


@routes.get(
    "/events",
    operation_id="followEvents",
    summary="Alerts, indicators and incidents as they happen",
    response_class=StreamingResponse,
    responses={200: _STREAM, **problems()},
)
async def follow_events(
    request: Request,
    asking: Asking,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", max_length=200, description="The last id you got: what followed is sent first"),
    ] = None,
) -> StreamingResponse:
    """Read it with `fetch` and the Authorization header. Events are those of your tenant; of all for the province.

    Names: `alert.raised`, `alert.acknowledged`, `alert.resolved`, `alert.retracted`, `indicator.computed`,
    `incident.opened` (for SOC roles), `position` (nothing happened; remember its id) and `reset` (events were missed
    that are not held any more: load the lists again). The stream ends with the token: come back with a fresh one and
    the last id; nothing is lost and nothing comes twice.
    """
    feeds = feeds_for(asking.caller)
    if not feeds:
        raise RoleRefused(*FEEDS[0].roles)
    return EventStream(asking.parts.hub, asking.caller, feeds, last_event_id, asking.parts.settings.heartbeat_seconds)
