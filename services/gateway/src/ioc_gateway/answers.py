"""Answers of REST: bodies from models, ETags, links to the next page, and the problems that a route documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from google.protobuf.message import Message
from pydantic import BaseModel

from ioc_gateway.models.shown import Page, Shown
from ioc_gateway.plain_text import only_plain_parameters
from ioc_gateway.problems import MEDIA_TYPE

S = TypeVar("S", bound=Shown)
_MEANINGS = {
    400: "A field of the request is wrong; `errors` names it",
    401: "No access token, or one that does not hold",
    403: "The caller's roles or tenant do not allow it",
    404: "Not there, or not for this caller",
    408: "The body did not arrive in time; nothing was taken",
    409: "The state of the thing does not allow it",
    412: "The thing changed since it was read: read it again (If-Match)",
    413: "More bytes than may be sent at once",
    415: "A media type that is not taken here",
    422: "The request does not have the form that this address takes",
    429: "Too many requests; Retry-After says when to come back",
    503: "A part of the platform does not answer now; Retry-After says when to come back",
}
_ALWAYS = (400, 401, 403, 422, 429, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses for these statuses and those that every signed-in route may give."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": _RETRY_AFTER} if status in (429, 503) else {}),
        }
        for status in sorted({*_ALWAYS, *statuses})
    }


_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "What you have (If-None-Match) is what there is"}}


def router(tag: str) -> APIRouter:
    """A router whose routes refuse control characters in any parameter."""
    return APIRouter(prefix="/api/v1", tags=[tag], dependencies=[Depends(only_plain_parameters)])


def page(
    request: Request, model: type[Page[S]], messages: Iterable[Message], next_page_token: str, **more: object
) -> Response:
    """A page of a list, with the way to the next one in the body and as a Link (RFC 8288)."""
    item = model.model_fields["items"].annotation.__args__[0]  # type: ignore[union-attr]  # list[S]
    return page_of(request, model, [item.of(message, **more) for message in messages], next_page_token)


def page_of(request: Request, model: type[Page[S]], items: list[S], next_page_token: str) -> Response:
    """A page of items made already."""
    headers = {}
    if next_page_token:
        kept = [(key, value) for key, value in request.query_params.multi_items() if key != "page_token"]
        query = urlencode([*kept, ("page_token", next_page_token)])
        # Relative: the public address of the gateway is nobody's to guess from a header.
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return shown(request, model(items=items, next_page_token=next_page_token), headers=headers)


def shown(
    request: Request,
    model: BaseModel,
    *,
    status: int = 200,
    etag: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The model as JSON. A GET gets an ETag of its content, and 304 when the client has that already.

    `etag` is the service's own, for If-Match: it stands for what a decision rests on and not for every figure, so an
    answer that carries it is always sent whole.
    """
    body = model.model_dump_json(by_alias=True).encode()
    sent = dict(headers or {})
    if etag:
        sent["ETag"] = f'"{etag}"'
    elif request.method == "GET":
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        sent |= {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
        if _has(request.headers.get("if-none-match"), tag):
            return Response(status_code=304, headers=sent)
    return Response(body, status, headers=sent, media_type="application/json")


def _has(if_none_match: str | None, tag: str) -> bool:
    """True when the header lists the tag (weak comparison, RFC 9110 13.1.2) or anything at all."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
