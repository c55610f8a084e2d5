"""Devices that speak for themselves: their credentials, kept as a hash only."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeviceState(StrEnum):
    """Whether a device may log in."""

    WAITING = "waiting"
    """Named by a contract, no credential issued yet."""
    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a contract. `secret_sha256` is empty until a credential is issued."""

    device_id: str
    tenant: str
    contract: str
    source: str
    thing: str
    state: DeviceState = DeviceState.WAITING
    secret_sha256: str = ""
    last_issued_at: datetime | None = None

    @property
    def topic(self) -> str:
        """The MQTT topic the device publishes its readings to."""
        return f"dev/{self.tenant}/{self.device_id}/readings"


def new_secret() -> str:
    """A secret of 256 random bits as text."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """SHA-256 as hex. A slow hash would protect a weak password; 256 random bits need none, and log-ins stay cheap."""
    return hashlib.sha256(secret.encode()).hexdigest()
