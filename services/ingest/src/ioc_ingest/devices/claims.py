"""The two tokens of NATS's auth callout: the server's request, and the answer signed with the issuer's nkey.

Form: github.com/nats-io/jwt v2 (`AuthorizationRequest`, `AuthorizationResponse`, `User`), as nats-server 2.15 takes it.
The request's signature proves nothing here, since it is made with the key that the request itself names: what protects
the callout is that only the server may publish on `$SYS.REQ.USER.AUTH`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import nkeys

from ioc_ingest.devices.admission import Admit, LoginRequest

_REQUEST_AUDIENCE = "nats-authorization-request"
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_SUBSCRIPTIONS = 64
"""Of one device; its own downlink needs two, and as many again for QoS 1."""


class BadRequest(Exception):
    """The message on the callout's subject is not a request of a server."""


@dataclass(frozen=True, slots=True)
class CalloutRequest:
    """One log-in that the server asks about. `login` is None when it is not by MQTT."""

    server_id: str
    user_nkey: str
    login: LoginRequest | None


def read_request(token: bytes) -> CalloutRequest:
    """Reads the server's token. Raises BadRequest when it is none."""
    try:
        body = json.loads(_decode(token.split(b".")[1]))
        request = body["nats"]
        if body["aud"] != _REQUEST_AUDIENCE or request["type"] != "authorization_request":
            raise BadRequest("is another token")
        info, options = request["client_info"], request["connect_opts"]
        is_mqtt = info.get("type") == "mqtt"
        login = LoginRequest(
            user=str(options.get("user", "")),
            password=str(options.get("pass", "")),
            client_id=str(info.get("mqtt_id", "")),
        )
        return CalloutRequest(str(request["server_id"]["id"]), str(request["user_nkey"]), login if is_mqtt else None)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise BadRequest(f"does not read as a request: {error!r}") from error


class Issuer:
    """Signs answers. `seed` is the account nkey's (SA...) whose public half the server's configuration names."""

    def __init__(self, seed: str, account: str) -> None:
        self._key = nkeys.from_seed(seed.encode())
        self._public: str = self._key.public_key.decode()
        self._account = account

    def admit(self, request: CalloutRequest, admitted: Admit, now: datetime, stay: timedelta) -> bytes:
        """The answer that lets the device in for `stay`: then the server cuts it, and it has to log in again."""
        user = {
            "iss": self._public,
            "sub": request.user_nkey,
            "aud": self._account,
            "name": admitted.device_id,
            "iat": int(now.timestamp()),
            "exp": int((now + stay).timestamp()),
            "nats": {
                "type": "user",
                "version": 2,
                "pub": {"allow": list(admitted.publish), "deny": list(admitted.publish_denied)},
                "sub": {"allow": list(admitted.subscribe)},
                "allowed_connection_types": ["MQTT"],
                "subs": _SUBSCRIPTIONS,
                "data": -1,
                "payload": -1,
            },
        }
        return self._answer(request, now, {"jwt": self._sign(user).decode()})

    def refuse(self, request: CalloutRequest, reason: str, now: datetime) -> bytes:
        """The answer that keeps it out; the reason stands in the server's log only."""
        return self._answer(request, now, {"error": reason})

    def _answer(self, request: CalloutRequest, now: datetime, content: Mapping[str, str]) -> bytes:
        return self._sign(
            {
                "iss": self._public,
                "sub": request.user_nkey,
                "aud": request.server_id,
                "iat": int(now.timestamp()),
                "nats": {"type": "authorization_response", "version": 2, **content},
            }
        )

    def _sign(self, claims: dict[str, Any]) -> bytes:
        digest = hashlib.new("sha512_256", json.dumps(claims).encode()).digest()
        claims = {**claims, "jti": base64.b32encode(digest).rstrip(b"=").decode()}
        signed = _encode(json.dumps(_HEADER).encode()) + b"." + _encode(json.dumps(claims).encode())
        signature: bytes = self._key.sign(signed)
        return signed + b"." + _encode(signature)


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(data: bytes) -> bytes:
    return base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))
