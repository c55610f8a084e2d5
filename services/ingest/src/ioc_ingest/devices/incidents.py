"""What went wrong between devices and the server, where MQTT itself has no word for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

_MANY = 10_000


class IncidentKind(StrEnum):
    """The ways in which a device's message or log-in does not count."""

    LOGIN_REFUSED = "login-refused"
    TOPIC_REFUSED = "topic-refused"
    """Published outside its own topics: MQTT 3.1.1 knows no refusal, so it was acknowledged and dropped."""
    SUBSCRIPTION_REFUSED = "subscription-refused"
    TOO_LARGE = "too-large"
    """Larger than the server's limit: the connection was cut."""
    BROKEN_PROTOCOL = "broken-protocol"
    """Not MQTT 3.1.1, or a topic with a space in it: the connection was cut."""
    NOT_DURABLE = "not-durable"
    """Published with QoS 0: nobody promises to keep it, and ingest does not use it."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One of them. `device_id` is None when nobody proved to be that device; `detail` is for the operator."""

    kind: IncidentKind
    device_id: str | None
    detail: str


class IncidentCounter:
    """An IncidentSink that counts by kind and device, in bounded memory."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[IncidentKind, str | None]] = Counter()
        self.last: dict[tuple[IncidentKind, str | None], Incident] = {}

    def __call__(self, incident: Incident) -> None:
        """Counts it. Beyond 10,000 kinds and devices, new devices are counted as nobody's."""
        key = (incident.kind, incident.device_id)
        if key not in self.counts and len(self.counts) >= _MANY:
            key = (incident.kind, None)
        self.counts[key] += 1
        self.last[key] = incident

    def total(self, kind: IncidentKind) -> int:
        """Of all devices together."""
        return sum(count for (found, _), count in self.counts.items() if found is kind)
