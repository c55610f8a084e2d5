from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from ioc_kit.rpc.client import token_metadata
from ioc_kit.runtime import running
from ioc_registry import app as composition
from ioc_registry.settings import Settings

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"


@pytest.fixture
async def registry(make_database, nats_server, issuer, monkeypatch):
    """The whole service in this process on real PostgreSQL and NATS; gives a channel to it."""
    urls = make_database("registry", MIGRATIONS)
    settings = Settings(
        oidc_issuer="https://issuer.test/realms/ioc", database_url=urls.runtime, nats_url=nats_server.url
    )
    monkeypatch.setattr(composition, "TokenVerifier", lambda *_: issuer.verifier())
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(running(await composition.build(settings, stack)))
        yield await stack.enter_async_context(grpc.aio.insecure_channel(app.server.address))


@pytest.fixture
def as_role(issuer):
    """Gives the metadata of a call by a role of a tenant."""

    def metadata(*roles, tenant="nghe-an", **narrow):
        return {"metadata": token_metadata(issuer.token(*roles, tenant=tenant), **narrow)}

    return metadata
