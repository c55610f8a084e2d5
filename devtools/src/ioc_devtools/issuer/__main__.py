"""`python -m ioc_devtools.issuer`: serves the embedded issuer until it is told to stop."""

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

# Heavier imports wait until the settings are known to be good: a refusal should come at once.


def main() -> int:
    """Returns the exit status: 0 after a stop, 2 when it cannot or must not start."""
    arguments = _arguments()
    if os.environ.get("IOC_ENVIRONMENT", "").strip().lower() == "production" and not arguments.check:
        return _refuse("The embedded issuer is for development only: with IOC_ENVIRONMENT=production use Keycloak.")
    from ioc_devtools.issuer.realm import RealmError
    from ioc_devtools.issuer.realm_file import load_realm

    try:
        realm = load_realm(arguments.realm, os.environ)
        if arguments.check:
            return 0
        host, port = _free_address(arguments.listen)
        from ioc_devtools.issuer.app import build_app
        from ioc_devtools.issuer.keys import signing_keys

        base = (arguments.url or f"http://{host}:{port}").rstrip("/")
        issuer = f"{base}/realms/{realm.name}"
        app = build_app(realm, issuer, signing_keys(arguments.state))
    except (RealmError, OSError, ValueError) as error:
        return _refuse(str(error))
    asyncio.run(_serve(app, host, port, issuer, arguments.until_stdin_closes))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ioc_devtools.issuer", description=__doc__)
    parser.add_argument("--realm", type=Path, required=True, help="the realm file, identity/realm.json")
    parser.add_argument("--listen", default="127.0.0.1:0", help="HOST:PORT; port 0 takes a free one")
    parser.add_argument("--state", type=Path, default=Path(".ioc/issuer"), help="folder of the signing key")
    parser.add_argument("--url", help="public address when it is not http://HOST:PORT; tokens carry it as iss")
    parser.add_argument(
        "--check", action="store_true", help="only check the realm file and its settings, as before starting Keycloak"
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when the starting process is gone")
    return parser.parse_args()


def _free_address(listen: str) -> tuple[str, int]:
    """Host and port, a free port for 0. Raises OSError when it is in use, ValueError when `listen` is odd."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise ValueError(f"--listen takes HOST:PORT, not {listen!r}")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            raise OSError(
                f"The issuer cannot listen at {listen} ({error.strerror}): choose another --listen"
            ) from error
        return host, int(probe.getsockname()[1])


async def _serve(app: object, host: str, port: int, issuer: str, until_stdin_closes: bool) -> None:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    # Embedded: the ordinary granian server would start a second process, which doubles the memory for nothing here.
    server = Server(
        app, address=host.strip("[]"), port=port, interface=Interfaces.ASGINL, log_enabled=False, websockets=False
    )
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, server.stop)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end_of_file, loop, server.stop)
    serving = asyncio.create_task(server.serve())
    await _wait_until_listening(host.strip("[]"), port, serving)
    print(f"ready {issuer}", flush=True)
    await serving


async def _wait_until_listening(host: str, port: int, serving: "asyncio.Task[None]") -> None:
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.close()
        await writer.wait_closed()
        return
    await serving


def _stop_at_end_of_file(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        stop()


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed and stored by now. granian's own threads, with a connection still open, may abort the
    # interpreter while it winds down (seen once in some hundred stops): the process ends here instead.
    os._exit(status)
