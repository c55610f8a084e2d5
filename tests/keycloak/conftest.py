"""The two issuers that must be alike: the embedded one, and a real Keycloak when this run asks for it.

Keycloak takes Java, a download and half a minute, so it runs only with `-m keycloak` or `IOC_REQUIRE_KEYCLOAK=1`. A run
without it says so at its end; with `IOC_REQUIRE_KEYCLOAK=1` (CI) a Keycloak that cannot run is a failure, not a skip.
"""

import os
from collections.abc import Callable, Iterator
from typing import NoReturn

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from ioc_devtools.issuer.code_flow import CodeFlow
from ioc_devtools.issuer.keycloak import KeycloakNotAvailable, start_keycloak
from ioc_devtools.issuer.launch import TokenSource, development_settings, start_issuer

CONSOLE = "http://127.0.0.1:8080"

_skipped = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if reason := config.stash.get(_skipped, ""):
        terminalreporter.write_line(f"Keycloak: its tests were skipped: {reason}")


def _go_without(config: pytest.Config, reason: str) -> NoReturn:
    if os.environ.get("IOC_REQUIRE_KEYCLOAK") == "1":
        pytest.fail(f"IOC_REQUIRE_KEYCLOAK=1, but: {reason}", pytrace=False)
    config.stash[_skipped] = reason
    pytest.skip(reason)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenSource]:
    with start_issuer(tmp_path_factory.mktemp("issuer"), settings=development_settings(CONSOLE)) as running:
        yield running


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[TokenSource]:
    asked_for = "keycloak" in pytestconfig.option.markexpr or os.environ.get("IOC_REQUIRE_KEYCLOAK") == "1"
    if not asked_for:
        _go_without(pytestconfig, "this run did not ask for them (-m keycloak, or IOC_REQUIRE_KEYCLOAK=1)")
    try:
        running = start_keycloak(tmp_path_factory.mktemp("keycloak"), development_settings(CONSOLE))
    except KeycloakNotAvailable as error:
        _go_without(pytestconfig, str(error))
    with running:
        yield running


@pytest.fixture(
    params=["embedded", pytest.param("keycloak", marks=[pytest.mark.keycloak, pytest.mark.timeout(600)])],
)
def source(request: pytest.FixtureRequest) -> TokenSource:
    """Each issuer in turn."""
    found: TokenSource = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def password(source: TokenSource) -> str:
    return source.settings["IOC_DEMO_PASSWORD"]


@pytest.fixture
def flow(source: TokenSource) -> CodeFlow:
    return CodeFlow(source.issuer, f"{CONSOLE}/")


@pytest.fixture
def decode() -> Callable[[TokenSource, str], jwt.Token]:
    """Verifies a token as an API does: keys found by discovery, RS256 only."""

    def verify(source: TokenSource, token: str) -> jwt.Token:
        discovered = httpx.get(f"{source.issuer}/.well-known/openid-configuration").json()
        keys = KeySet.import_key_set(httpx.get(discovered["jwks_uri"]).json())
        return jwt.decode(token, keys, algorithms=["RS256"])

    return verify
