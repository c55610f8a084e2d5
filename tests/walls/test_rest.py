"""Every address of REST, asked by Hoàng Mai: nothing of Vinh's, by any id, by any parameter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

NEIGHBOURS = ("hoangmai.quan.tri", "hoangmai.truc", "hoang-mai-ioc")
STREAM = "/api/v1/events"
OPEN = {"/healthz", "/readyz", "/api/v1/config"}
OWN_IDS = {"code": "air-quality", "contract": "air-quality", "set": "VN-AQI", "rule": "vn-aqi-above-150"}
"""Names that every tenant uses, of things of its own or of everybody's."""


def _gets(document: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Path and query parameters of everything that is read."""
    for path, methods in document["paths"].items():
        if "get" in methods and path not in OPEN | {STREAM}:
            yield path, [each["name"] for each in methods["get"].get("parameters", []) if each["in"] == "query"]


async def _document(api: Callable[..., Any]) -> dict[str, Any]:
    return dict((await api("quan.tri").get("/openapi.json")).json())


async def test_vinh_itself_sees_its_canaries(canaries: Any, api: Callable[..., Any]) -> None:
    """Without this the other tests could not fail."""
    for path in ("/quarantine", "/incidents", "/security-events/quarantine", "/alerts", "/observations/latest"):
        body = (await api("vinh-ioc").get(f"/api/v1{path}", params={"page_size": 1000})).text
        assert any(word in body for word in canaries.words) or "Y2FuYXJ5LXZpbmg" in body, path


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
async def test_no_address_shows_a_neighbour_anything_of_vinhs(
    neighbour: str, canaries: Any, api: Callable[..., Any]
) -> None:
    looked = 0
    for path, query in _gets(await _document(api)):
        names = re.findall(r"\{(\w+)\}", path)
        ids = {name: canaries.ids.get(name, OWN_IDS.get(name, "x")) for name in names}
        parameters = {"page_size": "1000"} if "page_size" in query else {}
        if "series_key" in query:
            parameters["series_key"] = canaries.ids["series_key"]
        answer = await api(neighbour).get(path.format(**ids), params=parameters)
        if set(names) & set(canaries.ids) or "series_key" in query:
            assert answer.status_code in (403, 404), (path, answer.text)
        assert answer.status_code < 500, (path, answer.text)
        # A refusal repeats the key that was asked for; beyond that no word of Vinh's may be there.
        told = answer.text.replace(canaries.ids["series_key"], "")
        assert not [word for word in canaries.words if word in told], (path, answer.text[:500])
        if "/tenants" not in path:
            assert '"tenant":"vinh"' not in answer.text, (path, answer.text[:500])
        looked += 1
    assert looked > 30


async def test_naming_vinh_is_refused_at_every_address(api: Callable[..., Any]) -> None:
    refused = 0
    for path, query in _gets(await _document(api)):
        if "tenant" not in query:
            continue
        ids = {name: OWN_IDS.get(name, "x") for name in re.findall(r"\{(\w+)\}", path)}
        answer = await api("hoangmai.quan.tri").get(path.format(**ids), params={"tenant": "vinh", "series_key": "x"})
        assert (answer.status_code, answer.json()["reason"]) == (403, "TENANT_FORBIDDEN"), path
        refused += 1
    assert refused > 20


async def test_a_neighbour_changes_nothing_of_vinhs(canaries: Any, api: Callable[..., Any]) -> None:
    alert, device = canaries.ids["alert_id"], canaries.ids["device_id"]
    for method, path in (
        ("POST", f"/api/v1/alerts/{alert}/acknowledge"),
        ("POST", f"/api/v1/alerts/{alert}/resolve"),
        ("POST", f"/api/v1/devices/{device}/credential"),
        ("DELETE", f"/api/v1/devices/{device}/credential"),
    ):
        answer = await api("hoangmai.quan.tri").request(method, path)
        assert answer.status_code == 404, (path, answer.text)
    still = (await api("vinh.truc").get(f"/api/v1/alerts/{alert}")).json()
    assert still["state"] in ("open", "acknowledged")
    assert still["acknowledged_by"] == ""


async def test_the_province_sees_vinhs_and_its_own(canaries: Any, items: Callable[..., Any]) -> None:
    assert "vinh" in {each["tenant"] for each in await items("truc.ban", "/alerts")}
    assert {each["tenant"] for each in await items("truc.ban", "/alerts", tenant="vinh")} == {"vinh"}
