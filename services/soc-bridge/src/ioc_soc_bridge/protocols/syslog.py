"""RFC 5424 messages to events. Strict about what the RFC makes machine-readable, lenient about the free text."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from ioc_soc_bridge.domain.event import EventSource, RefusalReason, Refused, SecurityEvent, refused
from ioc_soc_bridge.domain.severity import of_syslog
from ioc_soc_bridge.domain.text import clean
from ioc_soc_bridge.protocols.recognition import recognise
from ioc_soc_bridge.protocols.times import BadTime, parse_time

# Section 6: each part is bounded, so each expression looks at a bounded stretch and never backtracks far.
_HEADER = re.compile(
    rb"<(0|[1-9][0-9]{0,2})>([1-9][0-9]{0,2}) "
    rb"([!-~]{1,40}) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) "
)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_SD_NAME = rb"[!#-<>-\\^-~]{1,32}"
_SD_OPEN = re.compile(rb"\[(" + _SD_NAME + rb")")
_SD_PARAM = re.compile(rb" (" + _SD_NAME + rb')="((?:[^"\\\]]|\\.)*)"', re.DOTALL)
_SD_ESCAPE = re.compile(rb'\\(["\\\]])')
_RFC3164 = re.compile(rb"<[0-9]{1,3}>(?:[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:|[^0-9])")
_BOM = b"\xef\xbb\xbf"
MAX_SD_PARAMS = 64
FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock", *(f"local{number}" for number in range(8))),
)


@dataclass(frozen=True, slots=True)
class SyslogMessage:
    """A parsed message. Fields that the sender left nil (`-`) are empty, `at` then None."""

    facility: int
    severity: int
    at: datetime | None
    hostname: str
    app_name: str
    procid: str
    msgid: str
    structured_data: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """Elements in order: SD-ID with its parameters in order; a name may repeat."""
    message: str


class _Wrong(Exception):
    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def parse(frame: bytes, now: datetime) -> SyslogMessage | Refused:
    """A message, or why it is none. Never raises, whatever the bytes."""
    try:
        return _parse(frame, now)
    except _Wrong as error:
        return refused(error.reason, error.detail, frame)


def read(frame: bytes, sensor: str, now: datetime) -> SecurityEvent | Refused:
    """The event that a frame reports, or why it was refused. Never raises."""
    message = parse(frame, now)
    if isinstance(message, Refused):
        return message
    return to_event(message, frame, sensor, now)


def to_event(message: SyslogMessage, frame: bytes, sensor: str, now: datetime) -> SecurityEvent:
    """The event of a message. The same bytes from the same sensor are the same event.

    A message without a time says nothing that tells it from the next one of the same text, so the second of its
    receipt stands in.
    """
    facility = FACILITIES[message.facility]
    app = clean(message.app_name, 48) or "unknown"
    found = recognise(app, message.message, [pair for _, params in message.structured_data for pair in params])
    stamp = "" if message.at else now.replace(microsecond=0).isoformat()
    digest = hashlib.sha256(b"\x1f".join((b"syslog", sensor.encode(), stamp.encode(), frame)))
    facts = {"facility": facility, "host": message.hostname, "procid": message.procid, "msgid": message.msgid}
    return SecurityEvent(
        fingerprint=digest.hexdigest(),
        source=EventSource.SYSLOG,
        sensor=sensor,
        at=message.at or now,
        severity=max(of_syslog(message.severity), found.severity),
        category=found.category or f"syslog-{facility}",
        signature=found.signature or f"{app}/{clean(message.msgid, 32) or '-'}",
        summary=clean(message.message, 500) or f"{app} ({facility})",
        source_ip=found.source_ip,
        source_port=found.source_port,
        destination_ip=found.destination_ip,
        attributes={key: text for key, value in {**facts, **found.facts}.items() if (text := clean(value, 128))},
    )


def _parse(frame: bytes, now: datetime) -> SyslogMessage:
    header = _HEADER.match(frame)
    if header is None:
        hint = ": looks like RFC 3164; switch the sender to RFC 5424" if _RFC3164.match(frame) else ""
        raise _Wrong(RefusalReason.NOT_RFC5424, "the header is not RFC 5424" + hint)
    priority, version = int(header[1]), int(header[2])
    if priority > 191:
        raise _Wrong(RefusalReason.NOT_RFC5424, f"PRI {priority} is over 191")
    if version != 1:
        raise _Wrong(RefusalReason.NOT_RFC5424, f"version {version} is not 1")
    stamp, hostname, app_name, procid, msgid = ("" if part == b"-" else part.decode() for part in header.groups()[2:])
    at = None
    if stamp:
        if not _TIMESTAMP.fullmatch(stamp):
            raise _Wrong(RefusalReason.BAD_TIME, f"TIMESTAMP {stamp!r} is not as RFC 5424 section 6.2.3 asks")
        try:
            at = parse_time(stamp, now)
        except BadTime as error:
            raise _Wrong(RefusalReason.BAD_TIME, f"TIMESTAMP {error}") from None
    data, end = _structured_data(frame, header.end())
    return SyslogMessage(priority >> 3, priority & 7, at, hostname, app_name, procid, msgid, data, _message(frame, end))


def _structured_data(frame: bytes, start: int) -> tuple[tuple[tuple[str, tuple[tuple[str, str], ...]], ...], int]:
    if frame[start : start + 1] == b"-":
        return (), start + 1
    elements: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    position, count = start, 0
    while opening := _SD_OPEN.match(frame, position):
        position = opening.end()
        params: list[tuple[str, str]] = []
        while param := _SD_PARAM.match(frame, position):
            position = param.end()
            count += 1
            if count > MAX_SD_PARAMS:
                raise _Wrong(RefusalReason.NOT_RFC5424, f"more than {MAX_SD_PARAMS} structured data parameters")
            value = _SD_ESCAPE.sub(rb"\1", param[2])
            params.append((param[1].decode(), value.decode("utf-8", "replace")))
        if frame[position : position + 1] != b"]":
            raise _Wrong(RefusalReason.NOT_RFC5424, f"structured data breaks off at byte {position}")
        position += 1
        elements.append((opening[1].decode(), tuple(params)))
    if not elements:
        raise _Wrong(RefusalReason.NOT_RFC5424, f"structured data is missing at byte {start}: `-` stands for none")
    return tuple(elements), position


def _message(frame: bytes, end: int) -> str:
    if end == len(frame):
        return ""
    if frame[end : end + 1] != b" ":
        raise _Wrong(RefusalReason.NOT_RFC5424, f"no space before the message at byte {end}")
    text = frame[end + 1 :]
    if not text.startswith(_BOM):
        # Without the mark the sender promises nothing about the encoding.
        return text.decode("utf-8", "replace").rstrip("\r\n")
    try:
        return text[len(_BOM) :].decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise _Wrong(RefusalReason.NOT_UTF8, "the message is marked as UTF-8 and is not") from None
