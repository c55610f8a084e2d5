"""The HTTP server over a socket of our own, so that a port in use is told and a client that stands still is let go."""

from __future__ import annotations

import socket
from typing import Any

from granian._granian import SocketHolder
from granian.constants import Interfaces
from granian.server.embed import Server

BACKLOG = 1024
STANDSTILL_SECONDS = 20.0
"""How long a client may take nothing of what was sent to it before its connection ends."""


class BoundServer(Server):
    """granian, which lets an application wait for as long as its client reads nothing, even when it is to stop.

    So the kernel ends such connections: TCP_USER_TIMEOUT, which the listening socket hands on. The socket that granian
    makes itself cannot be reached, and on Linux it shares a port that another process listens on (SO_REUSEPORT).
    """

    def __init__(self, app: Any, host: str, port: int, *, standstill_seconds: float = STANDSTILL_SECONDS) -> None:
        self._bound = bind(host, port, standstill_seconds)
        super().__init__(app, address=host, port=port, interface=Interfaces.ASGI, backlog=BACKLOG, log_enabled=False)

    def _init_shared_socket(self) -> None:
        self._ssp = None
        # granian's stubs have the arguments of another version; the signature is (fd, uds, backlog).
        self._shd = SocketHolder(self._bound.detach(), False, BACKLOG)  # type: ignore[call-arg, assignment]


def bind(host: str, port: int, standstill_seconds: float) -> socket.socket:
    """A socket that is bound and waits for `listen`. Raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(standstill_seconds * 1000))
        bound.bind((host.strip("[]"), port))
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound
