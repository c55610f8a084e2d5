"""Domain to wire and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from ioc.soc.v1 import exchange_pb2 as pb_exchange
from ioc.soc.v1 import incident_pb2 as pb_incident
from ioc.soc.v1 import security_event_pb2 as pb_event
from ioc.type.v1 import text_pb2
from ioc_kit.errors import InvalidInput
from ioc_soc_bridge.domain.event import Receipt, Refused
from ioc_soc_bridge.domain.exchange import Collection, Match, ServedObject
from ioc_soc_bridge.domain.incident import Incident, IncidentState
from ioc_soc_bridge.domain.marking import Tlp
from ioc_soc_bridge.domain.severity import Severity
from ioc_soc_bridge.ports import QuarantinedLine

MAX_PROBLEMS: Final = 20
"""Problems named in an answer; the quarantine has all of them."""
MAX_MATCHES: Final = 1000
_SEVERITY: Final = {
    Severity.LOW: pb_incident.INCIDENT_SEVERITY_LOW,
    Severity.MEDIUM: pb_incident.INCIDENT_SEVERITY_MEDIUM,
    Severity.HIGH: pb_incident.INCIDENT_SEVERITY_HIGH,
    Severity.CRITICAL: pb_incident.INCIDENT_SEVERITY_CRITICAL,
}
_STATE: Final = {
    IncidentState.OPEN: pb_incident.INCIDENT_STATE_OPEN,
    IncidentState.CLOSED: pb_incident.INCIDENT_STATE_CLOSED,
}
_TLP: Final = {
    Tlp.CLEAR: pb_incident.TRAFFIC_LIGHT_CLEAR,
    Tlp.GREEN: pb_incident.TRAFFIC_LIGHT_GREEN,
    Tlp.AMBER: pb_incident.TRAFFIC_LIGHT_AMBER,
    Tlp.AMBER_STRICT: pb_incident.TRAFFIC_LIGHT_AMBER_STRICT,
    Tlp.RED: pb_incident.TRAFFIC_LIGHT_RED,
}


def time_to_proto(at: datetime) -> Timestamp:
    """The moment on the wire."""
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def time_from_proto(stamp: Timestamp, field: str) -> datetime:
    """The moment, aware, in UTC. Raises InvalidInput when it is outside the calendar."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput.field(field, "is outside the years 1 to 9999") from error


def incident_to_proto(incident: Incident) -> pb_incident.Incident:
    """An incident on the wire."""
    return pb_incident.Incident(
        incident_id=str(incident.incident_id),
        tenant=incident.tenant,
        title=incident.summary,
        category=incident.key.category,
        signature=incident.key.signature,
        severity=_SEVERITY[incident.severity],
        state=_STATE[incident.state],
        source_ip=incident.key.source_ip,
        targets=incident.targets,
        sensors=incident.sensors,
        first_seen_at=time_to_proto(incident.first_seen_at),
        last_seen_at=time_to_proto(incident.last_seen_at),
        event_count=incident.event_count,
        tlp=_TLP[incident.tlp],
        trace_id=incident.trace_id,
    )


def severity_from_proto(severity: pb_incident.IncidentSeverity.ValueType) -> Severity | None:
    """The severity; None when not said. Raises InvalidInput for a number that is none."""
    if severity == pb_incident.INCIDENT_SEVERITY_UNSPECIFIED:
        return None
    for known, value in _SEVERITY.items():
        if value == severity:
            return known
    raise InvalidInput.field("minimum_severity", f"{severity} is not a severity")


def receipt_to_proto(receipt: Receipt) -> pb_event.SubmitSecurityEventsResponse:
    """A receipt on the wire."""
    return pb_event.SubmitSecurityEventsResponse(
        received=receipt.received,
        accepted=receipt.accepted,
        quarantined=len(receipt.quarantined),
        duplicate=receipt.duplicate,
        ignored=sum(receipt.ignored.values()),
        incident_ids=[str(each) for each in receipt.incident_ids],
        problems=[_problem(line) for line in receipt.quarantined[:MAX_PROBLEMS]],
    )


def quarantined_to_proto(line: QuarantinedLine) -> pb_event.QuarantinedEvent:
    """A refused line on the wire."""
    times = f" ({line.times} times)" if line.times > 1 else ""
    times_vi = f" ({line.times} lần)" if line.times > 1 else ""
    reason = text_pb2.LocalizedText(vi=f"{line.reason.vi}{times_vi}", en=f"{line.detail}{times}")
    return pb_event.QuarantinedEvent(
        item_id=str(line.line_id),
        tenant=line.tenant,
        door=line.door.value,
        sensor=line.sensor,
        received_at=time_to_proto(line.last_at),
        reason=reason,
        original=line.original,
    )


def collection_to_proto(collection: Collection) -> pb_exchange.Collection:
    """A collection on the wire."""
    return pb_exchange.Collection(
        collection_id=str(collection.collection_id),
        tenant=collection.tenant,
        title=collection.name_vi,
        description=collection.name_en,
    )


def object_to_proto(served: ServedObject) -> pb_exchange.StixObject:
    """An object of a collection on the wire."""
    return pb_exchange.StixObject(
        stix_id=served.object_id,
        version=version_text(served.version),
        added_at=time_to_proto(served.added_at),
        json=json.dumps(dict(served.document), ensure_ascii=False, separators=(",", ":")).encode(),
        type=served.type,
    )


def version_text(at: datetime) -> str:
    """A version as the document itself writes it: milliseconds, or microseconds where there are some."""
    unit = "microseconds" if at.microsecond % 1000 else "milliseconds"
    return at.astimezone(UTC).isoformat(timespec=unit).replace("+00:00", "Z")


def match_from_proto(match: pb_exchange.StixMatch) -> Match:
    """The filters. Raises InvalidInput for a version that is neither a word of TAXII's nor a time."""
    for name, values in (("ids", match.ids), ("types", match.types), ("versions", match.versions)):
        if len(values) > MAX_MATCHES or any("\x00" in value for value in values):
            raise InvalidInput.field(f"match.{name}", f"takes at most {MAX_MATCHES} values without control characters")
    words = [word for word in match.versions if word]
    exact = _exact([word for word in words if word not in ("last", "first", "all")])
    return Match(
        ids=tuple(match.ids),
        types=tuple(match.types),
        spec_versions=tuple(match.spec_versions),
        is_last="last" in words or not words,
        is_first="first" in words,
        is_all="all" in words,
        versions=exact,
    )


def _exact(words: Sequence[str]) -> tuple[datetime, ...]:
    found = []
    for word in words:
        try:
            at = datetime.fromisoformat(word)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            raise InvalidInput.field("match.versions", f"{word[:40]!r} is not last, first, all or an RFC 3339 time")
        found.append(at)
    return tuple(found)


def _problem(line: Refused) -> pb_event.EventProblem:
    reason = text_pb2.LocalizedText(vi=line.reason.vi, en=line.detail)
    return pb_event.EventProblem(line=line.line, field=line.field, reason=reason)
