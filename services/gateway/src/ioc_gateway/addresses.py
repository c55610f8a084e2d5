"""Where a request comes from, when a proxy that we trust stands in between."""

from __future__ import annotations

import ipaddress

from fastapi import Request

MAX_HOPS = 8


class TrustedProxies:
    """Believes `X-Forwarded-For` only as far as proxies of ours wrote it. Raises ValueError for a wrong network."""

    def __init__(self, networks: str) -> None:
        self._networks = [ipaddress.ip_network(each.strip()) for each in networks.split(",") if each.strip()]

    def address_of(self, request: Request) -> str:
        """The address of the client: the nearest one that is not a proxy of ours."""
        address = request.client.host if request.client else ""
        forwarded = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
        for earlier in reversed(forwarded[-MAX_HOPS:]):
            if not self._is_ours(address) or not _is_address(earlier):
                break
            address = earlier
        return address

    def _is_ours(self, address: str) -> bool:
        if not _is_address(address):
            return False
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._networks if network.version == parsed.version)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
