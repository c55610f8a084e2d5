"""Security events in, incidents out."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from fastapi import Path, Query, Request, Response

from ioc.soc.v1 import incident_pb2, security_event_pb2
from ioc_gateway.answers import NOT_MODIFIED, page, problems, router, shown
from ioc_gateway.asking import CODE, Asking, Paged, RequestId
from ioc_gateway.errors import MediaTypeRefused
from ioc_gateway.models.security import (
    Incident,
    IncidentPage,
    IncidentSeverity,
    QuarantinedEventPage,
    SecurityEventReceipt,
)
from ioc_gateway.rendering import enum_number
from ioc_kit.errors import InvalidInput

routes = router("security")
_FORMATS: dict[str, Literal["suricata-eve", "syslog"]] = {
    "application/x-ndjson": "suricata-eve",
    "application/json": "suricata-eve",
    "text/plain": "syslog",
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "examples": {
                    "alert": {
                        "summary": "A Suricata alert, one object a line",
                        "value": '{"timestamp":"2026-11-23T08:00:00.000000+0700","event_type":"alert",'
                        '"src_ip":"203.0.113.7","dest_ip":"10.1.2.3","alert":{"signature_id":2010935,'
                        '"signature":"ET SCAN Suspicious inbound","category":"Potentially Bad Traffic","severity":2}}',
                    }
                },
            },
            "application/json": {"schema": {"oneOf": [{"type": "object"}, {"type": "array"}]}},
            "text/plain": {"schema": {"type": "string"}},
        },
    }
}


@routes.post(
    "/security-events",
    operation_id="submitSecurityEvents",
    summary="Send security events: Suricata EVE JSON lines, or RFC 5424 syslog lines",
    status_code=202,
    response_model=SecurityEventReceipt,
    responses=problems(413, 415),
    openapi_extra=_BODY,
)
async def submit_events(
    request: Request,
    asking: Asking,
    request_id: RequestId,
    sensor: Annotated[
        str, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Name of the sensor")
    ] = "http",
) -> Response:
    """The media type says the form. At most 1 MiB; durable when answered; unusable lines go to quarantine."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = _FORMATS.get(media_type)
    if form is None or request.headers.get("content-encoding", "identity") != "identity":
        raise MediaTypeRefused(", ".join(_FORMATS))
    body = await request.body()
    if media_type == "application/json":
        body = _lines(body)
    formats = security_event_pb2.EventFormat.DESCRIPTOR
    done = await asking.ask(
        asking.peers.security_events.SubmitSecurityEvents,
        security_event_pb2.SubmitSecurityEventsRequest(
            format=enum_number(formats, form),  # type: ignore[arg-type]
            payload=body,
            sensor=sensor,
            request_id=request_id,
        ),
    )
    return shown(request, SecurityEventReceipt.of(done), status=202)


@routes.get(
    "/security-events/quarantine",
    operation_id="listQuarantinedEvents",
    summary="Lines that could not be used",
    response_model=QuarantinedEventPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_quarantined(request: Request, asking: Asking, paging: Paged) -> Response:
    """Newest first."""
    found = await asking.ask(
        asking.peers.security_events.ListQuarantinedEvents,
        security_event_pb2.ListQuarantinedEventsRequest(page_size=paging.size, page_token=paging.token),
    )
    return page(request, QuarantinedEventPage, found.events, found.next_page_token)


@routes.get(
    "/incidents",
    operation_id="listIncidents",
    summary="Incidents, last seen first",
    response_model=IncidentPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_incidents(
    request: Request,
    asking: Asking,
    paging: Paged,
    minimum_severity: Annotated[IncidentSeverity | None, Query(description="This severity and worse")] = None,
) -> Response:
    """Last seen first."""
    asked = incident_pb2.ListIncidentsRequest(page_size=paging.size, page_token=paging.token)
    if minimum_severity is not None:
        asked.minimum_severity = enum_number(incident_pb2.IncidentSeverity.DESCRIPTOR, minimum_severity)  # type: ignore[assignment]
    found = await asking.ask(asking.peers.incidents.ListIncidents, asked)
    return page(request, IncidentPage, found.incidents, found.next_page_token)


@routes.get(
    "/incidents/{incident_id}",
    operation_id="getIncident",
    summary="One incident",
    response_model=Incident,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_incident(request: Request, asking: Asking, incident_id: Annotated[str, Path(pattern=CODE)]) -> Response:
    """By id."""
    found = await asking.ask(
        asking.peers.incidents.GetIncident, incident_pb2.GetIncidentRequest(incident_id=incident_id)
    )
    return shown(request, Incident.of(found.incident))


def _lines(body: bytes) -> bytes:
    """One object or an array of them as lines: the form that the service takes."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput.field("body", "is not JSON; send one object a line as application/x-ndjson") from error
    objects = document if isinstance(document, list) else [document]
    return b"\n".join(json.dumps(each, ensure_ascii=True).encode() for each in objects)
