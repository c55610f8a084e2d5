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

from ioc_kit.errors import Exhausted, InvalidInput, IocError, Unauthenticated, Unavailable
from ioc_kit.rpc import error_from_call
from ioc_kit.telemetry import current_trace_id

log = structlog.get_logger()
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
        headers["WWW-Authenticate"] = f'Bearer realm="ioc", error="invalid_token", error_description="{error.message}"'
    return problem(error.http_status, error.reason, error.message, headers=headers, **more)


def install(app: FastAPI) -> None:
    """Makes every failure of the app a problem."""

    @app.exception_handler(IocError)
    async def known(_request: Request, error: IocError) -> JSONResponse:
        return from_error(error)

    @app.exception_handler(AioRpcError)
    async def peer(_request: Request, error: AioRpcError) -> JSONResponse:
        return from_error(error_from_call(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"field": ".".join(str(part) for part in each["loc"]), "description": each["msg"]}
            for each in error.errors()
        ]
        return problem(422, "INVALID_REQUEST", "the request does not have the form that this address takes", errors=errors)

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        phrase = HTTPStatus(error.status_code).phrase
        reason = phrase.upper().replace(" ", "_").replace("-", "_")
        return problem(error.status_code, reason, str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected error in a request", path=request.url.path, exc_info=error)
        return problem(500, "INTERNAL", "something went wrong inside; the trace id tells which")
