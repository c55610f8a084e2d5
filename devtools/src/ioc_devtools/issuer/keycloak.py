"""Starts a real Keycloak with the shipped realm, for tests that hold the embedded issuer and the platform to it."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from ioc_devtools.issuer.launch import REALM_FILE, TokenSource
from ioc_devtools.issuer.realm_file import load_realm

FETCH = Path(__file__).parents[4] / "devtools" / "keycloak" / "fetch.sh"

# The `cat`: when the process that started us is gone, its end of the pipe closes and Keycloak ends too.
_RUN = 'exec 3<&0; bin/kc.sh "$@" </dev/null & child=$!; (cat <&3 >/dev/null; kill "$child") & wait "$child"'


class KeycloakNotAvailable(Exception):
    """Keycloak cannot be had or does not start here; the text says why."""


@dataclass
class RunningKeycloak(TokenSource):
    """A Keycloak in child processes; ends with `stop`, the `with` block, or this process, however that ends."""

    process: subprocess.Popen[bytes] = field(repr=False)

    def stop(self) -> None:
        """Ends Keycloak and waits for it; safe to call twice."""
        _stop(self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_keycloak(work: Path, settings: Mapping[str, str], *, timeout_s: float = 240.0) -> RunningKeycloak:
    """Starts Keycloak in `work` on free ports and returns when it is ready, 25 to 60 s later; log: `work`/keycloak.log.

    `settings` as of `launch.development_settings`. The first time ever downloads 180 MB. Raises KeycloakNotAvailable,
    or RealmError when a setting is missing: Keycloak itself would take the text of the placeholder as the secret.
    """
    load_realm(REALM_FILE, settings)
    home = work / "keycloak"
    shutil.copytree(_fetch(), home, symlinks=True)
    imports = home / "data" / "import"
    imports.mkdir(parents=True)
    shutil.copyfile(REALM_FILE, imports / "ioc.json")
    port, management_port = _free_ports()
    address = f"http://127.0.0.1:{port}"
    arguments = ["start-dev", "--import-realm", "--db=dev-mem", "--health-enabled=true", "--http-host=127.0.0.1"]
    arguments += [f"--http-port={port}", f"--http-management-port={management_port}", f"--hostname={address}"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("IOC_", "KC_"))}
    admin = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": secrets.token_urlsafe(24)}
    memory = {"JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m"}
    log = work / "keycloak.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", _RUN, "kc", *arguments],
            cwd=home,
            env=inherited | admin | memory | dict(settings),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{management_port}/health/ready", timeout_s, log)
    except BaseException:
        _stop(process)
        raise
    return RunningKeycloak(f"{address}/realms/ioc", settings, process)


def _fetch() -> Path:
    fetched = subprocess.run([str(FETCH)], capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        raise KeycloakNotAvailable(fetched.stderr.strip()[-500:] or f"{FETCH.name} ended with {fetched.returncode}")
    return Path(fetched.stdout.strip().splitlines()[-1])


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        return first.getsockname()[1], second.getsockname()[1]


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, timeout_s: float, log: Path) -> None:
    deadline = time.monotonic() + timeout_s
    while process.poll() is None and time.monotonic() < deadline:
        if _answers(url):
            return
        time.sleep(0.2)
    tail = log.read_text(encoding="utf-8", errors="replace")[-1500:]
    raise KeycloakNotAvailable(f"Keycloak did not become ready within {timeout_s:.0f} s; its log ends:\n{tail}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    # By the pipe and not by a signal to the group: the shell waits for Java then, and so do we.
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
