"""What security sensors see in a minute: Suricata's EVE lines and syslog messages, the same for the same seed.

Addresses are those that RFC 5737 keeps for documentation: nobody's.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from ioc_devtools.simulate.chance import unit

T = TypeVar("T")
IDS = "ids-tinh-01"
HOST = "vpn-tinh-01"
_SIGNATURES = (
    (2001219, "ET SCAN Potential SSH Scan", "Attempted Information Leak", 2),
    (2010935, "ET SCAN Suspicious inbound to MSSQL port 1433", "Potentially Bad Traffic", 2),
    (2034647, "ET EXPLOIT Apache log4j RCE Attempt (http ldap)", "Attempted Administrator Privilege Gain", 1),
    (2024897, "ET POLICY Outdated TLS from a partner", "Not Suspicious Traffic", 3),
)
_USERS = ("admin", "root", "oracle", "quantri", "test")
_SCANNERS = tuple(f"203.0.113.{number}" for number in (7, 45, 112, 200))
_GUESSERS = tuple(f"198.51.100.{number}" for number in (19, 23, 88))
_AUTHPRIV_INFO = 86


def eve_lines(seed: int, minute: int, *, is_first: bool) -> bytes:
    """None to two alerts and a flow record, one JSON object a line; the first minute brings an exploit attempt too."""
    records = [_flow(seed, minute)]
    count = int(3 * unit(seed, "eve", minute))
    records += [
        _alert(seed, minute, number, _pick(_SIGNATURES, seed, "sig", minute, number)) for number in range(count)
    ]
    if is_first:
        records.append(_alert(seed, minute, count, _SIGNATURES[2]))
    return b"\n".join(json.dumps(record).encode() for record in records) + b"\n"


def syslog_frames(seed: int, minute: int, *, is_first: bool) -> bytes:
    """None to three refused SSH log-ins as RFC 5424 messages in octet counting (RFC 6587 3.4.1)."""
    count = max(int(4 * unit(seed, "ssh", minute)), 3 if is_first else 0)
    return b"".join(b"%d %b" % (len(line), line) for line in (_refused(seed, minute, n) for n in range(count)))


def _at(minute: int, number: int, seed: int) -> datetime:
    offset = (number * 17 + 60 * unit(seed, "second", minute, number)) % 60
    return datetime.fromtimestamp(minute * 60, UTC) + timedelta(seconds=offset)


def _flow(seed: int, minute: int) -> dict[str, object]:
    return {
        "timestamp": _at(minute, 0, seed).strftime("%Y-%m-%dT%H:%M:%S.%f+0000"),
        "event_type": "flow",
        "src_ip": "10.40.1.20",
        "dest_ip": "10.40.1.53",
        "proto": "UDP",
    }


def _alert(seed: int, minute: int, number: int, signature: tuple[int, str, str, int]) -> dict[str, object]:
    sid, name, category, severity = signature
    return {
        "timestamp": _at(minute, number, seed).strftime("%Y-%m-%dT%H:%M:%S.%f+0000"),
        "flow_id": int(2**50 * unit(seed, "flow", minute, number)),
        "event_type": "alert",
        "host": IDS,
        "in_iface": "eth1",
        "src_ip": _pick(_SCANNERS, seed, "scanner", minute, number),
        "src_port": 32768 + int(28000 * unit(seed, "port", minute, number)),
        "dest_ip": "10.40.1.20",
        "dest_port": 443,
        "proto": "TCP",
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": sid,
            "rev": 3,
            "signature": name,
            "category": category,
            "severity": severity,
        },
    }


def _refused(seed: int, minute: int, number: int) -> bytes:
    stamp = _at(minute, number, seed).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    user = _pick(_USERS, seed, "user", minute, number)
    address = _pick(_GUESSERS, seed, "guesser", minute, number)
    port = 32768 + int(28000 * unit(seed, "ssh-port", minute, number))
    text = f"Failed password for invalid user {user} from {address} port {port} ssh2"
    return f"<{_AUTHPRIV_INFO}>1 {stamp} {HOST} sshd {4000 + number} - - {text}".encode()


def _pick(choices: tuple[T, ...], *names: object) -> T:
    return choices[int(len(choices) * unit(*names))]
