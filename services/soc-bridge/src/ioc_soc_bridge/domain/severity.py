"""How bad: one scale for every source."""

from __future__ import annotations

from enum import IntEnum


class Severity(IntEnum):
    """In order, so that `max` is the worst."""

    INFO = 1
    """Worth keeping, not worth an incident."""
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


def of_suricata(severity: int) -> Severity:
    """Suricata counts 1 (worst) to 4 by the rule's classification; 255 when a rule has none. An alert is never INFO."""
    return {1: Severity.HIGH, 2: Severity.MEDIUM}.get(severity, Severity.LOW)


def of_syslog(severity: int) -> Severity:
    """RFC 5424 severities 0 (emergency) to 7 (debug); notice and below is ordinary life and opens no incident."""
    if severity <= 1:
        return Severity.CRITICAL
    if severity == 2:
        return Severity.HIGH
    if severity == 3:
        return Severity.MEDIUM
    return Severity.LOW if severity == 4 else Severity.INFO
