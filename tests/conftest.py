"""One whole platform for the tests that need one: real parts on free ports, a state folder of its own, spans caught.

Tests of it run in one worker (an xdist group), each with devices, hours and addresses of its own, so in any order.
At the end the platform is asked to prove itself, and nothing of it may be left running.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from ioc_devtools.issuer.keycloak import start_keycloak
from ioc_devtools.platform.launched import launched_platform
from ioc_devtools.platform.ports import choose
from ioc_devtools.platform.services import Layout, realm_environment
from ioc_devtools.platform.state import Run, StateFolder
from ioc_devtools.testing.events import EventListener
from ioc_devtools.testing.people import SignedIn, SignIns
from ioc_devtools.testing.spans import Spans, receive_spans
from ioc_devtools.testing.stations import MqttDevice, issue_secret
from ioc_devtools.verify import check_all

MANY = "1000000"
"""Requests a minute: tests poll, and the limits have tests of their own beside the gateway."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "platform" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("platform"))


@dataclass(frozen=True, slots=True)
class Platform:
    """What runs, who signs in there, and the spans that it tells."""

    state: StateFolder
    run: Run
    sign_ins: SignIns
    spans: Spans


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """Started once; at its end everything is proved and gone. Its folder stays when a test has failed."""
    # Not in pytest's own folders: each pytest that starts closes those to other users, and as root the database is one.
    folder = Path(tempfile.mkdtemp(prefix="ioc-tests-"))
    folder.chmod(0o711)
    with receive_spans() as (endpoint, spans):
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "IOC_RATE_PER_MINUTE": MANY,
            "IOC_ANONYMOUS_RATE_PER_MINUTE": MANY,
        }
        with issuer_of(folder, settings), launched_platform(folder / "state", settings) as (state, run, _):
            processes = _family(run)
            yield Platform(state, run, SignIns(state, run), spans)
            found = asyncio.run(check_all(state))
        left = [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
        assert not left, f"still running after the platform has stopped: {left}"
        assert found["ok"], [check for check in found["checks"] if not check["ok"]]
        assert not _errors(state), "the services logged errors; whatever comes in, none of it is an error of theirs"
    if request.session.testsfailed:
        print(f"the platform's folder, with its logs: {folder}")
    else:
        shutil.rmtree(folder)


@contextmanager
def issuer_of(folder: Path, settings: dict[str, str]) -> Iterator[None]:
    """A real Keycloak with IOC_TEST_ISSUER=keycloak; nothing for the embedded issuer, which is a part itself."""
    if os.environ.get("IOC_TEST_ISSUER") != "keycloak":
        yield
        return
    state = StateFolder(folder / "state")
    state.prepare()
    layout = Layout(choose(), state)
    with start_keycloak(folder / "keycloak", realm_environment(layout)) as keycloak:
        settings |= {"IOC_EXTERNAL_ISSUER": keycloak.issuer, "IOC_PORT_GATEWAY": str(layout.ports["gateway"])}
        yield


def _family(run: Run) -> list[psutil.Process]:
    supervisor = psutil.Process(run.supervisor_pid)
    return [supervisor, *supervisor.children(recursive=True)]


def _errors(state: StateFolder) -> list[str]:
    lines = [line for log in (state.path / "logs").glob("*.log") for line in log.read_text().splitlines()]
    return [line[:2000] for line in lines if '"level": "error"' in line or "Traceback" in line]


@pytest.fixture
async def api(platform: Platform) -> AsyncIterator[Callable[[str], httpx.AsyncClient]]:
    """Gives `api("truc.ban")`: a client of the gateway signed in as a person or system; `api("")` as nobody."""
    async with AsyncExitStack() as stack:
        clients: dict[str, httpx.AsyncClient] = {}

        def signed_in(name: str) -> httpx.AsyncClient:
            if name not in clients:
                auth = SignedIn(platform.sign_ins, name) if name else None
                clients[name] = httpx.AsyncClient(base_url=platform.run.public_url, auth=auth, timeout=20.0)
                stack.push_async_callback(clients[name].aclose)
            return clients[name]

        yield signed_in


@pytest.fixture
def listen(api: Callable[[str], httpx.AsyncClient]) -> Callable[..., EventListener]:
    """Gives `async with listen("truc.ban", last_id=...) as events`: a front end that follows live events."""
    return lambda name, last_id=None: EventListener(api(name), last_id=last_id)


@pytest.fixture
async def device(
    platform: Platform, api: Callable[[str], httpx.AsyncClient]
) -> AsyncIterator[Callable[[str], Awaitable[MqttDevice]]]:
    """Gives `await device("aq-vinh-01")`: the device with a new credential, connected."""
    async with AsyncExitStack() as stack:

        async def connected(code: str) -> MqttDevice:
            is_hoang_mai = code.startswith("aq-hm-")
            secret = await issue_secret(api("hoangmai.quan.tri" if is_hoang_mai else "quan.tri"), code)
            tenant = "hoang-mai" if is_hoang_mai else "nghe-an"
            return await stack.enter_async_context(MqttDevice(platform.run.addresses["mqtt"], tenant, code, secret))

        yield connected


@pytest.fixture
async def channel(platform: Platform) -> AsyncIterator[Callable[[str], grpc.aio.Channel]]:
    """Gives `channel("ingest")`: a gRPC channel to a service."""
    async with AsyncExitStack() as stack:
        channels: dict[str, grpc.aio.Channel] = {}

        def opened(name: str) -> grpc.aio.Channel:
            if name not in channels:
                channels[name] = grpc.aio.insecure_channel(platform.run.addresses[name])
                stack.push_async_callback(channels[name].close)
            return channels[name]

        yield opened


@pytest.fixture
def items(api: Callable[[str], httpx.AsyncClient]) -> Callable[..., Awaitable[list[dict[str, Any]]]]:
    """Gives `await items("truc.ban", "/alerts", rule="...")`: all items of a list, every page."""

    async def listed(name: str, path: str, **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            query = {"page_size": 1000, "page_token": token, **parameters}
            answer = await api(name).get(f"/api/v1{path}", params=query)
            page = answer.raise_for_status().json()
            found += page["items"]
            token = page["next_page_token"]
            if not token:
                return found

    return listed


@pytest.fixture
def forge(platform: Any) -> Callable[..., str]:
    """Gives `forge(exp=..., tenant=None)`: a token by the installation's own key, changed as named; None leaves out."""
    folder = platform.state.path / "identity"
    own = RSAKey.import_key(json.loads((folder / "signing-key.json").read_text()))

    def make(*, key: RSAKey = own, header: dict[str, Any] | None = None, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": platform.run.issuer,
            "aud": "ioc-api",
            "sub": "forged",
            "exp": now + 60,
            "iat": now,
            "jti": str(now),
            "azp": "ioc-cli",
            "tenant": "nghe-an",
            "roles": ["province-admin"],
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": key.kid, "typ": "at+jwt", **(header or {})}, kept, key)

    return make
