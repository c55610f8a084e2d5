"""Suricata's EVE JSON: alerts become events, other kinds are counted, what is neither is refused with a reason.

https://docs.suricata.io/en/latest/output/eve/eve-json-format.html
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from ioc_soc_bridge.domain.errors import PayloadTooLarge
from ioc_soc_bridge.domain.event import (
    Door,
    EventSource,
    Intake,
    RefusalReason,
    Refused,
    SecurityEvent,
    Technique,
    canonical_ip,
    refused,
)
from ioc_soc_bridge.domain.severity import of_suricata
from ioc_soc_bridge.domain.text import clean
from ioc_soc_bridge.protocols.times import BadTime, parse_time

MAX_IGNORED_KINDS = 32
_FACTS = ("in_iface", "app_proto", "community_id", "tx_id", "direction")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one submission may hold."""

    body_bytes: int = 1024 * 1024
    line_bytes: int = 256 * 1024
    lines: int = 2_000


class _Wrong(Exception):
    """A line that is refused."""

    def __init__(self, reason: RefusalReason, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = f"{field}: {detail}" if field else detail
        self.field = field


def read(body: bytes, sensor: str, now: datetime, limits: Limits = Limits()) -> Intake:  # frozen
    """Reads one JSON object (on any number of lines) or one object a line.

    Raises PayloadTooLarge for the whole; a bad line is only refused itself.
    """
    if len(body) > limits.body_bytes:
        raise PayloadTooLarge("bytes", limits.body_bytes)
    given = clean(sensor, 64)
    events: list[SecurityEvent] = []
    wrong: list[Refused] = []
    ignored: Counter[str] = Counter()
    for number, line in _lines(body, limits):
        try:
            if len(line) > limits.line_bytes:
                raise _Wrong(RefusalReason.TOO_LONG, f"a line holds at most {limits.line_bytes} bytes")
            record = _record(line)
            kind = record.get("event_type")
            if not isinstance(kind, str) or not kind:
                raise _Wrong(RefusalReason.MISSING_FIELD, "is missing; EVE records carry it", "event_type")
            if kind == "alert":
                events.append(_alert(record, given, now))
            else:
                # A hostile sender must not make a dictionary of a million kinds out of a receipt.
                name = clean(kind, 32)
                ignored[name if name in ignored or len(ignored) < MAX_IGNORED_KINDS else "other"] += 1
        except _Wrong as error:
            wrong.append(refused(error.reason, error.detail, line, number, error.field))
    return Intake(Door.CALL, given or "suricata", tuple(events), tuple(wrong), ignored)


def _lines(body: bytes, limits: Limits) -> Iterator[tuple[int, bytes]]:
    body = body.removeprefix(b"\xef\xbb\xbf")
    stripped = body.strip()
    first = stripped.partition(b"\n")[0]
    # A pretty-printed object starts with a line that is not JSON by itself.
    if stripped.startswith(b"{") and first != stripped and not _is_json(first) and _is_json(stripped):
        yield 1, stripped
        return
    count = 0
    for number, line in enumerate(body.split(b"\n"), start=1):
        if not (text := line.strip()):
            continue
        count += 1
        if count > limits.lines:
            raise PayloadTooLarge("lines", limits.lines)
        yield number, text


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _record(line: bytes) -> Mapping[str, Any]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Wrong(RefusalReason.NOT_UTF8, f"byte {error.start} is not UTF-8") from None
    try:
        record = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise _Wrong(RefusalReason.NOT_JSON, "is nested too deep") from None
    except ValueError as error:
        raise _Wrong(RefusalReason.NOT_JSON, f"is not JSON: {clean(error, 200)}") from None
    if not isinstance(record, dict):
        raise _Wrong(RefusalReason.NOT_AN_OBJECT, "is not a JSON object: send one object a line, no array")
    return record


def _alert(record: Mapping[str, Any], given: str, now: datetime) -> SecurityEvent:
    alert = record.get("alert")
    if not isinstance(alert, dict):
        raise _Wrong(RefusalReason.MISSING_FIELD, "is missing or not an object", "alert")
    stamp = record.get("timestamp")
    if not isinstance(stamp, str):
        raise _Wrong(RefusalReason.MISSING_FIELD, "is missing or not text", "timestamp")
    try:
        at = parse_time(stamp, now)
    except BadTime as error:
        raise _Wrong(RefusalReason.BAD_TIME, str(error), "timestamp") from None
    sid, gid = _number(alert, "alert.signature_id", minimum=0), _number({"gid": 1, **alert}, "alert.gid", minimum=0)
    name = clean(alert.get("signature"), 255) or f"rule {gid}:{sid}"
    sensor = clean(record.get("host"), 64) or given or "suricata"
    signature = f"{gid}:{sid}"
    return SecurityEvent(
        fingerprint=_fingerprint(record, sensor, at, signature),
        source=EventSource.SURICATA,
        sensor=sensor,
        at=at,
        severity=of_suricata(_number({"severity": 3, **alert}, "alert.severity", minimum=0)),
        category=clean(alert.get("category"), 128) or "suricata-alert",
        signature=signature,
        summary=name,
        source_ip=_address(record, "src_ip"),
        source_port=_port(record, "src_port"),
        destination_ip=_address(record, "dest_ip"),
        destination_port=_port(record, "dest_port"),
        transport=clean(record.get("proto"), 16).lower(),
        is_blocked=alert.get("action") == "blocked",
        techniques=_techniques(alert.get("metadata")),
        attributes={key: text for key in _FACTS if (text := clean(record.get(key), 128))},
    )


def _fingerprint(record: Mapping[str, Any], sensor: str, at: datetime, signature: str) -> str:
    flow = record.get("flow_id")
    if isinstance(flow, int | str) and not isinstance(flow, bool):
        parts = ["eve", sensor, str(flow), at.isoformat(timespec="microseconds"), signature]
    else:
        # Without a flow only the whole record tells two alerts apart.
        parts = ["eve", sensor, json.dumps(record, sort_keys=True)]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _number(holder: Mapping[str, Any], path: str, *, minimum: int) -> int:
    value = holder.get(path.rpartition(".")[2])
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value < 2**32:
        raise _Wrong(RefusalReason.BAD_FIELD, f"is missing or not a whole number from {minimum} to 4294967295", path)
    return value


def _address(record: Mapping[str, Any], name: str) -> str:
    """Empty when there is none: alerts of the decoder may be about frames without IP."""
    address = canonical_ip(record.get(name))
    if record.get(name) is not None and not address:
        raise _Wrong(RefusalReason.BAD_FIELD, "is not an IP address", name)
    return address


def _port(record: Mapping[str, Any], name: str) -> int:
    value = record.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 65535:
        raise _Wrong(RefusalReason.BAD_FIELD, "is not a port number", name)
    return value


def _techniques(metadata: object) -> tuple[Technique, ...]:
    """The techniques that the rule's author wrote into its metadata (as ET Open does), ids and names in parallel."""
    if not isinstance(metadata, dict):
        return ()
    ids, names = metadata.get("mitre_technique_id"), metadata.get("mitre_technique_name")
    if not isinstance(ids, list):
        return ()
    labels = names if isinstance(names, list) and len(names) == len(ids) else [""] * len(ids)
    found: dict[str, Technique] = {}
    for technique_id, label in list(zip(ids, labels, strict=True))[:8]:
        if isinstance(technique_id, str) and _is_technique(technique_id):
            name = clean(label, 128).replace("_", " ") or technique_id
            found.setdefault(technique_id, Technique(technique_id, name))
    return tuple(found.values())


def _is_technique(text: str) -> bool:
    head, _, sub = text.partition(".")
    is_head = len(head) == 5 and head[0] == "T" and head[1:].isascii() and head[1:].isdigit()
    return is_head and (text == head or (len(sub) == 3 and sub.isascii() and sub.isdigit()))
