"""Security events in, incidents out."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from ioc.soc.v1 import incident_pb2, security_event_pb2
from ioc_gateway.models.shown import Page, Shown, Text

IncidentSeverity = Literal["low", "medium", "high", "critical"]


class EventProblem(Shown):
    """Why a line could not be used."""

    proto = security_event_pb2.EventProblem
    line: int
    field: str
    reason: Text | None


class SecurityEventReceipt(Shown):
    """received = accepted + quarantined + duplicate + ignored; accepted events are durable."""

    proto = security_event_pb2.SubmitSecurityEventsResponse
    received: int
    accepted: int
    quarantined: int
    duplicate: int
    ignored: int
    incident_ids: list[str]
    problems: list[EventProblem]


class QuarantinedEvent(Shown):
    """A refused line."""

    proto = security_event_pb2.QuarantinedEvent
    item_id: str
    tenant: str
    door: str
    sensor: str
    received_at: AwareDatetime | None
    reason: Text | None
    original_base64: str


class Incident(Shown):
    """Events of one kind from one place, together."""

    proto = incident_pb2.Incident
    incident_id: str
    tenant: str
    title: str
    category: str
    signature: str
    severity: IncidentSeverity | None
    state: Literal["open", "closed"] | None
    source_ip: str
    targets: list[str]
    sensors: list[str]
    first_seen_at: AwareDatetime | None
    last_seen_at: AwareDatetime | None
    event_count: int
    tlp: Literal["clear", "green", "amber", "amber-strict", "red"] | None = Field(description="TLP 2.0")
    trace_id: str


class IncidentPage(Page[Incident]):
    """A page of incidents, last seen first."""


class QuarantinedEventPage(Page[QuarantinedEvent]):
    """A page of refused lines, newest first."""
