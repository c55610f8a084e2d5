"""A log-in that the gateway refused, as a security event."""

from __future__ import annotations

import hashlib
from datetime import datetime

from ioc_soc_bridge.domain.event import EventSource, SecurityEvent, canonical_ip
from ioc_soc_bridge.domain.incident import AUTHENTICATION_FAILURE
from ioc_soc_bridge.domain.severity import Severity
from ioc_soc_bridge.domain.text import clean

SENSOR = "gateway"
MAX_COUNT = 1_000_000


def refused_login(*, event_id: str, why: str, client_ip: str, path: str, count: int, at: datetime) -> SecurityEvent:
    """Low by itself; `AUTHENTICATION_FAILURE` incidents grow worse with their count.

    The signature is one for all reasons: who tries an expired, then an unsigned, then a foreign token is one visitor.
    """
    word = clean(why, 64) or "unknown"
    return SecurityEvent(
        fingerprint=hashlib.sha256(f"login\x1f{event_id}".encode()).hexdigest(),
        source=EventSource.GATEWAY,
        sensor=SENSOR,
        at=at,
        severity=Severity.LOW,
        category=AUTHENTICATION_FAILURE,
        signature="gateway-login-refused",
        summary="Từ chối đăng nhập tại cổng / Log-in refused at the gateway",
        source_ip=canonical_ip(client_ip),
        transport="tcp",
        is_blocked=True,
        count=min(max(count, 1), MAX_COUNT),
        attributes={key: text for key, text in (("why", word), ("path", clean(path, 128))) if text},
    )
