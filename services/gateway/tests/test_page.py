"""The live page: nothing from elsewhere, data as text only."""

from __future__ import annotations

import re
from typing import Any


async def test_the_page_loads_nothing_from_elsewhere(gateway: Any) -> None:
    client = gateway.client()
    page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {"/app.js", "/app.css"} <= set(loaded)
    for address in loaded:
        assert address.startswith(("/", "data:image/")), address
        if address.startswith("/"):
            assert (await client.get(address)).status_code == 200
    assert 'lang="vi"' in page.text
    # The content security policy would refuse these in silence.
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page.text)


async def test_data_reach_the_page_as_text_only(gateway: Any) -> None:
    script = (await gateway.client().get("/app.js")).text
    assert "textContent" in script
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert way not in script, way


async def test_tokens_stay_in_memory(gateway: Any) -> None:
    script = (await gateway.client().get("/app.js")).text
    kept = re.findall(r"(?:localStorage|sessionStorage)\.setItem\(([^,]+),", script)
    # What the sign-in needs across its redirect, and the language; neither is a token.
    assert set(kept) == {'"sign-in"', '"language"'}
    assert 'code_challenge_method: "S256"' in script


async def test_the_page_is_sent_again_only_when_it_changed(gateway: Any) -> None:
    client = gateway.client()
    tag = (await client.get("/app.js")).headers["etag"]
    assert (await client.get("/app.js", headers={"If-None-Match": tag})).status_code == 304


async def test_the_page_learns_where_to_sign_in(gateway: Any) -> None:
    answer = await gateway.client().get("/api/v1/config")
    assert answer.json() == {
        "issuer": gateway.parts.settings.oidc_issuer,
        "client_id": "ioc-console",
        "province_tenant": "nghe-an",
    }
    policy = answer.headers["content-security-policy"]
    assert "connect-src 'self' https://issuer.test;" in policy
