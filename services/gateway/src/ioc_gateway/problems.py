"""RFC 9457 problems: one shape for every failure, with types that stay the same for ever."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from grpc.aio import AioRpcError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ioc_gateway.errors import BodyTooLarge
from ioc_kit.errors import Exhausted, InvalidInput, IocError, Unauthenticated, Unavailable
from ioc_kit.rpc import error_from_call
from ioc_kit.telemetry import current_trace_id

log = structlog.get_logger()
TOO_LARGE = frozenset({"FILE_TOO_LARGE", "PAYLOAD_TOO_LARGE", "BATCH_TOO_LARGE"})
MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:ioc:problem:"
"""A problem's type is this prefix and the error's reason in lower case with dashes; docs/api-problems.md lists them."""


def problem(
    status: int, reason: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """An `application/problem+json` response. `reason` is the stable word that the type is made of."""
    body = {
        "type": TYPE_PREFIX + reason.lower().replace("_", "-"),
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "reason": reason,
        **more,
    }
    if trace_id := current_trace_id():
        body["trace_id"] = trace_id
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def from_error(error: IocError) -> JSONResponse:
    """The problem that tells an error of any service."""
    headers: dict[str, str] = {}
    more: dict[str, Any] = {}
    if error.metadata:
        more["facts"] = error.metadata
    if isinstance(error, InvalidInput) and error.violations:
        more["errors"] = [{"field": v.field, "description": v.description} for v in error.violations]
    if isinstance(error, Exhausted | Unavailable):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after.total_seconds())))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = _challenge(error)
    return problem(error.http_status, error.reason, error.message, headers=headers, **more)


def _challenge(error: Unauthenticated) -> str:
    """RFC 6750: who sent no token at all is told how to sign in, not that the token is wrong."""
    if error.metadata.get("why") == "missing":
        return 'Bearer realm="ioc"'
    description = "".join(each for each in error.message if each.isascii() and each.isprintable() and each not in '"\\')
    return f'Bearer realm="ioc", error="invalid_token", error_description="{description}"'


def of_peer(error: AioRpcError) -> IocError:
    """The error of a peer's failed call; what is too large keeps the status that HTTP has for it."""
    known = error_from_call(error)
    if known.reason in TOO_LARGE:
        known.http_status = 413  # type: ignore[misc]  # on this one instance
    return known


def install(app: FastAPI) -> None:
    """Makes every failure of the app a problem."""

    @app.exception_handler(IocError)
    async def known(_request: Request, error: IocError) -> JSONResponse:
        return from_error(error)

    @app.exception_handler(AioRpcError)
    async def peer(_request: Request, error: AioRpcError) -> JSONResponse:
        return from_error(of_peer(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"field": ".".join(str(part) for part in each["loc"]), "description": each["msg"]}
            for each in error.errors()
        ]
        return problem(
            422, "INVALID_REQUEST", "the request does not have the form that this address takes", errors=errors
        )

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        phrase = HTTPStatus(error.status_code).phrase
        reason = phrase.upper().replace(" ", "_").replace("-", "_")
        return problem(error.status_code, reason, str(error.detail), headers=error.headers)

    @app.exception_handler(BodyTooLarge)
    async def too_large(_request: Request, error: BodyTooLarge) -> JSONResponse:
        return problem(413, "BODY_TOO_LARGE", str(error.detail))

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> JSONResponse:
        # Nobody reads this answer; it ends the request without a traceback.
        return problem(400, "BODY_CUT_SHORT", "the body ended before its end; nothing was taken")


class CatchUnexpected:
    """Shows any other failure as a problem without its facts, and logs them; inside the span, so with its trace id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noticing(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except Exception as error:
            if scope["type"] != "http" or has_begun:
                raise
            log.error("unexpected error in a request", path=scope["path"], exc_info=error)
            response = problem(500, "INTERNAL", "something went wrong inside; the trace id tells which")
            await response(scope, receive, send)
