"""The composition root: the only module that sees all others."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

from ioc_gateway import problems
from ioc_gateway.addresses import TrustedProxies
from ioc_gateway.events.hub import Hub
from ioc_gateway.headers import SecurityHeaders
from ioc_gateway.limits import Limits
from ioc_gateway.models.shown import Problem
from ioc_gateway.parts import Parts
from ioc_gateway.peers import Peers
from ioc_gateway.readiness import Readiness
from ioc_gateway.refusals import Refusals
from ioc_gateway.routes import (
    account,
    alerts,
    contracts,
    events,
    files,
    indicators,
    observations,
    places,
    public,
    security,
    sources,
)
from ioc_gateway.settings import Settings
from ioc_gateway.taxii.app import taxii_app
from ioc_kit.auth import TokenVerifier
from ioc_kit.bus import Bus, StreamSpec
from ioc_kit.clock import Clock, SystemClock

STREAM = StreamSpec("GATEWAY", ("ioc.*.gateway.v1.>",), max_age=timedelta(days=7), max_bytes=256 * 1024 * 1024)
_UPLOAD = re.compile(r"/api/v1/sources/[^/]+/files")
_DESCRIPTION = """
The public edge of the province's Intelligent Operations Centre.

Sign in at the realm `ioc` and send the access token as `Authorization: Bearer …`. The tenant comes from the token;
`?tenant=` looks at one tenant only, and is refused with 403 when it is not within your reach. Lists answer
`{"items": […], "next_page_token": "…"}` and carry a `Link` to the next page. Failures are RFC 9457 problems with a
stable `type`. Texts for people are `{"vi": "…", "en": "…"}`. Times are RFC 3339 with a time zone.
"""


async def build(settings: Settings, stack: AsyncExitStack) -> tuple[FastAPI, Parts]:
    """The app and what it stands on. Whatever is opened closes with the stack. Raises Unavailable without NATS."""
    bus = await Bus.connect(
        settings.nats_url, settings.nats_user, settings.nats_password.get_secret_value(), name="gateway"
    )
    stack.push_async_callback(bus.close)
    await bus.declare([STREAM])
    verifier = TokenVerifier(settings.oidc_issuer, settings.oidc_audience, settings.province_tenant)
    stack.push_async_callback(verifier.aclose)
    parts = assemble(settings, stack, bus, verifier, SystemClock())
    return make_app(parts), parts


def assemble(settings: Settings, stack: AsyncExitStack, bus: Bus, verifier: TokenVerifier, clock: Clock) -> Parts:
    """The parts over a connected bus and a verifier."""
    client = httpx.AsyncClient(timeout=5.0, follow_redirects=False)
    stack.push_async_callback(client.aclose)
    peers = Peers(settings, stack)
    return Parts(
        settings=settings,
        clock=clock,
        verifier=verifier,
        limits=Limits(settings.rate_per_minute, settings.anonymous_rate_per_minute),
        proxies=TrustedProxies(settings.trusted_proxies),
        refusals=Refusals(bus, settings.province_tenant, clock),
        peers=peers,
        bus=bus,
        hub=Hub(bus, settings.max_streams_per_caller, settings.max_streams),
        readiness=Readiness(peers, bus, settings.oidc_issuer, client),
    )


def make_app(parts: Parts) -> FastAPI:
    """The routes over the parts. No interactive documentation: it would load scripts from elsewhere."""
    app = FastAPI(
        title="IOC Nghệ An",
        version="1",
        summary="Readings, indicators, alerts and incidents of the province",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": parts.settings.public_url}],
    )
    app.state.parts = parts
    problems.install(app)
    for each in (
        account,
        places,
        sources,
        files,
        contracts,
        observations,
        indicators,
        alerts,
        security,
        events,
        public,
    ):
        app.include_router(each.routes)
    app.mount("/taxii2", taxii_app(parts))
    # The last one added is the outermost: headers are on every answer, unexpected failures become problems below them.
    app.add_middleware(problems.CatchUnexpected)
    app.add_middleware(
        SecurityHeaders,
        issuer=parts.settings.oidc_issuer,
        max_body_bytes=parts.settings.max_body_bytes,
        upload=_UPLOAD,
    )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # as FastAPI documents it
    # An event stream lasts as long as its token: a span for each would say nothing and pile up.
    FastAPIInstrumentor.instrument_app(
        app, excluded_urls="healthz,readyz,api/v1/events", exclude_spans=["receive", "send"]
    )
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The document of the routes with the schema of problems in it."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            servers=app.servers,
            license_info=app.license_info,
        )
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= {**schema.pop("$defs", {}), "Problem": schema}
        app.openapi_schema = document
    return app.openapi_schema
