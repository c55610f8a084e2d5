"""gRPC to handlers: read, call, write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc

from ioc.soc.v1 import exchange_pb2 as pb_exchange
from ioc.soc.v1 import exchange_pb2_grpc, incident_pb2_grpc, security_event_pb2_grpc
from ioc.soc.v1 import incident_pb2 as pb_incident
from ioc.soc.v1 import security_event_pb2 as pb_event
from ioc_kit.clock import Clock
from ioc_kit.rpc import current_caller
from ioc_soc_bridge.domain.event import Intake
from ioc_soc_bridge.handlers import ExchangeHandlers, IncidentHandlers, IntakeHandlers
from ioc_soc_bridge.rpc import convert

Context = grpc.aio.ServicerContext[Any, Any]
ReadSubmission = Callable[[int, bytes, str, datetime], Intake]


class SecurityEventServicer(security_event_pb2_grpc.SecurityEventServiceServicer):
    """Security events in, and the quarantine."""

    def __init__(self, intake: IntakeHandlers, incidents: IncidentHandlers, read: ReadSubmission, clock: Clock) -> None:
        self._intake = intake
        self._read = read
        self._incidents = incidents
        self._clock = clock

    async def SubmitSecurityEvents(
        self, request: pb_event.SubmitSecurityEventsRequest, context: Context
    ) -> pb_event.SubmitSecurityEventsResponse:
        caller = current_caller()
        found = self._read(request.format, request.payload, request.sensor, self._clock.now())
        return convert.receipt_to_proto(await self._intake.take(caller.tenancy, found))

    async def ListQuarantinedEvents(
        self, request: pb_event.ListQuarantinedEventsRequest, context: Context
    ) -> pb_event.ListQuarantinedEventsResponse:
        page = await self._incidents.list_quarantined(
            current_caller(), page_size=request.page_size, page_token=request.page_token
        )
        return pb_event.ListQuarantinedEventsResponse(
            events=[convert.quarantined_to_proto(line) for line in page.items], next_page_token=page.next_page_token
        )


class IncidentServicer(incident_pb2_grpc.IncidentServiceServicer):
    """Shows incidents."""

    def __init__(self, handlers: IncidentHandlers) -> None:
        self._handlers = handlers

    async def GetIncident(
        self, request: pb_incident.GetIncidentRequest, context: Context
    ) -> pb_incident.GetIncidentResponse:
        incident = await self._handlers.get(current_caller(), request.incident_id)
        return pb_incident.GetIncidentResponse(incident=convert.incident_to_proto(incident))

    async def ListIncidents(
        self, request: pb_incident.ListIncidentsRequest, context: Context
    ) -> pb_incident.ListIncidentsResponse:
        page = await self._handlers.list(
            current_caller(),
            minimum=convert.severity_from_proto(request.minimum_severity),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb_incident.ListIncidentsResponse(
            incidents=[convert.incident_to_proto(each) for each in page.items], next_page_token=page.next_page_token
        )


class ExchangeServicer(exchange_pb2_grpc.ExchangeServiceServicer):
    """What the gateway's TAXII front asks for."""

    def __init__(self, handlers: ExchangeHandlers) -> None:
        self._handlers = handlers

    async def ListCollections(
        self, request: pb_exchange.ListCollectionsRequest, context: Context
    ) -> pb_exchange.ListCollectionsResponse:
        page = await self._handlers.list_collections(
            current_caller(), page_size=request.page_size, page_token=request.page_token
        )
        return pb_exchange.ListCollectionsResponse(
            collections=[convert.collection_to_proto(each) for each in page.items],
            next_page_token=page.next_page_token,
        )

    async def GetCollection(
        self, request: pb_exchange.GetCollectionRequest, context: Context
    ) -> pb_exchange.GetCollectionResponse:
        collection = await self._handlers.get_collection(current_caller(), request.collection_id)
        return pb_exchange.GetCollectionResponse(collection=convert.collection_to_proto(collection))

    async def ListStixObjects(
        self, request: pb_exchange.ListStixObjectsRequest, context: Context
    ) -> pb_exchange.ListStixObjectsResponse:
        has_after = request.HasField("added_after")
        page = await self._handlers.list_objects(
            current_caller(),
            request.collection_id,
            convert.match_from_proto(request.match),
            added_after=convert.time_from_proto(request.added_after, "added_after") if has_after else None,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb_exchange.ListStixObjectsResponse(
            objects=[convert.object_to_proto(each) for each in page.items], next_page_token=page.next_page_token
        )
