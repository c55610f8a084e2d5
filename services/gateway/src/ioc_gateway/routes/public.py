"""What is open to everybody: health, the page, where to sign in."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request, Response

from ioc_gateway.models.account import Health
from ioc_gateway.security import PartsOf

routes = APIRouter(tags=["health"])
_WEB = Path(__file__).parent.parent / "web"
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/app.css": ("app.css", "text/css; charset=utf-8"),
}


@routes.get(
    "/healthz",
    operation_id="getHealth",
    summary="Whether the process answers",
    response_model=Health,
)
async def get_health() -> Response:
    """Says nothing of what is behind it."""
    return Response(Health(is_ready=True, parts={}).model_dump_json(), media_type="application/json")


@routes.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Whether everything that requests need answers",
    response_model=Health,
    responses={503: {"model": Health, "description": "Something does not answer, or the process is about to end"}},
)
async def get_readiness(parts: PartsOf) -> Response:
    """Services, message bus and issuer; looked at once a second at most."""
    found = await parts.readiness.parts()
    is_ready = all(found.values())
    body = Health(is_ready=is_ready, parts=found).model_dump_json()
    return Response(body, 200 if is_ready else 503, media_type="application/json")


@routes.get("/.well-known/oauth-protected-resource", include_in_schema=False)
async def get_resource_metadata(parts: PartsOf) -> dict[str, object]:
    """RFC 9728: which issuer's tokens are taken here."""
    return {
        "resource": parts.settings.public_url,
        "authorization_servers": [parts.settings.oidc_issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": "IOC Nghệ An",
    }


def _add_page(path: str, name: str, media_type: str) -> None:
    body = (_WEB / name).read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}

    @routes.get(path, include_in_schema=False)
    async def get_file(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=media_type, headers=headers)


for _path, (_name, _media_type) in _FILES.items():
    _add_page(_path, _name, _media_type)
