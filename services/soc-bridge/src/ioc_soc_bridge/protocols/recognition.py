"""Messages of well-known programs that mean a security event although their syslog severity does not say so.

sshd, for one, logs a wrong password at `info`. A line that nothing here knows keeps the severity that it came with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ioc_soc_bridge.domain.event import canonical_ip
from ioc_soc_bridge.domain.incident import AUTHENTICATION_FAILURE
from ioc_soc_bridge.domain.severity import Severity

LOOK_AT = 1024
"""Characters of a message that are looked at."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the text says: empty and INFO where it says nothing."""

    category: str = ""
    signature: str = ""
    severity: Severity = Severity.INFO
    source_ip: str = ""
    source_port: int = 0
    destination_ip: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pattern:
    signature: str
    programs: tuple[str, ...]
    expression: re.Pattern[str]


# The wording of OpenSSH's auth.c, shadow's su.c, util-linux su, Linux-PAM's pam_unix and sudo.
_PATTERNS = (
    _Pattern(
        "ssh-failed-login",
        ("sshd", "sshd-session"),
        re.compile(
            r"Failed \S{1,64} for (?:invalid user )?(?P<user>\S{0,64}) from (?P<ip>[0-9A-Fa-f.:]{2,45})"
            r"(?: port (?P<port>[0-9]{1,5}))?"
        ),
    ),
    _Pattern(
        "ssh-invalid-user",
        ("sshd", "sshd-session"),
        re.compile(r"Invalid user (?P<user>\S{0,64}) from (?P<ip>[0-9A-Fa-f.:]{2,45})(?: port (?P<port>[0-9]{1,5}))?"),
    ),
    _Pattern(
        "su-failed",
        ("su",),
        re.compile(r"'su (?P<target>\S{1,64})' failed for (?P<user>\S{1,64})|FAILED SU \(to (?P<to>\S{1,64})\)"),
    ),
    _Pattern("sudo-failed", ("sudo",), re.compile(r"[0-9]{1,3} incorrect password attempts?")),
    _Pattern("pam-authentication-failure", (), re.compile(r"authentication failure;")),
)
_ADDRESS_WORD = re.compile(r"(?:\bfrom |\b(?:rhost|src|src_?ip|SRC)=)\[?(?P<ip>[0-9A-Fa-f.:]{2,45})")
_DESTINATION_WORD = re.compile(r"\b(?:dst|dst_?ip|DST)=\[?(?P<ip>[0-9A-Fa-f.:]{2,45})")
_SOURCE_NAMES = frozenset({"src", "src_ip", "srcip", "source_ip", "client_ip", "remote_ip", "rhost"})
_DESTINATION_NAMES = frozenset({"dst", "dst_ip", "dstip", "dest_ip", "destination_ip"})


def recognise(program: str, message: str, params: Sequence[tuple[str, str]]) -> Recognised:
    """What a message of `program` means, by its text and its structured data parameters."""
    text = message[:LOOK_AT]
    source = _of(params, _SOURCE_NAMES)
    destination = _of(params, _DESTINATION_NAMES) or _found(_DESTINATION_WORD, text)
    for pattern in _PATTERNS:
        if pattern.programs and program.partition("[")[0] not in pattern.programs:
            continue
        if match := pattern.expression.search(text):
            named = {key: value for key, value in match.groupdict().items() if value}
            port = int(named.get("port", "0"))
            return Recognised(
                AUTHENTICATION_FAILURE,
                pattern.signature,
                Severity.LOW,
                source or canonical_ip(named.get("ip")) or _found(_ADDRESS_WORD, text),
                port if port <= 65535 else 0,
                destination,
                {"user": named["user"]} if "user" in named else {},
            )
    return Recognised(source_ip=source or _found(_ADDRESS_WORD, text), destination_ip=destination)


def _of(params: Sequence[tuple[str, str]], names: frozenset[str]) -> str:
    return next((ip for name, value in params if name.lower() in names and (ip := canonical_ip(value))), "")


def _found(expression: re.Pattern[str], text: str) -> str:
    return next((ip for match in expression.finditer(text) if (ip := canonical_ip(match["ip"].rstrip(".:")))), "")
