"""Devices that speak for themselves: their credentials, kept as a hash only."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_CONTEXT = b"ioc-device-secret-v1:"


class DeviceState(StrEnum):
    """Whether a device may log in."""

    WAITING = "waiting"
    """Named by a contract, no credential issued yet."""
    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a contract. `secret_hash` is empty until a credential is issued."""

    device_id: str
    tenant: str
    contract: str
    source: str
    thing: str
    state: DeviceState = DeviceState.WAITING
    secret_hash: str = ""
    last_issued_at: datetime | None = None

    @property
    def topic(self) -> str:
        """The MQTT topic the device publishes its readings to."""
        return f"dev/{self.tenant}/{self.device_id}/readings"


def new_secret() -> str:
    """A secret of 256 random bits as text."""
    return secrets.token_urlsafe(32)


def hash_secret(device_id: str, secret: str) -> str:
    """HMAC-SHA256 of the secret as 64 hex digits, keyed with the device's id, as ingest checks it.

    A slow hash would defend a password that can be guessed; 256 random bits cannot, and log-ins stay cheap. The key
    binds the hash to its device: copied to another record it opens nothing.
    """
    return hmac.digest(_CONTEXT + device_id.encode(), secret.encode(), "sha256").hex()
