"""What every answer carries: security headers, no caching unless a route says so, a bounded body."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ioc_gateway.errors import BodyTooLarge
from ioc_gateway.problems import problem


class SecurityHeaders:
    """Pure ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, issuer: str, max_body_bytes: int, upload: re.Pattern[str]) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._upload = upload
        parts = urlsplit(issuer)
        identity = f"{parts.scheme}://{parts.netloc}"
        self._headers = {
            "Content-Security-Policy": (
                f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                f"connect-src 'self' {identity}; form-action 'self' {identity}; base-uri 'none'; frame-ancestors 'none'"
            ),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if self._upload.fullmatch(scope["path"]):
            # An upload counts its own bytes while it passes them on.
            await self._app(scope, receive, send_with_headers)
            return
        limit = self._max_body_bytes
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and int(length) > limit:
            response = problem(413, "BODY_TOO_LARGE", f"the body may hold {limit} bytes; send less at a time")
            await response(scope, receive, send_with_headers)
            return
        await self._app(scope, _bounded(receive, limit), send_with_headers)


def _bounded(receive: Receive, limit: int) -> Receive:
    """Raises BodyTooLarge from the read that passes the limit: a body without a length must not be cut in silence."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise BodyTooLarge(limit)
        return message

    return counted
