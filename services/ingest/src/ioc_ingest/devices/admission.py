"""Whether a device may come in, and what it may do then. Pure: the request and the record say everything."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CONTEXT = b"ioc-device-secret-v1:"
_NOBODY = b"\0" * hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device as the registry knows it. `secret_hash` is the 32 bytes of `hash_secret`, never the secret."""

    device_id: str
    tenant: str
    secret_hash: bytes = field(repr=False)
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What an MQTT CONNECT says: user name, password, client id."""

    user: str
    password: str = field(repr=False)
    client_id: str


class Refusal(StrEnum):
    """Why a log-in is refused. It goes to the operator's counts; the device hears only that it is refused."""

    NOT_MQTT = "not-mqtt"
    UNKNOWN_DEVICE = "unknown-device"
    WRONG_SECRET = "wrong-secret"  # noqa: S105  # a reason
    REVOKED = "revoked"
    WRONG_CLIENT_ID = "wrong-client-id"
    BAD_RECORD = "bad-record"
    DIRECTORY_AWAY = "directory-away"


@dataclass(frozen=True, slots=True)
class Admit:
    """Come in: the NATS subjects that the device may publish and subscribe, and those it may not publish after all."""

    device_id: str
    tenant: str
    publish: tuple[str, ...]
    publish_denied: tuple[str, ...]
    subscribe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """Stay out."""

    reason: Refusal


def new_secret() -> str:
    """A device's secret: 256 random bits as 43 letters. Give it to the device once; keep `hash_secret` of it."""
    return secrets.token_urlsafe(32)


def hash_secret(device_id: str, secret: str) -> bytes:
    """HMAC-SHA256 of the secret, keyed with the device's name.

    A slow hash (argon2) defends passwords that can be guessed. 256 random bits cannot, so one fast hash is as safe,
    and a thousand devices that come back at once after a power cut cost milliseconds instead of minutes.
    The key binds the hash to its device: copied to another record it opens nothing.
    """
    return hmac.digest(_CONTEXT + device_id.encode(), secret.encode(), "sha256")


def decide(request: LoginRequest, record: DeviceRecord | None) -> Admit | Refuse:
    """Admits a known device with its own secret and its own name as client id.

    A client id is unique in the whole account: with another's, a device would throw that one out.
    """
    expected = record.secret_hash if record is not None else _NOBODY
    # Compared for unknown devices too, so that the time of the answer does not tell which names exist.
    is_right = hmac.compare_digest(hash_secret(request.user, request.password), expected)
    if record is None or record.device_id != request.user:
        return Refuse(Refusal.UNKNOWN_DEVICE)
    if not is_right:
        return Refuse(Refusal.WRONG_SECRET)
    if record.is_revoked:
        return Refuse(Refusal.REVOKED)
    if request.client_id != record.device_id:
        return Refuse(Refusal.WRONG_CLIENT_ID)
    if not is_word(record.device_id) or not is_word(record.tenant):
        # `*`, `>` or a dot in a name would widen the permission that is made of it.
        return Refuse(Refusal.BAD_RECORD)
    own = f"dev.{record.tenant}.{record.device_id}"
    # An MQTT subscription to `…/down/#` means `…/down` as well.
    down = (f"{own}.down", f"{own}.down.>")
    return Admit(record.device_id, record.tenant, publish=(f"{own}.>",), publish_denied=down, subscribe=down)


def is_word(name: str) -> bool:
    """True for a name that is one plain level of a topic: ASCII letters, digits, dashes, underscores, at most 64."""
    return _WORD.fullmatch(name) is not None
