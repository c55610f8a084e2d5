"""What is handed on is STIX 2.1 by other people's measure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import stix2

from ioc_soc_bridge.domain.event import SecurityEvent, Technique
from ioc_soc_bridge.domain.exchange import Centre, StixObject
from ioc_soc_bridge.domain.incident import Incident, closed, joined, opened, told
from ioc_soc_bridge.domain.marking import Tlp
from ioc_soc_bridge.exchange.stix import INCIDENT_EXTENSION, TLP_EXTENSION, TLP_IDS, render

NOW = datetime(2026, 11, 23, 1, 0, 0, 123456, tzinfo=UTC)
CENTRE = Centre("vinh", "Trung tâm điều hành thành phố Vinh", "Vinh operations centre", NOW)
AnEvent = Callable[..., SecurityEvent]


@pytest.fixture
def an_incident(an_event: AnEvent) -> Incident:
    """Two events, one with a technique, one to an IPv6 address."""
    technique = Technique("T1110.001", "Password Guessing")
    first = opened("vinh", an_event(0, techniques=(technique,)), NOW)
    return told(joined(first, an_event(1, destination_ip="2001:db8::20"), NOW), NOW, Tlp.AMBER)


def documents(objects: Sequence[StixObject]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in objects:
        found.setdefault(each.type, []).append(dict(each.document))
    return found


def test_every_object_is_read_by_the_reference_library(an_incident: Incident) -> None:
    for each in render(CENTRE, an_incident):
        parsed = stix2.parse(json.dumps(each.document), allow_custom=False)
        assert parsed["type"] == each.type
        # The library leaves out a fraction of zeros; to the standard both are the same time.
        read, written = (text.replace(".000Z", "Z") for text in (parsed.serialize(), json.dumps(each.document)))
        assert json.loads(read) == json.loads(written)


def test_the_oasis_validator_finds_no_error(an_incident: Incident) -> None:
    from stix2validator import ValidationOptions, validate_instance

    objects = [dict(each.document) for each in render(CENTRE, an_incident)]
    bundle = {"type": "bundle", "id": "bundle--7c1f2a52-4d6d-4b9e-8f3b-7f5d6a1c2b3a", "objects": objects}
    result = validate_instance(bundle, ValidationOptions(version="2.1"))
    assert result.is_valid, [str(error) for error in result.errors]


def test_ids_of_addresses_are_those_that_everybody_computes(an_incident: Incident) -> None:
    found = documents(render(CENTRE, an_incident))
    for each in found["ipv4-addr"]:
        assert each["id"] == stix2.v21.IPv4Address(value=each["value"])["id"]
    (six,) = found["ipv6-addr"]
    assert six["id"] == stix2.v21.IPv6Address(value="2001:db8::20")["id"]


def test_references_point_to_objects_that_came_before_or_along(an_incident: Incident) -> None:
    objects = render(CENTRE, an_incident)
    ids = {each.object_id for each in objects}
    for each in objects:
        for name, value in each.document.items():
            if name.endswith(("_ref", "_refs")):
                assert set([value] if isinstance(value, str) else value) <= ids, (each.type, name)


def test_the_incident_says_what_was_seen(an_incident: Incident) -> None:
    found = documents(render(CENTRE, an_incident))
    (incident,), (observed,), (sighting,) = found["incident"], found["observed-data"], found["sighting"]
    assert incident["name"] == "ET SCAN Potential SSH Scan (203.0.113.7)"
    assert incident["description"].startswith("2 sự kiện từ 203.0.113.7")
    assert incident["extensions"][INCIDENT_EXTENSION]["investigation_status"] == "new"
    assert "severity:medium" in incident["labels"]
    assert (observed["number_observed"], len(observed["object_refs"])) == (2, 3)
    assert sighting["sighting_of_ref"] == found["attack-pattern"][0]["id"]
    assert found["attack-pattern"][0]["external_references"][0]["external_id"] == "T1110.001"


def test_a_new_version_has_the_same_id_and_a_later_time(an_incident: Incident) -> None:
    before = {each.object_id: each for each in render(CENTRE, an_incident)}
    later = told(closed(an_incident, NOW), NOW, Tlp.AMBER)
    after = {each.object_id: each for each in render(CENTRE, later)}
    assert set(before) == set(after)
    changed = {each.type for key, each in after.items() if each.version != before[key].version}
    assert changed == {"incident", "observed-data", "sighting"}
    for key, each in after.items():
        assert each.document.get("created") == before[key].document.get("created")
        assert (each.version or NOW) >= (before[key].version or NOW)


def test_the_version_is_what_the_document_says(an_incident: Incident) -> None:
    for each in render(CENTRE, an_incident):
        if each.version is None:
            assert "created" not in each.document
        else:
            written = each.document.get("modified", each.document["created"])
            assert datetime.fromisoformat(str(written)) == each.version


def test_an_incident_without_any_address_has_no_observed_data(an_event: AnEvent) -> None:
    event = an_event(0, source_ip="", destination_ip="")
    objects = render(CENTRE, told(opened("vinh", event, NOW), NOW, Tlp.AMBER))
    assert {each.type for each in objects} == {"marking-definition", "identity", "incident"}


@pytest.mark.parametrize("tlp", list(Tlp))
def test_every_marking_is_that_of_tlp_2_0(an_incident: Incident, tlp: Tlp) -> None:
    objects = render(CENTRE, replace(an_incident, tlp=tlp))
    markings = {each.object_id: each.document for each in objects if each.type == "marking-definition"}
    assert markings[TLP_IDS[tlp]]["extensions"][TLP_EXTENSION]["tlp_2_0"] == tlp.label
    for each in objects:
        stix2.parse(dict(each.document))
        if each.type == "incident":
            assert each.document["object_marking_refs"] == [TLP_IDS[tlp]]
            assert each.tlp is tlp


def test_the_running_service_does_not_load_the_reference_library() -> None:
    import subprocess
    import sys

    script = "import sys, ioc_soc_bridge.app; sys.exit('stix2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
