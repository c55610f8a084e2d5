"""Domain events as they go out: CloudEvents on `ioc.<tenant>.soc.v1.incident.<verb>`."""

from __future__ import annotations

from ioc.soc.v1 import events_pb2 as pb
from ioc_kit.bus import Event, StreamSpec, new_event
from ioc_soc_bridge.domain.events import IncidentOpened, SocEvent
from ioc_soc_bridge.rpc.convert import incident_to_proto

STREAM = StreamSpec("SOC", ("ioc.*.soc.v1.>",))


def to_event(event: SocEvent) -> Event:
    """The envelope of an event; it carries the running trace on."""
    incident = event.incident
    message: pb.IncidentOpened | pb.IncidentUpdated
    if isinstance(event, IncidentOpened):
        message, verb = pb.IncidentOpened(incident=incident_to_proto(incident)), "opened"
    else:
        message, verb = pb.IncidentUpdated(incident=incident_to_proto(incident)), "updated"
    at = incident.told_at or incident.updated_at
    # The id names the version: the same version is the same event, however often it is published.
    event_id = f"{incident.incident_id}-{incident.revision}"
    return new_event(
        message, tenant=incident.tenant, source="soc", noun="incident", verb=verb, at=at, event_id=event_id
    )
