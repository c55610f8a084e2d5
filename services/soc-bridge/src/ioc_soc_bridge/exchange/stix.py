"""An incident as STIX 2.1 objects, as plain dictionaries.

Rendered once, when the incident changes, and served as it stands. The `stix2` library checks the output in the tests
and is not loaded here: building the same objects through it takes 25 times as long, inside the tenant's turn.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final

from ioc_soc_bridge.domain.event import NAMESPACE, Technique
from ioc_soc_bridge.domain.exchange import SPEC_VERSION, Centre, StixObject
from ioc_soc_bridge.domain.incident import Incident, IncidentState
from ioc_soc_bridge.domain.marking import Tlp

# STIX 2.1, 2.9: the namespace of identifiers of cyber-observable objects.
SCO_NAMESPACE: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
# OASIS cti-stix-common-objects, tlp-2.0: ids and time of creation are fixed there. (What STIX 2.1 itself defines is
# TLP 1, with other ids.)
TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_CREATED: Final = datetime(2022, 10, 1, tzinfo=UTC)
TLP_IDS: Final = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
# OASIS cti-stix-common-objects, incident core extension 2.1: STIX 2.1's own incident has a name and no more.
INCIDENT_EXTENSION: Final = "extension-definition--ef765651-680c-498d-9894-99799f2fa126"
FIXED_CREATED: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""`created` of what has no beginning of its own: it must be the same in every version."""
MAX_OBSERVED: Final = 999_999_999
"""STIX 2.1, 4.14: the most that `number_observed` may say."""


def render(centre: Centre, incident: Incident) -> Sequence[StixObject]:
    """The objects of one version of an incident, those referred to first."""
    tlp = incident.tlp
    created, modified = _created(incident), incident.told_at or incident.updated_at
    identity = identity_id(centre.tenant)
    marked = {"created_by_ref": identity, "object_marking_refs": [TLP_IDS[tlp]]}
    addresses = [_address(each, tlp) for each in (incident.key.source_ip, *incident.targets) if each]
    addresses = list({each.object_id: each for each in addresses}.values())
    patterns = [_attack_pattern(technique, centre.tenant, marked, tlp) for technique in incident.techniques]
    told = _sdo("incident", str(incident.incident_id), created, modified, tlp, marked | _incident(incident))
    objects = [*map(_marking, sorted({Tlp.CLEAR, tlp})), _identity(centre), *addresses, *patterns, told]
    observed = []
    if addresses:
        # Observed data must refer to something observed: an incident without any address has none.
        body = marked | {
            "first_observed": stamp(incident.first_seen_at),
            "last_observed": stamp(incident.last_seen_at),
            "number_observed": min(incident.event_count, MAX_OBSERVED),
            "object_refs": [each.object_id for each in addresses],
        }
        observed = [_sdo("observed-data", _derived(incident, "observed-data"), created, modified, tlp, body)]
    sightings = [_sighting(incident, pattern, observed, identity, modified, marked, tlp) for pattern in patterns]
    related = [_related(incident, told, other, marked, tlp) for other in (*observed, *patterns)]
    return [*objects, *observed, *sightings, *related]


def stamp(at: datetime) -> str:
    """A STIX timestamp, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def identity_id(tenant: str) -> str:
    """The id of the centre's identity object."""
    return f"identity--{uuid.uuid5(NAMESPACE, f'identity/{tenant}')}"


def _created(incident: Incident) -> datetime:
    return _whole(incident.opened_at)


