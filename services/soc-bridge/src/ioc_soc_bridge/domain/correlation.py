"""Which events belong together: by key and by time."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ioc_soc_bridge.domain.event import SecurityEvent
from ioc_soc_bridge.domain.incident import Incident, IncidentState, closed, joined, opened, reopened


@dataclass(frozen=True, slots=True)
class Correlated:
    """What some events of one key did: incidents that are new or changed, and the incident of each event."""

    incidents: tuple[Incident, ...]
    incident_of: Mapping[str, uuid.UUID]
    """By the event's fingerprint."""


def correlate(
    tenant: str,
    known: Sequence[Incident],
    events: Sequence[SecurityEvent],
    window: timedelta,
    now: datetime,
    *,
    trace_id: str = "",
) -> Correlated:
    """Puts events of one key into incidents; `known` holds that key's open incident and those near in time.

    An event joins the incident whose time it touches (the open one first). After a silence longer than the window
    the open incident closes and a new one opens. An event from before the open incident's time, which only a late
    delivery brings, makes an incident of its own that is closed from the start: there is never a second open one.
    A closed incident whose events go on within the window is open again.
    """
    state = {incident.incident_id: incident for incident in known}
    touched: set[uuid.UUID] = set()
    incident_of: dict[str, uuid.UUID] = {}
    for event in sorted(events, key=lambda each: (each.at, each.fingerprint)):
        current = _covering(state.values(), event.at, window)
        running = next((each for each in state.values() if each.state is IncidentState.OPEN), None)
        if current is not None:
            changed = joined(current, event, now)
            if running is None and event.at > current.last_seen_at:
                changed = reopened(changed)
        else:
            is_late = running is not None and event.at < running.first_seen_at
            if running is not None and not is_late:
                state[running.incident_id] = closed(running, now)
                touched.add(running.incident_id)
            begins = IncidentState.CLOSED if is_late else IncidentState.OPEN
            changed = opened(tenant, event, now, state=begins, trace_id=trace_id)
        state[changed.incident_id] = changed
        touched.add(changed.incident_id)
        incident_of[event.fingerprint] = changed.incident_id
    # Those that close come first: the database allows no second open one even for a moment.
    ordered = sorted((state[each] for each in touched), key=lambda each: each.state is IncidentState.OPEN)
    return Correlated(tuple(ordered), incident_of)


def _covering(incidents: Iterable[Incident], at: datetime, window: timedelta) -> Incident | None:
    found = [each for each in incidents if each.covers(at, window)]
    return max(found, key=lambda each: (each.state is IncidentState.OPEN, each.last_seen_at), default=None)
