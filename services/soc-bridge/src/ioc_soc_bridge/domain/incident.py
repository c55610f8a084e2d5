"""Events of one kind from one address, seen as one thing to look at."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ioc_soc_bridge.domain.event import NAMESPACE, EventSource, SecurityEvent, Technique
from ioc_soc_bridge.domain.marking import Tlp
from ioc_soc_bridge.domain.severity import Severity

MAX_LISTED = 20
"""Targets, sensors and techniques that an incident names; beyond that it only counts events."""
AUTHENTICATION_FAILURE = "authentication-failure"
_ESCALATION = ((50, Severity.HIGH), (5, Severity.MEDIUM))
"""A wrong password is low, five from one address in a row are an attempt, fifty an attack."""


class IncidentState(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    CLOSED = "closed"
    """No event of its key came for the whole window."""


@dataclass(frozen=True, slots=True)
class IncidentKey:
    """What makes two events one incident, within a tenant and a window of time."""

    category: str
    signature: str
    source_ip: str
    """Empty when the report names no address: then the sensor stands in."""
    sensor: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal: what the database holds unique."""
        text = "\x1f".join((self.category, self.signature, self.source_ip, self.sensor))
        return hashlib.sha256(text.encode()).hexdigest()


def key_of(event: SecurityEvent) -> IncidentKey:
    """The key of an event. Without an address the sensor is part of it, lest all machines become one incident."""
    return IncidentKey(event.category, event.signature, event.source_ip, "" if event.source_ip else event.sensor)


@dataclass(frozen=True, slots=True)
class Incident:
    """The state of one incident. `revision` counts the versions that were told to others."""

    incident_id: uuid.UUID
    tenant: str
    key: IncidentKey
    state: IncidentState
    severity: Severity
    summary: str
    source: EventSource
    event_count: int
    first_seen_at: datetime
    last_seen_at: datetime
    is_blocked: bool
    """True while every event says that the sensor stopped it."""
    opened_at: datetime
    updated_at: datetime
    sensors: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    """Destination addresses, at most MAX_LISTED."""
    techniques: tuple[Technique, ...] = ()
    revision: int = 0
    told_count: int = 0
    """The event count of the version told last."""
    told_severity: Severity | None = None
    told_state: IncidentState | None = None
    trace_id: str = ""
    """Trace of the event that opened it; empty outside any."""
    tlp: Tlp = Tlp.AMBER
    """Marking of the version told last."""
    told_at: datetime | None = None
    """When the version told last was made: whole milliseconds, growing with each version."""

    def covers(self, at: datetime, window: timedelta) -> bool:
        """True when an event of that time belongs to this incident."""
        return self.first_seen_at - window <= at <= self.last_seen_at + window


def opened(
    tenant: str,
    event: SecurityEvent,
    now: datetime,
    *,
    state: IncidentState = IncidentState.OPEN,
    trace_id: str = "",
) -> Incident:
    """A new incident from its first event. The id follows from that event: on a replay it is the same."""
    key = key_of(event)
    return _escalated(
        Incident(
            incident_id=uuid.uuid5(NAMESPACE, f"incident/{tenant}/{key.digest}/{event.fingerprint}"),
            tenant=tenant,
            key=key,
            state=state,
            severity=event.severity,
            summary=event.summary,
            source=event.source,
            event_count=event.count,
            first_seen_at=event.at,
            last_seen_at=event.at,
            is_blocked=event.is_blocked,
            opened_at=now,
            updated_at=now,
            sensors=(event.sensor,),
            targets=(event.destination_ip,) if event.destination_ip else (),
            techniques=event.techniques[:MAX_LISTED],
            trace_id=trace_id,
        )
    )


def joined(incident: Incident, event: SecurityEvent, now: datetime) -> Incident:
    """The incident with one more event. Its state is the caller's to decide."""
    return _escalated(
        replace(
            incident,
            event_count=incident.event_count + event.count,
            severity=max(incident.severity, event.severity),
            first_seen_at=min(incident.first_seen_at, event.at),
            last_seen_at=max(incident.last_seen_at, event.at),
            is_blocked=incident.is_blocked and event.is_blocked,
            updated_at=now,
            sensors=_with(incident.sensors, event.sensor),
            targets=_with(incident.targets, event.destination_ip),
            techniques=_all(incident.techniques, event.techniques),
        )
    )


def closed(incident: Incident, now: datetime) -> Incident:
    """The incident, over."""
    return replace(incident, state=IncidentState.CLOSED, updated_at=now)


def reopened(incident: Incident) -> Incident:
    """The incident, going on after all."""
    return replace(incident, state=IncidentState.OPEN)


def is_worth_telling(incident: Incident) -> bool:
    """True when others should hear of this version.

    Always when it is new, or when its severity or state changed; otherwise for each of the first ten events, then
    each time the count has grown by a tenth: a flood of a million alerts makes some hundred versions, not a million.
    The exact count is told when the incident closes.
    """
    if incident.revision == 0 or incident.severity != incident.told_severity or incident.state != incident.told_state:
        return True
    return incident.event_count - incident.told_count >= max(1, incident.told_count // 10)


def told(incident: Incident, now: datetime, tlp: Tlp) -> Incident:
    """The incident as the version that goes out now.

    Versions are told apart by their time, and consumers may keep no more than milliseconds of it.
    """
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    if incident.told_at is not None:
        at = max(at, incident.told_at + timedelta(milliseconds=1))
    return replace(
        incident,
        revision=incident.revision + 1,
        told_count=incident.event_count,
        told_severity=incident.severity,
        told_state=incident.state,
        told_at=at,
        tlp=tlp,
    )


def _escalated(incident: Incident) -> Incident:
    if incident.key.category != AUTHENTICATION_FAILURE:
        return incident
    for count, severity in _ESCALATION:
        if incident.event_count >= count:
            return replace(incident, severity=max(incident.severity, severity))
    return incident


def _with(known: tuple[str, ...], new: str) -> tuple[str, ...]:
    return known if not new or new in known or len(known) >= MAX_LISTED else (*known, new)


def _all(known: tuple[Technique, ...], new: tuple[Technique, ...]) -> tuple[Technique, ...]:
    ids = {technique.technique_id for technique in known}
    return (*known, *(technique for technique in new if technique.technique_id not in ids))[:MAX_LISTED]
