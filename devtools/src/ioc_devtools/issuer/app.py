"""Wires the issuer's endpoints into one ASGI application, at Keycloak's addresses."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ioc_devtools.issuer.authority import Authority, ParsedRequest
from ioc_devtools.issuer.claims import mapped_claims
from ioc_devtools.issuer.discovery import PROTOCOL, discovery_document, public_keys
from ioc_devtools.issuer.keys import ALGORITHM
from ioc_devtools.issuer.login import LoginEndpoints
from ioc_devtools.issuer.logout import LogoutEndpoints
from ioc_devtools.issuer.parameters import MalformedRequest, read_form
from ioc_devtools.issuer.realm import Realm

_log = logging.getLogger("ioc.issuer")

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class MachineEndpoints:
    """Endpoints that programs call: discovery, keys, tokens, user information."""

    def __init__(self, authority: Authority, keys: KeySet, now: Callable[[], datetime]) -> None:
        self._authority = authority
        self._keys = keys
        self._now = now
        self._discovery = discovery_document(authority.realm, authority.issuer)
        self._public_keys = public_keys(keys)

    async def discovery(self, request: Request) -> Response:
        """OpenID Connect discovery."""
        return JSONResponse(self._discovery, headers={"Cache-Control": "no-cache, must-revalidate"})

    async def certs(self, request: Request) -> Response:
        """The JWKS; not cached, so that a verifier that meets an unknown `kid` finds a new key at once."""
        return JSONResponse(self._public_keys, headers={"Cache-Control": "no-cache"})

    async def token(self, request: Request) -> Response:
        """The token endpoint (RFC 6749, 3.2)."""
        uri = f"{self._authority.issuer}{PROTOCOL}/token"
        parsed = ParsedRequest("POST", uri, await read_form(request), request.headers)
        response: Response = self._authority.create_token_response(parsed)
        return response

    async def userinfo(self, request: Request) -> Response:
        """OIDC Core 5.3: the person behind an access token with scope `openid`, while the session lives."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        claims = self._access_claims(value.strip()) if scheme.lower() == "bearer" else None
        session = self._authority.sessions.find_session(claims.get("sid")) if claims else None
        if claims is None or session is None:
            headers = {"WWW-Authenticate": f'Bearer realm="{self._authority.realm.name}", error="invalid_token"'}
            return JSONResponse({"error": "invalid_token"}, 401, headers=headers)
        if "openid" not in claims["scope"].split():
            return JSONResponse({"error": "insufficient_scope"}, 403)
        client = self._authority.realm.clients[claims["azp"]]
        return JSONResponse(
            mapped_claims(client, session.user, "userinfo", None), headers={"Cache-Control": "no-store"}
        )

    def _access_claims(self, value: str) -> dict[str, Any] | None:
        try:
            token = jwt.decode(value, self._keys, algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            return None
        is_fresh = token.claims.get("exp", 0) > self._now().timestamp()
        return dict(token.claims) if token.header.get("typ") == "at+jwt" and is_fresh else None


def build_app(realm: Realm, issuer: str, keys: KeySet, now: Callable[[], datetime] | None = None) -> Starlette:
    """The issuer as an ASGI application. `issuer` is its public address with `/realms/<name>`, the tokens' `iss`."""
    clock = now or _utc_now
    authority = Authority(realm, issuer, keys, clock)
    machine = MachineEndpoints(authority, keys, clock)
    login = LoginEndpoints(authority, clock)
    logout = LogoutEndpoints(authority, keys, login)
    routes = [
        Route("/.well-known/openid-configuration", machine.discovery),
        Route(f"{PROTOCOL}/certs", machine.certs),
        Route(f"{PROTOCOL}/token", machine.token, methods=["POST"]),
        Route(f"{PROTOCOL}/userinfo", machine.userinfo, methods=["GET", "POST"]),
        Route(f"{PROTOCOL}/auth", login.authorize, methods=["GET", "POST"]),
        Route(f"{PROTOCOL}/logout", logout.logout, methods=["GET", "POST"]),
        Route("/login-actions/authenticate", login.show_form, methods=["GET"]),
        Route("/login-actions/authenticate", login.authenticate, methods=["POST"]),
        Route("/login-actions/logout", logout.confirm, methods=["POST"]),
    ]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(realm.web_origins()),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        max_age=600,
    )
    return Starlette(
        routes=[Mount(f"/realms/{realm.name}", routes=routes)],
        middleware=[Middleware(_SecurityHeaders), cors],
        exception_handlers={MalformedRequest: _malformed, HTTPException: _http_error, Exception: _unexpected},
    )


class _SecurityHeaders:
    """Adds the headers that every answer carries; a page brings its own content security policy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                headers += _SECURITY_HEADERS
                if not any(name == b"content-security-policy" for name, _ in headers):
                    headers.append((b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _malformed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "invalid_request", "error_description": str(error)}, 400)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse(
        {"error": "invalid_request", "error_description": "No such endpoint or method"}, status, headers
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("unexpected error at %s", request.url.path, exc_info=error)
    return JSONResponse({"error": "server_error"}, 500)


def _utc_now() -> datetime:
    return datetime.now(UTC)
