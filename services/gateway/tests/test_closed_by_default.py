"""Every address needs a token, unless it stands in this list; hostile text is refused everywhere and breaks nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
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
HOSTILE = [
    "a%00b",
    "%1b[31m",
    "%0d%0aSet-Cookie:x",
    "'%20OR%201=1--",
    "%ff%fe",
    "%ed%a0%80",
    "%F0%9F%92%A9",
    "../../etc/passwd",
]


def routes_of(app: FastAPI, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of everything that the app answers, mounts included."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Mount):
            yield from routes_of(route.original_route.app, prefix + route.path)
        else:
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield method, prefix + route.path


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


def operations_of(app: FastAPI) -> Iterator[tuple[str, str, list[str]]]:
    """Method, path and names of query parameters of everything documented, but for the event stream."""
    for path, item in app.openapi()["paths"].items():
        if path != "/api/v1/events":
            for method, operation in item.items():
                found = operation.get("parameters", [])
                yield method.upper(), path, [each["name"] for each in found if each["in"] == "query"]


async def test_a_control_character_is_refused_by_the_name_of_its_field(make_gateway: Any, peers: Any) -> None:
    checked = 0
    async with make_gateway(rate_per_minute=10_000) as gateway:
        client = gateway.client("province-admin")
        for method, path, names in operations_of(make_app(gateway.parts)):
            for name in names:
                answer = await client.request(method, f"{filled(path)}?{name}=a%00b")
                assert answer.status_code in (400, 422), (path, name)
                fields = [each["field"].removeprefix("query.") for each in answer.json()["errors"]]
                assert name in fields, (path, name, fields)
                checked += 1
            if "{" in path:
                assert (await client.request(method, filled(path, "a%00b"))).status_code in (400, 422), path
    assert checked > 100
    assert not peers.asked


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_in_any_parameter_breaks_nothing(make_gateway: Any, peers: Any, text: str) -> None:
    async with make_gateway(rate_per_minute=10_000) as gateway:
        client = gateway.client("province-admin")
        for method, path, names in operations_of(make_app(gateway.parts)):
            query = "&".join(f"{name}={text}" for name in names)
            for url in (f"{filled(path)}?{query}", f"{filled(path, text)}?{text}={text}"):
                answer = await client.request(method, url)
                assert answer.status_code < 500 or path == "/readyz", (url, answer.text)


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
