"""Suricata's EVE JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ioc_soc_bridge.domain.errors import PayloadTooLarge
from ioc_soc_bridge.domain.event import ORIGINAL_LIMIT, RefusalReason, Technique
from ioc_soc_bridge.domain.severity import Severity
from ioc_soc_bridge.protocols.eve import Limits, read

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def an_alert(eve_lines: bytes) -> Callable[..., dict[str, Any]]:
    """Gives `an_alert(**changes)`: the first sample with fields replaced, or removed by None."""

    def make(**changes: Any) -> dict[str, Any]:
        record = json.loads(eve_lines.splitlines()[0])
        for name, value in changes.items():
            holder = record["alert"] if name.startswith("alert_") else record
            key = name.removeprefix("alert_")
            if value is None:
                holder.pop(key, None)
            else:
                holder[key] = value
        return dict(record)

    return make


def test_alerts_become_events_and_other_kinds_are_counted(eve_lines: bytes) -> None:
    found = read(eve_lines, "ids-vinh-1", NOW)
    assert found.received == 5
    assert found.ignored == {"http": 1, "stats": 1, "flow": 1}
    assert not found.refused
    first, second = found.events
    assert first.at == datetime(2026, 11, 23, 0, 41, 2, 118423, tzinfo=UTC)
    assert (first.severity, second.severity) == (Severity.HIGH, Severity.MEDIUM)
    assert (first.source_ip, first.source_port) == ("203.0.113.45", 51514)
    assert (first.destination_ip, first.destination_port, first.transport) == ("10.40.1.20", 443, "tcp")
    assert first.signature == "1:2034647"
    assert first.techniques == (Technique("T1190", "Exploit Public Facing Application"),)
    assert first.sensor == "ids-vinh-1"
    assert (first.is_blocked, second.is_blocked) == (False, True)
    assert second.source_ip == "2001:db8:40::beef"


def test_payloads_do_not_enter(eve_lines: bytes) -> None:
    event = read(eve_lines, "ids", NOW).events[0]
    assert set(event.attributes) == {"in_iface", "app_proto", "tx_id"}
    assert "jndi:ldap" not in repr(event)


def test_one_pretty_printed_object_is_one_event(an_alert: Callable[..., dict[str, Any]]) -> None:
    found = read(json.dumps(an_alert(), indent=2).encode(), "ids", NOW)
    assert (len(found.events), len(found.refused)) == (1, 0)


def test_the_same_alert_has_the_same_fingerprint_and_another_flow_has_not(
    an_alert: Callable[..., dict[str, Any]],
) -> None:
    lines = [an_alert(), an_alert(payload="other"), an_alert(flow_id=1), an_alert(alert_signature_id=7)]
    events = read("\n".join(map(json.dumps, lines)).encode(), "ids", NOW).events
    prints = [event.fingerprint for event in events]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_the_sensor_of_the_record_is_nearer_than_that_of_the_submission(
    an_alert: Callable[..., dict[str, Any]],
) -> None:
    assert read(json.dumps(an_alert(host="ids-hm-2")).encode(), "forwarder", NOW).events[0].sensor == "ids-hm-2"


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"timestamp": None}, RefusalReason.MISSING_FIELD, "timestamp"),
        ({"timestamp": "yesterday"}, RefusalReason.BAD_TIME, "timestamp"),
        ({"timestamp": "2026-11-23T07:41:02"}, RefusalReason.BAD_TIME, "timestamp"),
        ({"timestamp": "2026-11-24T07:41:02+0700"}, RefusalReason.BAD_TIME, "timestamp"),
        ({"timestamp": "1970-01-01T00:00:09+0000"}, RefusalReason.BAD_TIME, "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+1400"}, RefusalReason.BAD_TIME, "timestamp"),
        ({"src_ip": "203.0.113.300"}, RefusalReason.BAD_FIELD, "src_ip"),
        ({"src_ip": "fe80::1%eth0"}, RefusalReason.BAD_FIELD, "src_ip"),
        ({"dest_ip": "nowhere"}, RefusalReason.BAD_FIELD, "dest_ip"),
        ({"src_port": 70000}, RefusalReason.BAD_FIELD, "src_port"),
        ({"src_port": True}, RefusalReason.BAD_FIELD, "src_port"),
        ({"alert_signature_id": None}, RefusalReason.BAD_FIELD, "alert.signature_id"),
        ({"alert_signature_id": -1}, RefusalReason.BAD_FIELD, "alert.signature_id"),
        ({"alert_severity": "high"}, RefusalReason.BAD_FIELD, "alert.severity"),
        ({"alert": None}, RefusalReason.MISSING_FIELD, "alert"),
        ({"event_type": None}, RefusalReason.MISSING_FIELD, "event_type"),
    ],
)
def test_a_wrong_field_is_named(
    an_alert: Callable[..., dict[str, Any]], changes: dict[str, Any], reason: RefusalReason, field: str
) -> None:
    found = read(json.dumps(an_alert(**changes)).encode(), "ids", NOW)
    assert not found.events
    assert [(line.reason, line.field, line.line) for line in found.refused] == [(reason, field, 1)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not json", RefusalReason.NOT_JSON),
        (b"[" * 100_000, RefusalReason.NOT_JSON),
        (b'{"a": NaN}', RefusalReason.NOT_JSON),
        (b'{"a": ' + b"9" * 5000 + b"}", RefusalReason.NOT_JSON),
        (b"\xff\xfe{}", RefusalReason.NOT_UTF8),
        (b'[{"event_type":"alert"}]', RefusalReason.NOT_AN_OBJECT),
        (b'{"event_type":"alert","x":"' + b"a" * 300_000 + b'"}', RefusalReason.TOO_LONG),
    ],
)
def test_a_bad_line_is_refused_alone(eve_lines: bytes, line: bytes, reason: RefusalReason) -> None:
    found = read(eve_lines + line + b"\n" + eve_lines, "ids", NOW)
    assert len(found.events) == 4
    assert [(each.reason, each.line) for each in found.refused] == [(reason, 6)]
    assert found.refused[0].original == line[:ORIGINAL_LIMIT]
    assert found.refused[0].size_bytes == len(line)


def test_too_much_is_refused_as_a_whole(eve_lines: bytes) -> None:
    with pytest.raises(PayloadTooLarge, match="bytes"):
        read(b"x" * 1_048_577, "ids", NOW)
    with pytest.raises(PayloadTooLarge, match="lines"):
        read(b"{}\n" * 3, "ids", NOW, Limits(lines=2))


def test_hostile_text_is_cleaned(an_alert: Callable[..., dict[str, Any]]) -> None:
    record = an_alert(alert_signature="a\x00b\x1b[31m\u202ec\ud800\nd" + "x" * 999, host="h\x00'; DROP TABLE incident")
    event = read(json.dumps(record).encode(), "ids", NOW).events[0]
    assert event.summary.startswith("a b [31m c d")
    assert len(event.summary) == 255
    assert event.sensor == "h '; DROP TABLE incident"
    event.summary.encode()


def test_an_alert_about_a_frame_without_ip_is_taken(an_alert: Callable[..., dict[str, Any]]) -> None:
    record = an_alert(src_ip=None, src_port=None, dest_ip=None, dest_port=None, proto=None)
    (event,) = read(json.dumps(record).encode(), "ids", NOW).events
    assert (event.source_ip, event.source_port, event.destination_ip) == ("", 0, "")


def test_a_receipt_cannot_be_blown_up_by_invented_kinds() -> None:
    lines = b"\n".join(json.dumps({"event_type": f"kind-{number}"}).encode() for number in range(200))
    found = read(lines, "ids", NOW)
    assert len(found.ignored) <= 33
    assert found.received == 200


def test_a_late_delivery_of_old_events_is_taken(an_alert: Callable[..., dict[str, Any]]) -> None:
    stamp = (NOW - timedelta(days=400)).isoformat()
    assert len(read(json.dumps(an_alert(timestamp=stamp)).encode(), "ids", NOW).events) == 1


ODD_NUMBERS = (None, True, -1, 0, 1, 3, 65536, 2**70, 1.5)
ODD_TEXTS = ("", "x" * 400, "\x00\ud800\u202e", "203.0.113.9", "::ffff:1.2.3.4", "2026-11-23T07:41:02+0700", "T1110")
odd = st.sampled_from([*ODD_NUMBERS, *ODD_TEXTS, [], ["T1110.001"], [None], {}, {"a": [{}]}])
# The machine that runs this may be busy: slowness is no finding here.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patient
@given(st.binary(max_size=4000))
def test_any_bytes_are_accounted_for(body: bytes) -> None:
    found = read(body, "ids", NOW)
    assert found.received <= body.count(b"\n") + 1
    assert all(len(line.original) <= ORIGINAL_LIMIT for line in found.refused)


@patient
@given(
    st.dictionaries(st.sampled_from(["timestamp", "src_ip", "dest_ip", "src_port", "flow_id", "host", "proto"]), odd),
    st.dictionaries(st.sampled_from(["signature_id", "gid", "severity", "category", "signature"]), odd) | odd,
    st.dictionaries(st.sampled_from(["mitre_technique_id", "mitre_technique_name"]), odd) | odd,
)
def test_any_alert_is_taken_or_refused(record: dict[str, Any], alert: Any, metadata: Any) -> None:
    good = {"timestamp": "2026-11-23T07:41:02+0700", "src_ip": "203.0.113.9"}
    if isinstance(alert, dict):
        alert = {"signature_id": 1, **alert, "metadata": metadata}
    record = {**good, **record, "event_type": "alert", "alert": alert}
    found = read(json.dumps(record).encode(), "ids", NOW)
    assert len(found.events) + len(found.refused) == 1
    for event in found.events:
        event.summary.encode()
        assert len(event.summary) <= 255
