"""From an event to an alert and back: once, with hysteresis, with corrections, on the same trace."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import text

from ioc.alerts.v1 import alert_pb2
from ioc.kpi.v1 import value_pb2
from ioc_alerts.domain.judgement import Mark, Standing
from ioc_alerts.ports import Key
from ioc_alerts.rpc.events import events_maker
from ioc_alerts.store.sql import SqlAlertStore
from ioc_kit.sql import Database
from ioc_kit.tenancy import background

OPEN, RESOLVED, RETRACTED = (
    alert_pb2.ALERT_STATE_OPEN,
    alert_pb2.ALERT_STATE_RESOLVED,
    alert_pb2.ALERT_STATE_RETRACTED,
)


async def test_a_value_above_the_threshold_raises_one_alert(world, make):
    await world.compute(make.value(150))
    await world.compute(make.value(168.5, hour=1))
    (alert,) = await world.listed()
    assert (alert.state, alert.tenant, alert.rule, alert.rule_version) == (OPEN, "vinh", "vn-aqi-above-150", 1)
    assert (alert.area, alert.thing, alert.subject) == (make.area, make.station, "VN-AQI/aqi-hour")
    assert alert.key == f"vn-aqi-above-150/{make.area}/{make.station}"
    assert (alert.value, alert.threshold, alert.seen_count) == (168.5, 150, 1)
    assert alert.title.vi == "AQI 168,5 tại Trạm Quang Trung"
    assert alert.title.en == "AQI 168.5 at Quang Trung station"
    assert alert.message.vi == "AQI 168,5 vượt 150 lúc 09:00 23/11/2026"


async def test_further_values_in_breach_only_move_the_last_value(world, make):
    for hour in range(5):
        await world.compute(make.value(160 + hour, hour=hour))
    (alert,) = await world.listed()
    assert (alert.value, alert.last_value, alert.seen_count) == (160, 164, 5)
    assert await world.verbs(1) == ["raised"]


async def test_an_alert_resolves_at_the_lower_threshold_and_not_between(world, make):
    for hour, number in enumerate((151, 145, 141, 149)):
        await world.compute(make.value(number, hour=hour))
    assert [alert.state for alert in await world.listed()] == [OPEN]
    await world.compute(make.value(140, hour=4))
    await world.compute(make.value(149, hour=5))
    (alert,) = await world.listed()
    assert (alert.state, alert.last_value, alert.resolved_by) == (RESOLVED, 140, "")
    assert await world.verbs(2) == ["raised", "resolved"]


async def test_a_correction_of_the_raising_period_retracts(world, make):
    await world.compute(make.value(180))
    await world.compute(make.value(145, hour=1))
    await world.compute(make.value(90))
    assert [alert.state for alert in await world.listed()] == [RETRACTED]
    assert await world.verbs(2) == ["raised", "retracted"]


async def test_a_running_hour_that_comes_back_resolves(world, make):
    await world.compute(make.value(180, is_provisional=True))
    await world.compute(make.value(145, is_provisional=True))
    await world.compute(make.value(120, is_provisional=True))
    assert [alert.state for alert in await world.listed()] == [RESOLVED]


async def test_late_values_of_older_periods_change_nothing(world, make):
    await world.compute(make.value(100, hour=5))
    await world.compute(make.value(190, hour=3))
    assert await world.listed() == []
    await world.compute(make.value(190, hour=6))
    await world.compute(make.value(100, hour=4))
    assert [alert.state for alert in await world.listed()] == [OPEN]


async def test_a_stale_or_grey_value_neither_raises_nor_resolves(world, make):
    await world.compute(make.value(200, status=value_pb2.VALUE_STATUS_GREY))
    await world.compute(make.value(200, is_stale=True))
    await world.compute(make.value(None))
    assert await world.listed() == []
    await world.compute(make.value(200))
    await world.compute(make.value(50, hour=1, status=value_pb2.VALUE_STATUS_GREY))
    await world.compute(make.value(50, hour=2, is_stale=True))
    assert [alert.state for alert in await world.listed()] == [OPEN]


async def test_a_value_behind_its_target_raises_until_it_has_caught_up(world, make):
    rule = make.aqi_rule(
        rule="disbursement-behind",
        kind=2,
        set="KH-655",
        code="disbursed-share",
        title=make.text("{value} < {threshold}"),
    )
    rule.ClearField("raise_threshold")
    rule.ClearField("resolve_threshold")
    await world.apply(rule)

    async def compute(hour, number, status):
        comparison = value_pb2.TargetComparison(target_id="t", expected=80)
        fields = {"set": "KH-655", "code": "disbursed-share", "area": "40", "thing": "", "dimension_code": "SO-GTVT"}
        await world.compute(make.value(number, hour=hour, status=status, comparison=comparison, **fields))

    await compute(0, 40, value_pb2.VALUE_STATUS_BAD)
    await compute(1, 78, value_pb2.VALUE_STATUS_WARNING)
    (alert,) = await world.listed()
    assert (alert.state, alert.threshold, alert.title.vi) == (OPEN, 80, "40 < 80")
    assert alert.key == "disbursement-behind/40/DIMENSION=SO-GTVT"
    await compute(2, 81, value_pb2.VALUE_STATUS_GOOD)
    assert [alert.state for alert in await world.listed()] == [RESOLVED]


async def test_two_instances_and_many_events_at_once_raise_one_alert(start, make):
    first, second = await start(), await start()
    await first.apply(make.aqi_rule(), make.reading_rule())
    stations = [f"aq-{number}" for number in range(4)]
    values = [make.value(160 + n, hour=n, thing=station) for n in range(25) for station in stations]
    await asyncio.gather(*(first.compute(value) for value in values))
    raised = await first.listed(states=[OPEN])
    assert sorted(alert.thing for alert in raised) == stations
    assert len(await second.listed()) == len(stations)
    assert await first.verbs(len(stations)) == ["raised"] * len(stations)
    assert await first.dead_letters() == 0


async def test_the_database_itself_refuses_a_second_open_alert(world, make, settings_of):
    await world.compute(make.value(200))
    await world.listed()
    database = Database(settings_of().database_url.get_secret_value(), "alerts")
    copy = text(
        "INSERT INTO alert (tenant, alert_id, rule, subject, area, state, severity_rank, raised_at, revision, document)"
        " SELECT tenant, 'another', rule, subject, area, 'acknowledged', severity_rank, raised_at, 1, document"
        " FROM alert"
    )
    problem = ""
    try:
        async with database.transaction(background("vinh")) as transaction:
            await transaction.session.execute(copy)
    except Exception as error:  # noqa: BLE001  # whichever class it comes as, the index must be named
        problem = str(error)
    finally:
        await database.aclose()
    assert "alert_open_once" in problem


async def test_who_judges_a_key_makes_others_wait_and_see_what_was_judged(settings_of, eventually):
    database = Database(settings_of().database_url.get_secret_value(), "alerts")
    store, key = SqlAlertStore(database, events_maker()), Key("rule", "40")
    judged = Standing(Mark(datetime(2026, 11, 23, tzinfo=UTC), 7))

    async def second():
        async with store.transaction(background("vinh")) as transaction:
            return (await transaction.lock_known("vinh", [key]))[key]

    async def is_waiting():
        query = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        async with database.transaction(background("vinh")) as transaction:
            return (await transaction.session.execute(query)).scalar_one()

    async with store.transaction(background("vinh")) as transaction:
        await transaction.put_standings("vinh", {key: Standing()})
    async with store.transaction(background("vinh")) as transaction:
        await transaction.lock_known("vinh", [key])
        waiting = asyncio.create_task(second())
        await eventually(is_waiting)
        await transaction.put_standings("vinh", {key: judged})
    assert (await waiting).standing == judged
    await database.aclose()


async def test_a_redelivered_event_changes_nothing(world, make):
    value = make.value(180)
    await world.compute(value, event_id="first")
    await world.compute(make.value(100, hour=1))
    before = await world.listed()
    await world.compute(value, event_id="again")
    assert await world.listed() == before
    assert [alert.state for alert in before] == [RESOLVED]


async def test_a_restart_loses_nothing(start, make):
    world = await start()
    await world.apply(make.aqi_rule())
    await world.compute(make.value(180))
    (before,) = await world.listed()
    again = await start()
    await again.compute(make.value(190, hour=1))
    (alert,) = await again.listed()
    assert (alert.alert_id, alert.last_value) == (before.alert_id, 190)


async def test_a_reading_raises_and_resolves_with_what_the_registry_knows(world, make):
    await world.tell_contract()
    await world.write((make.series, 0, 90), ("air-quality/no2_ugm3/16690/aq-vinh-01", 0, 900))
    assert await world.listed() == []
    await world.write((make.series, 60, 120.25))
    (alert,) = await world.listed()
    assert (alert.subject, alert.thing, alert.unit) == (make.series, make.station, "ug/m3")
    assert alert.title.vi == "Bụi 120,25 ug/m3 tại Trạm Quang Trung"
    await world.write((make.series, 120, 80))
    assert [alert.state for alert in await world.listed()] == [RESOLVED]


async def test_a_reading_taken_back_retracts(world, make):
    await world.write((make.series, 0, 300))
    await world.write((make.series, 0, 30))
    assert [alert.state for alert in await world.listed()] == [RETRACTED]


async def test_quiet_readings_are_not_written_one_by_one_and_still_make_older_ones_late(world, make, settings_of):
    for tick in range(4):
        await world.write((make.series, tick, 50))
    await world.write((make.series, 2.5, 500))  # newer than the last one written, older than the last one judged
    assert await world.listed() == []
    database = Database(settings_of().database_url.get_secret_value(), "alerts")
    async with database.transaction(background("vinh")) as transaction:
        seconds = await transaction.session.execute(text("SELECT extract(second FROM last_period) FROM standing"))
    await database.aclose()
    assert [float(second) for (second,) in seconds] == [0]
    await world.write((make.series, 4, 500))
    assert [alert.state for alert in await world.listed()] == [OPEN]


async def test_what_cannot_be_read_becomes_a_dead_letter_and_the_next_event_is_judged(world, make):
    await world.write(("not a series key", 0, 1))
    await world.write((make.series, 0, 500))
    assert len(await world.listed()) == 1
    assert await world.dead_letters() == 1


async def test_the_alert_is_published_on_the_trace_of_the_value(world, make):
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("a reading arrives") as span:
        caused = await world.compute(make.value(180))
        trace_id = format(span.get_span_context().trace_id, "032x")
    assert trace_id in caused.headers["traceparent"]
    ((event, message),) = await world.told(1)
    assert event.type == "ioc.alerts.v1.AlertRaised"
    assert event.subject == "ioc.vinh.alerts.v1.alert.raised"
    assert event.headers["traceparent"].split("-")[1] == trace_id
    assert message.alert.trace_id == trace_id
    assert trace.get_current_span().get_span_context().is_valid is False
