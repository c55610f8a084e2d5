"""Which events become which incidents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ioc_soc_bridge.domain.correlation import correlate
from ioc_soc_bridge.domain.event import EventSource, SecurityEvent, canonical_ip
from ioc_soc_bridge.domain.incident import (
    AUTHENTICATION_FAILURE,
    Incident,
    IncidentState,
    closed,
    is_worth_telling,
    joined,
    key_of,
    opened,
    told,
)
from ioc_soc_bridge.domain.login import refused_login
from ioc_soc_bridge.domain.marking import Tlp, served_up_to
from ioc_soc_bridge.domain.severity import Severity, of_suricata, of_syslog

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
AnEvent = Callable[..., SecurityEvent]


def taken(batches: Sequence[Sequence[SecurityEvent]]) -> list[Incident]:
    """What is known after the batches, delivered one after the other."""
    known: dict[object, Incident] = {}
    for batch in batches:
        for incident in correlate("vinh", list(known.values()), batch, HOUR, NOW).incidents:
            known[incident.incident_id] = incident
    return sorted(known.values(), key=lambda each: each.first_seen_at)


def test_events_within_the_window_are_one_incident(an_event: AnEvent) -> None:
    (incident,) = taken([[an_event(0), an_event(1)], [an_event(2, severity=Severity.HIGH, destination_ip="10.0.0.9")]])
    assert (incident.event_count, incident.severity, incident.state) == (3, Severity.HIGH, IncidentState.OPEN)
    assert incident.last_seen_at - incident.first_seen_at == timedelta(seconds=2)
    assert incident.targets == ("10.40.1.20", "10.0.0.9")


def test_after_a_longer_silence_the_next_event_opens_another(an_event: AnEvent) -> None:
    old, new = taken([[an_event(0, at=NOW - 2 * HOUR)], [an_event(1, at=NOW)]])
    assert (old.state, new.state) == (IncidentState.CLOSED, IncidentState.OPEN)


def test_a_late_event_from_before_makes_no_second_open_incident(an_event: AnEvent) -> None:
    old, new = taken([[an_event(1, at=NOW)], [an_event(0, at=NOW - 5 * HOUR)]])
    assert (old.state, new.state) == (IncidentState.CLOSED, IncidentState.OPEN)
    assert (old.event_count, new.event_count) == (1, 1)


def test_a_closed_incident_that_goes_on_is_open_again(an_event: AnEvent) -> None:
    first = closed(opened("vinh", an_event(0), NOW), NOW)
    (again,) = correlate("vinh", [first], [an_event(60)], HOUR, NOW).incidents
    assert (again.incident_id, again.state, again.event_count) == (first.incident_id, IncidentState.OPEN, 2)


def test_the_id_follows_from_the_first_event(an_event: AnEvent) -> None:
    assert opened("vinh", an_event(0), NOW).incident_id == opened("vinh", an_event(0), NOW + HOUR).incident_id
    assert opened("vinh", an_event(0), NOW).incident_id != opened("hoang-mai", an_event(0), NOW).incident_id


def test_without_an_address_the_sensor_tells_incidents_apart(an_event: AnEvent) -> None:
    one, other = (an_event(0, source_ip="", sensor=sensor) for sensor in ("web-1", "web-2"))
    assert key_of(one) != key_of(other)
    assert key_of(an_event(0, sensor="web-1")) == key_of(an_event(0, sensor="web-2"))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.integers(0, 600), min_size=1, max_size=5), max_size=6))
def test_whatever_the_order_no_event_is_lost_and_at_most_one_incident_is_open(minutes: list[list[int]]) -> None:
    number = 0
    batches = []
    for batch in minutes:
        events = []
        for minute in batch:
            at = NOW - timedelta(minutes=minute)
            number += 1
            events.append(
                SecurityEvent(f"f-{number}", EventSource.SYSLOG, "s", at, Severity.LOW, "c", "g", "x", "203.0.113.1")
            )
        batches.append(events)
    known: dict[object, Incident] = {}
    for events in batches:
        result = correlate("vinh", list(known.values()), events, HOUR, NOW)
        for incident in result.incidents:
            known[incident.incident_id] = incident
            # In the order given no moment has two open ones: this is the order of the statements.
            assert sum(each.state is IncidentState.OPEN for each in known.values()) <= 1
        assert set(result.incident_of) == {event.fingerprint for event in events}
    assert sum(each.event_count for each in known.values()) == number
    assert not known or any(each.event_count for each in known.values())


def test_wrong_passwords_grow_worse_with_their_number(an_event: AnEvent) -> None:
    incident = opened("vinh", an_event(0, category=AUTHENTICATION_FAILURE, severity=Severity.LOW), NOW)
    seen = []
    for number in range(1, 60):
        seen.append(incident.severity)
        incident = joined(incident, an_event(number, category=AUTHENTICATION_FAILURE, severity=Severity.LOW), NOW)
    assert seen[:5] == [Severity.LOW] * 4 + [Severity.MEDIUM]
    assert incident.severity is Severity.HIGH


def test_a_flood_makes_few_versions_and_the_last_count_is_told_at_the_end(an_event: AnEvent) -> None:
    incident = told(opened("vinh", an_event(0), NOW), NOW, Tlp.AMBER)
    for number in range(1, 10_000):
        incident = joined(incident, an_event(number), NOW)
        if is_worth_telling(incident):
            incident = told(incident, NOW, Tlp.AMBER)
    assert 10 < incident.revision < 120
    assert incident.told_count < incident.event_count == 10_000
    last = closed(incident, NOW)
    assert is_worth_telling(last)
    assert told(last, NOW, Tlp.AMBER).told_count == 10_000


def test_versions_are_milliseconds_apart_even_when_the_clock_stands(an_event: AnEvent) -> None:
    first = told(opened("vinh", an_event(0), NOW), NOW.replace(microsecond=1999), Tlp.AMBER)
    second = told(first, NOW, Tlp.AMBER)
    assert first.told_at == NOW.replace(microsecond=1000)
    assert second.told_at == NOW.replace(microsecond=2000)


def test_a_refused_login_counts_for_as_many_as_it_stands_for() -> None:
    event = refused_login(event_id="e1", why="expired", client_ip="::ffff:203.0.113.5", path="/x", count=7, at=NOW)
    incident = opened("nghe-an", event, NOW)
    assert (event.source_ip, event.severity) == ("203.0.113.5", Severity.LOW)
    assert (incident.event_count, incident.severity, incident.is_blocked) == (7, Severity.MEDIUM, True)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("203.0.113.05", ""),
        ("fe80::1%eth0", ""),
        ("", ""),
        (None, ""),
        (3405803781, ""),
    ],
)
def test_an_address_has_one_form(text: object, address: str) -> None:
    assert canonical_ip(text) == address


def test_severities_of_sensors_map_to_one_scale() -> None:
    assert [of_suricata(each) for each in (1, 2, 3, 4, 255)] == [
        Severity.HIGH,
        Severity.MEDIUM,
        Severity.LOW,
        Severity.LOW,
        Severity.LOW,
    ]
    assert [of_syslog(each) for each in range(8)] == [
        Severity.CRITICAL,
        Severity.CRITICAL,
        Severity.HIGH,
        Severity.MEDIUM,
        Severity.LOW,
        Severity.INFO,
        Severity.INFO,
        Severity.INFO,
    ]


def test_nobody_is_served_red() -> None:
    every_role = ["soc-analyst", "province-admin", "oc-admin", "partner"]
    assert served_up_to(every_role, is_own_tenant=True) is Tlp.AMBER_STRICT
    assert served_up_to(every_role, is_own_tenant=False) is Tlp.AMBER
    assert served_up_to(["partner"], is_own_tenant=True) is Tlp.AMBER
    assert served_up_to(["partner"], is_own_tenant=False) is Tlp.CLEAR
    assert served_up_to(["device"], is_own_tenant=True) is Tlp.CLEAR
