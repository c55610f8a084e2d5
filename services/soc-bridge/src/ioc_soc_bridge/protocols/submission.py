"""A submission in the form that it says it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from itertools import repeat
from typing import Final

from ioc_soc_bridge.domain.errors import FormatUnknown, PayloadTooLarge
from ioc_soc_bridge.domain.event import Door, Intake, Refused, SecurityEvent
from ioc_soc_bridge.domain.text import clean
from ioc_soc_bridge.protocols import eve, syslog

LIMITS: Final = eve.Limits()


def _syslog_lines(body: bytes, sensor: str, now: datetime) -> Intake:
    if len(body) > LIMITS.body_bytes:
        raise PayloadTooLarge("bytes", LIMITS.body_bytes)
    lines = {number: line.rstrip(b"\r") for number, line in enumerate(body.split(b"\n"), 1) if line.strip()}
    if len(lines) > LIMITS.lines:
        raise PayloadTooLarge("lines", LIMITS.lines)
    return from_frames(lines.values(), Door.CALL, clean(sensor, 64) or "syslog", now, numbers=lines)


def from_frames(
    frames: Iterable[bytes | Refused], door: Door, sensor: str, now: datetime, *, numbers: Iterable[int] = repeat(0)
) -> Intake:
    """What syslog frames report; what the framing refused stays refused. `numbers` are the lines that they stood on."""
    events: list[SecurityEvent] = []
    wrong: list[Refused] = []
    for frame, number in zip(frames, numbers, strict=False):
        found = frame if isinstance(frame, Refused) else syslog.read(frame, sensor, now)
        if isinstance(found, Refused):
            wrong.append(replace(found, line=number))
        else:
            events.append(found)
    return Intake(door, sensor, tuple(events), tuple(wrong))


# The numbers of `ioc.soc.v1.EventFormat`.
_READERS: Final[dict[int, Callable[[bytes, str, datetime], Intake]]] = {1: eve.read, 2: _syslog_lines}


def read(form: int, body: bytes, sensor: str, now: datetime) -> Intake:
    """What a submission of this form reports. Raises FormatUnknown or PayloadTooLarge."""
    reader = _READERS.get(form)
    if reader is None:
        raise FormatUnknown
    return reader(body, sensor, now)
