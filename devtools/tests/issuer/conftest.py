"""One real issuer over HTTP for all these tests; a test that changes its state starts its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from ioc_devtools.issuer.code_flow import CodeFlow
from ioc_devtools.issuer.launch import RunningIssuer, development_settings, start_issuer

CONSOLE = "http://127.0.0.1:8080"


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIssuer]:
    with start_issuer(tmp_path_factory.mktemp("issuer"), settings=development_settings(CONSOLE)) as running:
        yield running


@pytest.fixture
def own_issuer(tmp_path: Path) -> Iterator[RunningIssuer]:
    """An issuer that no other test sees."""
    with start_issuer(tmp_path, settings=development_settings(CONSOLE)) as running:
        yield running


@pytest.fixture
def password(issuer: RunningIssuer) -> str:
    return issuer.settings["IOC_DEMO_PASSWORD"]


@pytest.fixture
def flow(issuer: RunningIssuer) -> CodeFlow:
    return CodeFlow(issuer.issuer, f"{CONSOLE}/")


@pytest.fixture
def decode(issuer: RunningIssuer) -> Callable[[str], jwt.Token]:
    """Verifies a token's signature with the published keys, as an API would."""
    published = httpx.get(f"{issuer.issuer}/protocol/openid-connect/certs").json()
    keys = KeySet.import_key_set(published)
    return lambda token: jwt.decode(token, keys, algorithms=["RS256"])
