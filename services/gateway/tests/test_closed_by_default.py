"""Every address needs a token, unless it stands in this list; hostile text is refused everywhere and breaks nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount

from ioc_gateway.app import make_app

OPEN = {
    "/",
    "/app.js",
    "/app.css",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/api/v1/config",
    "/.well-known/oauth-protected-resource",
}
UUID = "0f0e0d0c-0b0a-4908-8706-050403020100"
HOSTILE = ["a%00b", "%1b[31m", "%0d%0aSet-Cookie:x", "'%20OR%201=1--", "%ff%fe", "%ed%a0%80", "%F0%9F%92%A9", "../../etc/passwd"]


def routes_of(app: FastAPI, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of everything that the app answers, mounts included."""
    for route in app.routes:
        if isinstance(route, Mount):
            yield from routes_of(route.app, prefix + route.path)  # type: ignore[arg-type]
        else:
            for method in sorted(route.methods - {"HEAD"}):  # type: ignore[attr-defined]
                yield method, prefix + route.path  # type: ignore[attr-defined]


def filled(path: str, value: str = "vinh") -> str:
    return re.sub(r"\{(\w+)[^}]*\}", lambda m: UUID if m[1] in ("collection_id",) else value, path)


async def test_every_route_needs_a_token(gateway: Any) -> None:
    client = gateway.client()
    found = list(routes_of(make_app(gateway.parts)))
    assert len(found) > 50
    for method, path in found:
        answer = await client.request(method, filled(path))
        if path in OPEN:
            assert answer.status_code not in (401, 403), path
            continue
        assert answer.status_code == 401, (method, path, answer.text)
        assert answer.headers["www-authenticate"] == 'Bearer realm="ioc"'
    assert {path for _, path in found} >= OPEN, "an address in the list does not exist any more"


async def test_every_route_answers_a_province_admin_without_breaking(gateway: Any, peers: Any) -> None:
    client = gateway.client("province-admin")
    for method, path in routes_of(make_app(gateway.parts)):
        if path == "/api/v1/events":
            continue  # streams; has its own tests
        answer = await client.request(method, filled(path))
        assert answer.status_code < 500 or path == "/readyz", (method, path, answer.text)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_in_any_parameter_breaks_nothing(make_gateway: Any, peers: Any, text: str) -> None:
    async with make_gateway(rate_per_minute=10_000) as gateway:
        app = make_app(gateway.parts)
        client = gateway.client("province-admin")
        for route in app.routes:
            if not isinstance(route, APIRoute) or route.path == "/api/v1/events":
                continue
            names = [field.alias for field in route.dependant.query_params]
            names += [field.alias for each in route.dependant.dependencies for field in each.query_params]
            for name in names:
                for method in route.methods:
                    answer = await client.request(method, f"{filled(route.path)}?{name}={text}")
                    assert answer.status_code < 500, (route.path, name, answer.text)
                    if text.startswith(("a%00", "%1b", "%0d")):
                        assert answer.status_code in (400, 415, 422), (route.path, name)
                        assert name in answer.text, "the field is named"
            if "{" in route.path:
                for method in route.methods:
                    answer = await client.request(method, filled(route.path, text))
                    assert answer.status_code < 500, (route.path, answer.text)


@pytest.mark.parametrize(
    "body",
    [
        b'{"note": "a\\u0000b"}',
        b'{"note": "\\ud800"}',
        b'{"note": ' + b"[" * 20_000,
        b"\xff\xfe",
        b'{"note": 1e999}',
        b'{"extra": 1}',
        b'"text"',
        b"",
    ],
)
async def test_hostile_bodies_are_refused(gateway: Any, peers: Any, body: bytes) -> None:
    answer = await gateway.client("operator").post(
        "/api/v1/alerts/a1/acknowledge", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in ((200,) if not body else (400, 422)), answer.text
    assert body == b"" or not peers.asked


async def test_a_moment_outside_the_calendar_is_a_wrong_field(gateway: Any) -> None:
    client = gateway.client("operator")
    for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1e400", "99999999999999999999"):
        answer = await client.get("/api/v1/observations", params={"series_key": "k", "as_of": moment})
        assert answer.status_code in (400, 422), moment
        assert "as_of" in answer.text


async def test_every_answer_has_the_security_headers(gateway: Any) -> None:
    client = gateway.client("operator")
    for path in ("/", "/api/v1/me", "/api/v1/nothing", "/taxii2/nothing/", "/healthz"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "'unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] in ("no-store", "no-cache", "private, no-cache")
        assert "access-control-allow-origin" not in headers