def _whole(at: datetime) -> datetime:
    """In whole milliseconds, as `stamp` writes it: the version must be what the document says."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _derived(incident: Incident, what: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{what}/{incident.incident_id}"))


def _sdo(
    kind: str,
    identifier: str,
    created: datetime,
    modified: datetime,
    tlp: Tlp,
    body: dict[str, Any],
) -> StixObject:
    document = {
        "type": kind,
        "spec_version": SPEC_VERSION,
        "id": f"{kind}--{identifier}",
        "created": stamp(created),
        "modified": stamp(modified),
        **body,
    }
    return StixObject(document["id"], kind, modified, tlp, document)


def _marking(tlp: Tlp) -> StixObject:
    document = {
        "type": "marking-definition",
        "spec_version": SPEC_VERSION,
        "id": TLP_IDS[tlp],
        "created": stamp(TLP_CREATED),
        "name": f"TLP:{tlp.label.upper()}",
        "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": tlp.label}},
    }
    return StixObject(TLP_IDS[tlp], "marking-definition", TLP_CREATED, Tlp.CLEAR, document)


def _identity(centre: Centre) -> StixObject:
    name = f"{centre.name_vi} / {centre.name_en}" if centre.name_en else centre.name_vi
    body = {"name": name, "identity_class": "organization", "object_marking_refs": [TLP_IDS[Tlp.CLEAR]]}
    identifier = identity_id(centre.tenant).removeprefix("identity--")
    modified = max(_whole(centre.named_at), FIXED_CREATED)
    return _sdo("identity", identifier, FIXED_CREATED, modified, Tlp.CLEAR, body)


def _address(value: str, tlp: Tlp) -> StixObject:
    kind = f"ipv{ip_address(value).version}-addr"
    # RFC 8785 canonical JSON of the one contributing property; an address holds no character that needs escaping.
    name = json.dumps({"value": value}, separators=(",", ":"))
    object_id = f"{kind}--{uuid.uuid5(SCO_NAMESPACE, name)}"
    document = {
        "type": kind,
        "spec_version": SPEC_VERSION,
        "id": object_id,
        "object_marking_refs": [TLP_IDS[tlp]],
        "value": value,
    }
    return StixObject(object_id, kind, None, tlp, document)


def _attack_pattern(technique: Technique, tenant: str, marked: dict[str, Any], tlp: Tlp) -> StixObject:
    identifier = str(uuid.uuid5(NAMESPACE, f"attack-pattern/{tenant}/{technique.technique_id}"))
    path = technique.technique_id.replace(".", "/")
    reference = {
        "source_name": "mitre-attack",
        "external_id": technique.technique_id,
        "url": f"https://attack.mitre.org/techniques/{path}",
    }
    body = marked | {"name": technique.name, "external_references": [reference]}
    at = FIXED_CREATED
    return _sdo("attack-pattern", identifier, at, at, tlp, body)


def _incident(incident: Incident) -> dict[str, Any]:
    where = f" ({incident.key.source_ip})" if incident.key.source_ip else ""
    origin = incident.key.source_ip or ", ".join(incident.sensors)
    first, last = stamp(incident.first_seen_at), stamp(incident.last_seen_at)
    severity = incident.severity.name.lower()
    return {
        "name": f"{incident.summary}{where}",
        "description": (
            f"{incident.event_count} sự kiện từ {origin}, từ {first} đến {last}. "
            f"/ {incident.event_count} events from {origin}, {first} to {last}."
        ),
        "labels": [f"severity:{severity}", f"category:{incident.key.category}", f"source:{incident.source.value}"],
        "extensions": {
            INCIDENT_EXTENSION: {
                "extension_type": "property-extension",
                "determination": "blocked" if incident.is_blocked else "suspected",
                "investigation_status": "closed" if incident.state is IncidentState.CLOSED else "new",
                "detection_methods": ["automated-tool"],
            }
        },
    }


def _sighting(
    incident: Incident,
    pattern: StixObject,
    observed: Sequence[StixObject],
    identity: str,
    modified: datetime,
    marked: dict[str, Any],
    tlp: Tlp,
) -> StixObject:
    body = marked | {
        "first_seen": stamp(incident.first_seen_at),
        "last_seen": stamp(incident.last_seen_at),
        "count": min(incident.event_count, MAX_OBSERVED),
        "sighting_of_ref": pattern.object_id,
        "where_sighted_refs": [identity],
    }
    if observed:
        body["observed_data_refs"] = [each.object_id for each in observed]
    identifier = _derived(incident, f"sighting/{pattern.object_id}")
    return _sdo("sighting", identifier, _created(incident), modified, tlp, body)


def _related(
    incident: Incident, source: StixObject, target: StixObject, marked: dict[str, Any], tlp: Tlp
) -> StixObject:
    body = marked | {
        "relationship_type": "related-to",
        "source_ref": source.object_id,
        "target_ref": target.object_id,
    }
    identifier = _derived(incident, f"relationship/{target.object_id}")
    created = _created(incident)
    return _sdo("relationship", identifier, created, created, tlp, body)
