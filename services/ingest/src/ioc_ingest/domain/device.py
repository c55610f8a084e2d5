"""Devices as the MQTT door needs them: a read model of what the registry publishes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a contract. `secret_sha256` is 64 hex digits, or empty where it may not log in."""

    device_id: str
    tenant: str
    contract: str
    source: str
    thing: str
    is_active: bool
    secret_sha256: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """What came from a device, since the platform knows it."""

    device_id: str
    tenant: str
    last_seen_at: datetime | None
    messages: int
    refused: int
    last_refusal_vi: str
    last_refusal_en: str
