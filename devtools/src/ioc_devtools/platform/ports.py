"""Which ports the parts listen on: known ones that a person types, free ones for everything else."""

from __future__ import annotations

import os
import random
import socket

from ioc_devtools.platform.state import CannotRun

PUBLIC = {"gateway": 8080, "identity": 8081, "mqtt": 1883, "ingest": 9090, "syslog": 6601}
"""What the outside uses; each can be moved by `IOC_PORT_<NAME>`; `IOC_PORTS=free` takes free ones for all."""
_OUTSIDE_EPHEMERAL = range(20_000, 32_000)
INTERNAL = ("postgres", "nats", "nats-monitor", "registry", "kpi", "alerts", "soc-bridge")


def choose(host: str = "127.0.0.1") -> dict[str, int]:
    """A port for every part. Raises CannotRun that names the port in use and how to move it."""
    is_free_choice = os.environ.get("IOC_PORTS") == "free"
    ports: dict[str, int] = {}
    held: list[socket.socket] = []
    try:
        for name in (*PUBLIC, *INTERNAL):
            variable = f"IOC_PORT_{name.upper().replace('-', '_')}"
            wanted = int(os.environ.get(variable, 0 if is_free_choice else PUBLIC.get(name, 0)))
            listener = _hold(host, wanted) if wanted else _hold_any(host)
            if listener is None:
                raise CannotRun(
                    f"port {wanted or ''} for {name} is in use; stop what uses it, or set {variable} to another port"
                )
            held.append(listener)
            ports[name] = listener.getsockname()[1]
    finally:
        for listener in held:
            listener.close()
    return ports


def _hold(host: str, port: int) -> socket.socket | None:
    """A socket on the port, or None when somebody has it."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        return None
    return listener


def _hold_any(host: str) -> socket.socket | None:
    """A free port that no outgoing connection can take before the part it was chosen for has started."""
    for port in random.sample(_OUTSIDE_EPHEMERAL, 200):
        if (listener := _hold(host, port)) is not None:
            return listener
    return None
