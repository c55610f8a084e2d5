"""Substitutes ``${NAME}`` and ``${NAME:default}`` the way Keycloak does when it imports a realm."""

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_.\-]*)(?::([^}]*))?\}")

OURS = "IOC_"
"""Only names with this prefix are settings; others (``${client_admin-cli}``) are Keycloak's own message keys."""


def substitute(value: Any, env: Mapping[str, str]) -> Any:
    """Returns a copy of a parsed JSON value with every known placeholder of its strings replaced.

    A name that is neither in `env` nor has a default stays as it is, as in Keycloak; `unresolved` finds those.
    Unlike Keycloak, which substitutes in the text before parsing, a quote in a value cannot break the file here.
    """
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: _replacement(match, env), value)
    if isinstance(value, list):
        return [substitute(item, env) for item in value]
    if isinstance(value, dict):
        return {key: substitute(item, env) for key, item in value.items()}
    return value


def unresolved(value: Any) -> set[str]:
    """Names of our settings that are still placeholders somewhere in a substituted JSON value."""
    if isinstance(value, str):
        return {name for name, _ in _PLACEHOLDER.findall(value) if name.startswith(OURS)}
    if isinstance(value, list):
        return set().union(*(unresolved(item) for item in value))
    if isinstance(value, dict):
        return set().union(*(unresolved(item) for item in value.values()))
    return set()


def _replacement(match: re.Match[str], env: Mapping[str, str]) -> str:
    name, default = match.group(1), match.group(2)
    if name in env:
        return env[name]
    return match.group(0) if default is None else default
