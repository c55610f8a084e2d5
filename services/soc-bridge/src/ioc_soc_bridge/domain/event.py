"""What a sensor reported, and what became of a submission of such reports."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from ioc_soc_bridge.domain.severity import Severity

NAMESPACE: Final = uuid.UUID("a1f4a4f4-6c0e-5d0a-9d5b-0d7f3f2c6b11")
"""The root of every UUIDv5 that this service makes. Changing it changes every id that consumers have seen."""

ORIGINAL_LIMIT: Final = 8192
"""Bytes of a refused line that are kept."""


class EventSource(StrEnum):
    """Which door an event came through."""

    SURICATA = "suricata"
    SYSLOG = "syslog"
    GATEWAY = "gateway"


class Door(StrEnum):
    """How bytes came in."""

    CALL = "http"
    """By SubmitSecurityEvents; partners come over the gateway's HTTP."""
    SYSLOG = "syslog"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Technique:
    """A MITRE ATT&CK technique that the sensor itself named, e.g. `T1110`; never guessed here."""

    technique_id: str
    name: str


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One report. Texts are cleaned and bounded, addresses canonical or empty, `at` aware in UTC."""

    fingerprint: str
    """SHA-256 of what makes the report the same report when it is sent again."""
    source: EventSource
    sensor: str
    at: datetime
    severity: Severity
    category: str
    """What kind of thing: the classification of the rule, or `authentication-failure`."""
    signature: str
    """Which rule or message exactly, stable across revisions of its text."""
    summary: str
    source_ip: str = ""
    source_port: int = 0
    destination_ip: str = ""
    destination_port: int = 0
    transport: str = ""
    is_blocked: bool = False
    count: int = 1
    """How many occurrences it stands for, where the reporter has counted already."""
    techniques: tuple[Technique, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Further named facts, bounded in number and length; payloads and packet bytes are never among them."""

    @property
    def opens_incident(self) -> bool:
        """True when somebody should look at it, alone or with others of its kind."""
        return self.severity > Severity.INFO

    def event_id(self, tenant: str) -> uuid.UUID:
        """The id within the platform: the same report has the same id on every installation."""
        return uuid.uuid5(NAMESPACE, f"event/{tenant}/{self.fingerprint}")


class RefusalReason(StrEnum):
    """Why a line went to quarantine. The values are stable: people filter by them."""

    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    NOT_AN_OBJECT = "not-an-object"
    TOO_LONG = "too-long"
    MISSING_FIELD = "missing-field"
    BAD_FIELD = "bad-field"
    BAD_TIME = "bad-time"
    BAD_FRAME = "bad-frame"
    NOT_RFC5424 = "not-rfc5424"

    @property
    def vi(self) -> str:
        """For people, in Vietnamese."""
        return _REASONS_VI[self]


_REASONS_VI: Final = {
    RefusalReason.NOT_UTF8: "Không phải văn bản UTF-8",
    RefusalReason.NOT_JSON: "Không phải JSON hợp lệ",
    RefusalReason.NOT_AN_OBJECT: "Không phải một đối tượng JSON; mỗi dòng phải là một đối tượng",
    RefusalReason.TOO_LONG: "Dài quá giới hạn",
    RefusalReason.MISSING_FIELD: "Thiếu trường bắt buộc",
    RefusalReason.BAD_FIELD: "Giá trị của trường không hợp lệ",
    RefusalReason.BAD_TIME: "Thời gian không hợp lệ; kiểm tra đồng hồ của thiết bị",
    RefusalReason.BAD_FRAME: "Khung bản tin sai; hãy dùng đếm byte (RFC 6587, mục 3.4.1)",
    RefusalReason.NOT_RFC5424: "Không đúng định dạng syslog RFC 5424",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that could not be used: why, at which field, and its first bytes."""

    reason: RefusalReason
    detail: str
    """What is wrong, in English, with the facts."""
    original: bytes
    """At most ORIGINAL_LIMIT bytes."""
    size_bytes: int
    line: int = 0
    """Which line of the submission, from 1; 0 on a stream."""
    field: str = ""
    """Empty when the whole line is concerned."""

    @property
    def digest(self) -> str:
        """SHA-256 of what is kept: the same refused line is kept once, with how often it came."""
        return hashlib.sha256(self.original + b"\x00" + self.reason.encode()).hexdigest()


def refused(reason: RefusalReason, detail: str, original: bytes, line: int = 0, field: str = "") -> Refused:
    """A refusal that keeps no more of the original than it may."""
    return Refused(reason, detail[:500], original[:ORIGINAL_LIMIT], len(original), line, field)


@dataclass(frozen=True, slots=True)
class Intake:
    """What a protocol made of some bytes: nothing of them is lost, each line is in exactly one of the three."""

    door: Door
    sensor: str
    events: tuple[SecurityEvent, ...] = ()
    refused: tuple[Refused, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=Counter)
    """How many lines of a kind that is not taken, by kind (`flow`, `dns`, ...)."""

    @property
    def received(self) -> int:
        """Lines read."""
        return len(self.events) + len(self.refused) + sum(self.ignored.values())


@dataclass(frozen=True, slots=True)
class Receipt:
    """The books of one submission: received = accepted + duplicate + ignored + quarantined."""

    received: int
    accepted: int
    duplicate: int
    ignored: Mapping[str, int]
    quarantined: tuple[Refused, ...]
    incident_ids: tuple[uuid.UUID, ...]


def canonical_ip(text: object) -> str:
    """The address in its one canonical form; an empty string when it is none.

    An IPv4 address mapped into IPv6 is the IPv4 address: dual-stack sockets report it so, and it is the same attacker.
    """
    if not isinstance(text, str) or len(text) > 45:
        return ""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address) if "%" not in text else ""
