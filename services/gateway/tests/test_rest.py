"""REST: pages, ETags, problems, tenants, commands."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.alerts.v1 import alert_pb2, rule_pb2
from ioc.ingest.v1 import observation_pb2
from ioc.kpi.v1 import value_pb2
from ioc.registry.v1 import place_pb2, source_pb2
from ioc.type.v1 import text_pb2
from ioc_kit.errors import Conflict, InvalidInput, NotFound, Stale, Unavailable


async def test_a_page_has_its_items_and_the_way_to_the_next_one(gateway: Any, peers: Any) -> None:
    area = place_pb2.Area(code="16690", name=text_pb2.LocalizedText(vi="Phường Trường Vinh"), kind="ward")
    peers.on("ListAreas", place_pb2.ListAreasResponse(areas=[area], next_page_token="abc"))
    answer = await gateway.client("operator").get("/api/v1/areas?search=truong&page_size=1&as_of=2025-07-01")
    assert answer.status_code == 200
    body = answer.json()
    assert body["next_page_token"] == "abc"
    assert body["items"][0]["name"] == {"vi": "Phường Trường Vinh", "en": ""}
    assert body["items"][0]["population"] is None
    assert answer.links["next"]["url"] == "/api/v1/areas?search=truong&page_size=1&as_of=2025-07-01&page_token=abc"
    _, asked = peers.last("ListAreas")
    assert (asked.search, asked.page_size, asked.as_of) == ("truong", 1, "2025-07-01")


async def test_what_did_not_change_is_not_sent_again(gateway: Any, peers: Any) -> None:
    client = gateway.client("operator")
    first = await client.get("/api/v1/tenants")
    again = await client.get("/api/v1/tenants", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    peers.on("ListTenants", place_pb2.ListTenantsResponse(tenants=[place_pb2.Tenant(tenant="vinh")]))
    changed = await client.get("/api/v1/tenants", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (NotFound("no area '1'", code="1"), 404, "NOT_FOUND"),
        (Conflict("closed"), 409, "CONFLICT"),
        (Stale("it changed"), 412, "STALE_ETAG"),
        (Unavailable("away"), 503, "UNAVAILABLE"),
        (InvalidInput.field("code", "is wrong"), 400, "INVALID_INPUT"),
    ],
)
async def test_a_services_failure_is_a_problem(gateway: Any, peers: Any, error: Any, status: int, reason: str) -> None:
    peers.on("GetArea", error)
    answer = await gateway.client("operator").get("/api/v1/areas/1")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["reason"] == reason
    assert body["type"] == "urn:ioc:problem:" + reason.lower().replace("_", "-")
    assert body["status"] == status
    if status == 503:
        assert int(answer.headers["retry-after"]) >= 1
    if status == 400:
        assert body["errors"] == [{"field": "code", "description": "is wrong"}]


async def test_what_breaks_inside_shows_nothing_of_itself(gateway: Any, peers: Any) -> None:
    def broken(_request: Any) -> Any:
        raise RuntimeError("secret detail")

    peers.on("GetArea", broken)
    answer = await gateway.client("operator").get("/api/v1/areas/1")
    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_a_peer_that_is_away_is_a_503_with_a_time_to_come_back(make_gateway: Any) -> None:
    async with make_gateway(registry_address="127.0.0.1:1") as gateway:
        answer = await gateway.client("operator").get("/api/v1/areas")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "127.0.0.1" not in answer.text


async def test_an_unknown_address_and_a_wrong_method_are_problems(gateway: Any) -> None:
    client = gateway.client("operator")
    for answer, status in (
        (await client.get("/api/v1/nothing"), 404),
        (await client.put("/api/v1/areas"), 405),
        (await client.get("/api/v1/areas/"), 404),
    ):
        assert answer.status_code == status
        assert answer.json()["type"].startswith("urn:ioc:problem:")


async def test_the_callers_token_goes_along(gateway: Any, peers: Any) -> None:
    await gateway.client("oc-operator", tenant="vinh").get("/api/v1/alerts")
    caller, _ = peers.last("ListAlerts")
    assert (caller.tenant, caller.scope) == ("vinh", "own")


async def test_the_province_looks_at_one_tenant(gateway: Any, peers: Any) -> None:
    answer = await gateway.client("operator").get("/api/v1/alerts?tenant=vinh")
    assert answer.status_code == 200
    caller, _ = peers.last("ListAlerts")
    assert (caller.tenant, caller.scope) == ("vinh", "read")


async def test_another_tenant_is_refused_at_the_edge(gateway: Any, peers: Any) -> None:
    answer = await gateway.client("oc-admin", tenant="hoang-mai").get("/api/v1/alerts?tenant=vinh")
    assert (answer.status_code, answer.json()["reason"]) == (403, "TENANT_FORBIDDEN")
    assert not peers.asked


async def test_me_is_what_the_token_says(gateway: Any) -> None:
    answer = await gateway.client("oc-admin", tenant="vinh", subject="u1", preferred_username="vinh.quan.tri").get(
        "/api/v1/me"
    )
    assert answer.json() == {
        "subject": "u1",
        "name": "vinh.quan.tri",
        "tenant": "vinh",
        "roles": ["oc-admin"],
        "scope": "own",
        "agency": None,
    }


async def test_sources_carry_what_really_arrives(gateway: Any, peers: Any) -> None:
    peers.on(
        "ListSources",
        source_pb2.ListSourcesResponse(sources=[source_pb2.Source(code="air-quality"), source_pb2.Source(code="land")]),
    )
    arrived = Timestamp(seconds=1_700_000_000)
    status = observation_pb2.SourceStatus(source="air-quality", tenant="vinh", last_received_at=arrived, is_stale=True)
    peers.on("ListSourceStatus", observation_pb2.ListSourceStatusResponse(sources=[status]))
    air, land = (await gateway.client("operator").get("/api/v1/sources")).json()["items"]
    assert air["status"][0]["tenant"] == "vinh"
    assert air["status"][0]["is_stale"] is True
    assert air["status"][0]["age_seconds"] > 1_000_000
    assert (land["status"], land["is_status_known"]) == ([], True)


async def test_sources_are_shown_when_their_status_is_not_known(gateway: Any, peers: Any) -> None:
    peers.on("ListSources", source_pb2.ListSourcesResponse(sources=[source_pb2.Source(code="air-quality")]))
    peers.on("ListSourceStatus", Unavailable("away"))
    (air,) = (await gateway.client("operator").get("/api/v1/sources")).json()["items"]
    assert (air["status"], air["is_status_known"]) == ([], False)


async def test_readiness_goes_in_as_the_plan_names_its_steps(gateway: Any, peers: Any) -> None:
    body = {"is_connected": True, "steps": [{"code": "consolidate", "state": "done"}], "note": "dòng\nhai"}
    answer = await gateway.client("province-admin").put(
        "/api/v1/sources/air-quality/readiness", json=body, headers={"Idempotency-Key": "k-1"}
    )
    assert answer.status_code == 200
    _, asked = peers.last("UpdateReadiness")
    assert (asked.code, asked.request_id, asked.readiness.note) == ("air-quality", "k-1", "dòng\nhai")
    assert asked.readiness.steps[0].state == source_pb2.STEP_STATE_DONE


async def test_a_decision_rests_on_what_was_seen(gateway: Any, peers: Any) -> None:
    alert = alert_pb2.Alert(
        alert_id="a1", etag="v7", state=alert_pb2.ALERT_STATE_OPEN, severity=rule_pb2.SEVERITY_SEVERE
    )
    peers.on("GetAlert", alert_pb2.GetAlertResponse(alert=alert))
    client = gateway.client("operator")
    seen = await client.get("/api/v1/alerts/a1")
    assert seen.headers["etag"] == '"v7"'
    assert (seen.json()["state"], seen.json()["severity"]) == ("open", "severe")
    await client.post("/api/v1/alerts/a1/acknowledge", json={"note": "tôi lo"}, headers={"If-Match": '"v7"'})
    _, asked = peers.last("AcknowledgeAlert")
    assert (asked.alert_id, asked.etag, asked.note) == ("a1", "v7", "tôi lo")
    await client.post("/api/v1/alerts/a1/resolve")
    _, asked = peers.last("ResolveAlert")
    assert asked.etag == ""
    wrong = await client.post("/api/v1/alerts/a1/resolve", headers={"If-Match": "v7"})
    assert wrong.status_code == 422


async def test_filters_of_alerts_reach_the_service(gateway: Any, peers: Any) -> None:
    await gateway.client("operator").get("/api/v1/alerts?state=open&state=acknowledged&minimum_severity=warning")
    _, asked = peers.last("ListAlerts")
    assert list(asked.states) == [alert_pb2.ALERT_STATE_OPEN, alert_pb2.ALERT_STATE_ACKNOWLEDGED]
    assert asked.minimum_severity == rule_pb2.SEVERITY_WARNING


async def test_values_are_asked_as_of_a_moment(gateway: Any, peers: Any) -> None:
    value = value_pb2.IndicatorValue(value_id="v1", status=value_pb2.VALUE_STATUS_GREY)
    peers.on("ListValues", value_pb2.ListValuesResponse(values=[value]))
    answer = await gateway.client("analyst").get(
        "/api/v1/indicators/VN-AQI/aqi-hour/values",
        params={"as_of": "2026-11-23T08:00:00+07:00", "from": "2026-11-01T00:00:00Z", "versions": True},
    )
    assert answer.json()["items"][0]["status"] == "grey"
    assert answer.json()["items"][0]["value"] is None
    _, asked = peers.last("ListValues")
    assert asked.as_of.ToJsonString() == "2026-11-23T01:00:00Z"
    assert getattr(asked.interval, "from").ToJsonString() == "2026-11-01T00:00:00Z"
    assert not asked.interval.HasField("to")
    assert asked.include_versions


async def test_health_needs_no_token_and_readiness_tells_the_parts(gateway: Any) -> None:
    client = gateway.client()
    assert (await client.get("/healthz")).status_code == 200
    ready = await client.get("/readyz")
    parts = ready.json()["parts"]
    assert {name: parts[name] for name in ("registry", "ingest", "kpi", "alerts", "soc", "bus")} == dict.fromkeys(
        ("registry", "ingest", "kpi", "alerts", "soc", "bus"), True
    )
    # The issuer of these tests exists in memory only, so that it does not answer over the network.
    assert (parts["identity"], ready.status_code) == (False, 503)
