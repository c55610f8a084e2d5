"""TAXII's media type, its answers and its error message (TAXII 2.1, 1.6.8 and 3.6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from grpc.aio import AioRpcError
from starlette.exceptions import HTTPException

from ioc_gateway.problems import from_error, of_peer
from ioc_kit.errors import IocError

TAXII = "application/taxii+json;version=2.1"
STIX = "application/stix+json;version=2.1"


class NotAcceptable(Exception):
    """The client takes no media type that TAXII 2.1 has."""


class NotTaxii(Exception):
    """The body is of another media type."""


async def negotiate(request: Request) -> None:
    """Refuses a client that does not take TAXII 2.1, or sends something else. Raises NotAcceptable or NotTaxii."""
    accepted = request.headers.get("accept", "*/*")
    if not any(_is_ours(each) for each in accepted.split(",")):
        raise NotAcceptable
    if request.method == "POST" and not _is_ours(request.headers.get("content-type", "")):
        raise NotTaxii


def _is_ours(media_type: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in media_type.split(";"))
    if kind in ("*/*", "application/*"):
        return True
    versions = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("version=")]
    return kind == "application/taxii+json" and versions in ([], ["2.1"])


def answer(content: Mapping[str, object] | bytes, *, headers: Mapping[str, str] | None = None) -> Response:
    """A TAXII answer: an object, or JSON that was made already."""
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    return Response(body, headers=dict(headers or {}), media_type=TAXII)


def error(status: int, description: str, *, headers: Mapping[str, str] | None = None, code: str = "") -> Response:
    """A TAXII error message."""
    body: dict[str, object] = {
        "title": HTTPStatus(status).phrase,
        "description": description,
        "http_status": str(status),
    }
    if code:
        body["error_code"] = code
    return Response(
        json.dumps(body, ensure_ascii=False).encode(), status, headers=dict(headers or {}), media_type=TAXII
    )


def install(app: FastAPI) -> None:
    """Makes every failure of the app a TAXII error message."""

    def of(known: IocError) -> Response:
        kept = {k: v for k, v in from_error(known).headers.items() if k in ("retry-after", "www-authenticate")}
        return error(known.http_status, known.message, headers=kept, code=known.reason)

    @app.exception_handler(IocError)
    async def known(_request: Request, raised: IocError) -> Response:
        return of(raised)

    @app.exception_handler(AioRpcError)
    async def peer(_request: Request, raised: AioRpcError) -> Response:
        return of(of_peer(raised))

    @app.exception_handler(NotAcceptable)
    async def not_acceptable(_request: Request, _raised: NotAcceptable) -> Response:
        return error(406, f"this server speaks {TAXII}")

    @app.exception_handler(NotTaxii)
    async def not_taxii(_request: Request, _raised: NotTaxii) -> Response:
        return error(415, f"send {TAXII}")

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, raised: RequestValidationError) -> Response:
        fields = ", ".join(str(each["loc"][-1]) for each in raised.errors())
        return error(400, f"these parameters do not have the form that TAXII gives them: {fields}")

    @app.exception_handler(HTTPException)
    async def http(_request: Request, raised: HTTPException) -> Response:
        return error(raised.status_code, str(raised.detail), headers=raised.headers)
