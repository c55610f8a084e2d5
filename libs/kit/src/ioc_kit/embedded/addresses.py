"""TCP ports of 127.0.0.1: a free one, or the assurance that a given one is free."""

from __future__ import annotations

import socket

from ioc_kit.embedded.errors import PortInUse

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on now. Somebody else may take it before it is used: be ready to try again."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(server: str, port: int) -> None:
    """Raises PortInUse when somebody listens there."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortInUse(server, port) from error
