"""What people decide on alerts, who may, and what each tenant sees."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ioc.alerts.v1 import alert_pb2, rule_pb2
from ioc_alerts.policy import POLICY
from ioc_kit.errors import Conflict, Forbidden, InvalidInput, NotFound, Stale
from ioc_kit.rpc import error_from_call
from ioc_kit.sql import Database
from ioc_kit.tenancy import background

ACKNOWLEDGED, RESOLVED = alert_pb2.ALERT_STATE_ACKNOWLEDGED, alert_pb2.ALERT_STATE_RESOLVED


async def error_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_call(caught.value)


@pytest.fixture
async def alert(world, make):
    """An open alert of vinh."""
    await world.compute(make.value(180))
    (alert,) = await world.listed()
    return alert


@pytest.fixture
def acknowledge(world):
    def call(alert_id, *, role="oc-operator", tenant="vinh", narrow_to=None, **fields):
        request = alert_pb2.AcknowledgeAlertRequest(alert_id=alert_id, **fields)
        return world.alerts.AcknowledgeAlert(request, **world.as_role(role, tenant=tenant, narrow_to=narrow_to))

    return call


@pytest.fixture
def resolve(world):
    def call(alert_id, *, role="oc-operator", tenant="vinh", **fields):
        request = alert_pb2.ResolveAlertRequest(alert_id=alert_id, **fields)
        return world.alerts.ResolveAlert(request, **world.as_role(role, tenant=tenant))

    return call


async def transitions_of(world, alert_id, **paging):
    request = alert_pb2.ListAlertTransitionsRequest(alert_id=alert_id, **paging)
    return await world.alerts.ListAlertTransitions(request, **world.as_role("oc-operator"))


async def test_an_operator_takes_an_alert_and_it_still_resolves_by_itself(world, make, alert, acknowledge):
    taken = (await acknowledge(alert.alert_id, note="Đã cử đội đi kiểm tra", etag=alert.etag)).alert
    assert (taken.state, taken.acknowledged_by, taken.acknowledge_note) == (
        ACKNOWLEDGED,
        "oc-operator",
        "Đã cử đội đi kiểm tra",
    )
    assert taken.etag != alert.etag
    await world.compute(make.value(100, hour=1))
    assert [each.state for each in await world.listed()] == [RESOLVED]
    assert await world.verbs(3) == ["raised", "acknowledged", "resolved"]
    steps = (await transitions_of(world, alert.alert_id)).transitions
    assert [(getattr(step, "from"), step.to, step.by) for step in steps] == [
        (0, 1, ""),
        (1, 2, "oc-operator"),
        (2, 3, ""),
    ]
    assert [step.value if step.HasField("value") else None for step in steps] == [180, None, 100]
    assert steps[1].note == "Đã cử đội đi kiểm tra"


async def test_taking_an_alert_twice_is_harmless(world, alert, acknowledge):
    first = (await acknowledge(alert.alert_id, etag=alert.etag)).alert
    second = (await acknowledge(alert.alert_id, etag=alert.etag, role="oc-admin", note="me too")).alert
    assert second == first
    assert len((await transitions_of(world, alert.alert_id)).transitions) == 2


async def test_many_who_take_an_alert_at_once_make_one_step(world, alert, acknowledge):
    answers = await asyncio.gather(*(acknowledge(alert.alert_id, etag=alert.etag) for _ in range(8)))
    assert {answer.alert.state for answer in answers} == {ACKNOWLEDGED}
    assert len((await transitions_of(world, alert.alert_id)).transitions) == 2


async def test_a_repeated_request_id_answers_with_the_alert_as_it_stands(alert, resolve, acknowledge):
    first = await resolve(alert.alert_id, note="xong", request_id="r-1")
    again = await resolve(alert.alert_id, note="xong", request_id="r-1")
    assert again == first
    reused = await error_of(acknowledge(alert.alert_id, request_id="r-1"))
    assert (type(reused), reused.reason) == (Conflict, "REQUEST_ID_REUSED")


async def test_a_decision_on_an_older_version_is_refused(world, alert, acknowledge, resolve):
    await acknowledge(alert.alert_id)
    stale = await error_of(resolve(alert.alert_id, etag=alert.etag))
    assert (type(stale), stale.reason) == (Stale, "STALE_ETAG")
    assert "acknowledged now" in stale.message


async def test_new_values_do_not_make_a_decision_stale(world, make, alert, acknowledge):
    await world.compute(make.value(190, hour=1))
    (seen,) = await world.listed()
    assert (seen.last_value, seen.etag) == (190, alert.etag)
    assert (await acknowledge(alert.alert_id, etag=alert.etag)).alert.state == ACKNOWLEDGED


async def test_a_closed_alert_says_when_it_was_closed(alert, acknowledge, resolve):
    await resolve(alert.alert_id)
    for verb, call in (("acknowledge", acknowledge), ("resolve", resolve)):
        closed = await error_of(call(alert.alert_id))
        assert (type(closed), closed.reason, closed.metadata["state"]) == (Conflict, "ALERT_CLOSED", "RESOLVED")
        assert closed.message.startswith(f"cannot {verb} alert {alert.alert_id}: it was resolved at ")


async def test_what_a_person_closed_is_raised_again_only_after_the_cause_had_gone(world, make, alert, resolve):
    await resolve(alert.alert_id, note="cảm biến hỏng")
    await world.compute(make.value(190, hour=1))
    assert [each.state for each in await world.listed()] == [RESOLVED]
    await world.compute(make.value(100, hour=2))
    await world.compute(make.value(170, hour=3))
    newest, oldest = await world.listed()
    assert (newest.state, newest.value, oldest.resolved_by) == (alert_pb2.ALERT_STATE_OPEN, 170, "oc-operator")


async def test_each_tenant_sees_its_own_and_the_province_sees_all(world, make, alert):
    await world.compute(make.value(200), tenant="hoang-mai")
    (other,) = await world.listed(tenant="hoang-mai")
    assert [each.alert_id for each in await world.listed()] == [alert.alert_id]
    both = await world.listed(tenant="nghe-an", role="operator")
    assert {each.tenant for each in both} == {"vinh", "hoang-mai"}
    hidden = alert_pb2.GetAlertRequest(alert_id=other.alert_id)
    for call in (
        world.alerts.GetAlert(hidden, **world.as_role("partner")),
        transitions_of(world, other.alert_id),
    ):
        assert type(await error_of(call)) is NotFound


async def test_another_tenant_cannot_change_an_alert(world, alert, acknowledge, resolve):
    hidden = await error_of(acknowledge(alert.alert_id, tenant="hoang-mai"))
    assert type(hidden) is NotFound
    for call in (
        acknowledge(alert.alert_id, role="operator", tenant="nghe-an"),
        acknowledge(alert.alert_id, role="operator", tenant="nghe-an", request_id="r-1"),
        acknowledge(alert.alert_id, role="operator", tenant="nghe-an", narrow_to="vinh"),
        resolve(alert.alert_id, role="operator", tenant="nghe-an"),
    ):
        assert type(await error_of(call)) is Forbidden
    assert [each.state for each in await world.listed()] == [alert_pb2.ALERT_STATE_OPEN]


@pytest.mark.parametrize("role", ["analyst", "agency-editor", "soc-analyst", "partner"])
async def test_who_only_reads_cannot_decide(world, alert, acknowledge, resolve, role):
    assert (await error_of(acknowledge(alert.alert_id, role=role))).reason == "METHOD_REFUSED"
    assert (await error_of(resolve(alert.alert_id, role=role))).reason == "METHOD_REFUSED"
    assert len(await world.listed(role=role)) == 1


async def test_devices_and_the_public_see_nothing(world):
    for role in ("device", "public"):
        call = world.alerts.ListAlerts(alert_pb2.ListAlertsRequest(), **world.as_role(role))
        assert (await error_of(call)).reason == "METHOD_REFUSED"


async def test_every_method_has_a_policy():
    services = [
        rule_pb2.DESCRIPTOR.services_by_name["RuleService"],
        alert_pb2.DESCRIPTOR.services_by_name["AlertService"],
    ]
    methods = {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}
    assert methods == set(POLICY)


async def test_a_list_is_filtered_and_paged_from_the_newest(world, make):
    for number in range(5):
        await world.compute(make.value(160, thing=f"aq-{number}"))
    await world.compute(make.value(60, hour=1, thing="aq-0"))
    await world.write((make.series, 0, 500))
    await world.settled()
    found, token, pages = [], "", 0
    while pages == 0 or token:
        request = alert_pb2.ListAlertsRequest(page_size=2, page_token=token)
        page = await world.alerts.ListAlerts(request, **world.as_role("partner"))
        found, token, pages = [*found, *page.alerts], page.next_page_token, pages + 1
    assert pages == 3
    assert len({each.alert_id for each in found}) == len(found) == 6
    raised = [each.raised_at.ToMicroseconds() for each in found]
    assert raised == sorted(raised, reverse=True)
    assert [each.thing for each in await world.listed(states=[RESOLVED])] == ["aq-0"]
    assert [each.rule for each in await world.listed(rule="pm25-above-100")] == ["pm25-above-100"]
    assert await world.listed(area="99999") == []
    assert len(await world.listed(minimum_severity=rule_pb2.SEVERITY_SEVERE)) == 6
    assert await world.listed(minimum_severity=rule_pb2.SEVERITY_CRITICAL) == []


@pytest.mark.parametrize(
    "fields",
    [{"page_size": -1}, {"page_token": "none-of-ours"}, {"states": [99]}, {"minimum_severity": 99}, {"area": "a\x00b"}],
)
async def test_a_list_that_cannot_be_is_refused(world, fields):
    call = world.alerts.ListAlerts(alert_pb2.ListAlertsRequest(**fields), **world.as_role("oc-operator"))
    assert type(await error_of(call)) is InvalidInput


@pytest.mark.parametrize(
    "fields", [{"note": "x" * 2001}, {"note": "a\x00b"}, {"note": "\x1b[2J"}, {"request_id": "r" * 129}]
)
async def test_a_decision_with_text_that_cannot_be_kept_is_refused(world, alert, acknowledge, fields):
    refused = await error_of(acknowledge(alert.alert_id, **fields))
    assert type(refused) is InvalidInput
    assert refused.violations[0].field in fields
    assert [each.state for each in await world.listed()] == [alert_pb2.ALERT_STATE_OPEN]


@pytest.mark.parametrize("alert_id", ["", "no-such", "'; DROP TABLE alert; --", "\u202e\u202e"])
async def test_an_alert_that_is_not_there_is_not_found(acknowledge, alert_id):
    missing = await error_of(acknowledge(alert_id))
    assert (type(missing), missing.reason) == (NotFound, "ALERT_NOT_FOUND")


async def test_what_happened_cannot_be_rewritten(world, alert, settings_of):
    database = Database(settings_of().database_url.get_secret_value(), "alerts")
    for statement in ("UPDATE transition SET number = 9", "DELETE FROM transition", "DELETE FROM alert"):
        with pytest.raises((DBAPIError, Forbidden)):  # both say: the role has no such right
            async with database.transaction(background("vinh")) as transaction:
                await transaction.session.execute(text(statement))
    await database.aclose()
