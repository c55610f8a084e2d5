"""Starts the issuer as a child process for a test suite, and gets tokens from it."""

import json
import os
import secrets
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from ioc_devtools.issuer.discovery import PROTOCOL
from ioc_devtools.issuer.keys import ALGORITHM, signing_keys
from ioc_devtools.issuer.placeholders import unresolved

REALM_FILE = Path(__file__).parents[4] / "identity" / "realm.json"
"""The realm file of this source tree; an installed package has none and names its own."""

SECRET_PREFIX = "IOC_CLIENT_SECRET_"  # noqa: S105 - the name of a setting


class IssuerNotStarted(Exception):
    """The child did not become ready; the text is what it said."""


def development_settings(public_url: str, realm_file: Path = REALM_FILE) -> dict[str, str]:
    """Every setting the realm file asks for: demo users on, random secrets, the console at `public_url`."""
    asked = unresolved(json.loads(realm_file.read_text(encoding="utf-8")))
    settings = {name: secrets.token_urlsafe(24) for name in sorted(asked) if name.startswith(SECRET_PREFIX)}
    return settings | {
        "IOC_PUBLIC_URL": public_url.rstrip("/"),
        "IOC_DEMO_USERS": "true",
        "IOC_DEMO_PASSWORD": secrets.token_urlsafe(12),
    }


def secret_setting(client_id: str) -> str:
    """The name of the setting that holds a client's secret: `IOC_CLIENT_SECRET_VINH_IOC` for `vinh-ioc`."""
    return SECRET_PREFIX + client_id.upper().replace("-", "_")


@dataclass
class TokenSource:
    """An issuer with the shipped realm, embedded or Keycloak, and the settings its realm was filled with."""

    issuer: str
    """What tokens carry as `iss`: `http://127.0.0.1:PORT/realms/ioc`."""
    settings: Mapping[str, str] = field(repr=False)

    def secret_of(self, client_id: str) -> str:
        """The secret of a service client."""
        return self.settings[secret_setting(client_id)]

    def request_token(self, **form: str) -> httpx.Response:
        """Posts a form to the token endpoint and returns the answer as it is."""
        return httpx.post(f"{self.issuer}{PROTOCOL}/token", data=form)

    def user_token(self, login: str) -> str:
        """An access token of a demo user, by the password grant of `ioc-cli`."""
        password = self.settings["IOC_DEMO_PASSWORD"]
        return _access_token(
            self.request_token(grant_type="password", client_id="ioc-cli", username=login, password=password)
        )

    def client_token(self, client_id: str) -> str:
        """An access token of a service client."""
        secret = self.secret_of(client_id)
        return _access_token(
            self.request_token(grant_type="client_credentials", client_id=client_id, client_secret=secret)
        )


@dataclass
class RunningIssuer(TokenSource):
    """The embedded issuer in a child process; ends with `stop`, the `with` block, or this process, however it ends."""

    state: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def pid(self) -> int:
        return self.process.pid

    def mint(
        self, claims: Mapping[str, Any], *, header: Mapping[str, str] | None = None, keys: KeySet | None = None
    ) -> str:
        """A token that the issuer would not give, to test who verifies: expired, for another audience, without tenant.

        A good token of a province operator, with `claims` over it (None removes one) and `header` over its header,
        signed with the issuer's own key unless `keys` gives another.
        """
        now = int(time.time())
        good = {
            "iss": self.issuer,
            "aud": "ioc-api",
            "sub": "minted",
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(12),
            "azp": "ioc-console",
            "client_id": "ioc-console",
            "tenant": "nghe-an",
            "roles": ["operator"],
            "name": "Minted",
            "preferred_username": "minted",
        }
        wanted = {name: value for name, value in {**good, **claims}.items() if value is not None}
        keys = keys or signing_keys(self.state)
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", **(header or {})}, wanted, keys)

    def stop(self) -> None:
        """Asks the child to end and waits for it; safe to call twice."""
        self.process.terminate()
        self.process.wait(timeout=10)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_issuer(
    state: Path,
    *,
    settings: Mapping[str, str] | None = None,
    listen: str = "127.0.0.1:0",
    realm_file: Path = REALM_FILE,
    timeout_s: float = 15.0,
) -> RunningIssuer:
    """Starts an issuer and returns when it answers, in about half a second; its log is `state`/issuer.log.

    `settings` fill the realm's placeholders, by default `development_settings("http://127.0.0.1:8080")`; of this
    process's own environment no IOC_ setting reaches the child. Raises IssuerNotStarted with what the child said.
    """
    settings = settings or development_settings("http://127.0.0.1:8080", realm_file)
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = state / "issuer.log"
    command = [sys.executable, "-m", "ioc_devtools.issuer", "--until-stdin-closes", "--listen", listen]
    command += ["--realm", str(realm_file), "--state", str(state)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("IOC_")}
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env={**inherited, **settings}
        )
    line = _first_line(process, timeout_s)
    running = RunningIssuer(line.removeprefix("ready").strip(), settings, state, process)
    if not line.startswith("ready "):
        running.stop()
        said = log.read_text(encoding="utf-8", errors="replace").strip()
        raise IssuerNotStarted(said or f"The issuer did not answer within {timeout_s:.0f} s")
    return running


def _first_line(process: subprocess.Popen[bytes], timeout_s: float) -> str:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline().decode() if selector.select(timeout_s) else ""


def _access_token(response: httpx.Response) -> str:
    response.raise_for_status()
    return str(response.json()["access_token"])
