"""The air journey inside kpi: hours, NowCast, index, late readings, what was known before."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from ioc.kpi.v1 import events_pb2, value_pb2
from ioc_kit.bus.envelope import from_message

PM25 = "air-quality/pm25_ugm3/16690/aq-vinh-01"
PM10 = "air-quality/pm10_ugm3/16690/aq-vinh-01"
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLDEST_FIRST = [26.9, 24.7, 20.5, 23.5, 19.5, 16.5, 19.0, 16.5, 20.3, 22.4, 19.6, 20.6]


def hours(values, until=NOW):
    """One reading in the middle of each hour, the last hour ending at `until`."""
    return [(until - HOUR * (len(values) - i) + timedelta(minutes=30), v) for i, v in enumerate(values)]


@pytest.fixture
async def air(world, vn_aqi, eventually):
    """A station whose last twelve hours are the example of the decision; gives the newest value."""
    await world.define(vn_aqi)
    await world.publish_contract("vinh", "air-quality", [PM25, PM10])
    await world.write("vinh", PM25, hours(OLDEST_FIRST))

    async def is_complete():
        found = await world.latest("vn_aqi_hourly")
        return found and found[0].period.end.ToDatetime(UTC) == NOW and found[0].value == 41 and found[0]

    return await eventually(is_complete)


async def values_at(world, **fields):
    found = await world.history("VN-AQI", "vn_aqi_hourly", **fields)
    return {value.period.start.ToDatetime(UTC): value.value for value in found}


async def test_the_index_of_the_decisions_example_comes_out_of_the_service(air):
    assert (air.value, air.band, air.dominant) == (41, "good", "pm25")
    assert round(air.components["pm25"] / 2, 2) == 20.27  # the NowCast, on the first step of the scale
    assert air.status == value_pb2.VALUE_STATUS_GOOD
    assert (air.tenant, air.thing, air.area) == ("vinh", "aq-vinh-01", "16690")
    assert air.place_name.vi == "Trạm Vinh 1"
    assert not air.is_provisional
    assert air.missing_reason.vi == ""


async def test_one_burst_is_one_question_and_each_value_is_computed_once(world, air, eventually):
    history = await world.history("VN-AQI", "vn_aqi_hourly", include_versions=True)
    past = [value for value in history if value.period.end.ToDatetime(UTC) <= NOW]
    assert len(past) == 12
    assert sum(windows for _, windows in world.ledger.calls) < 12 * 24 * 3
    # The first hour has one reading of three: said as missing, with the reason.
    assert [value.HasField("value") for value in past] == [False] + [True] * 11
    assert "PM2.5" in past[0].missing_reason.vi


async def test_a_late_reading_corrects_its_hour_and_those_that_look_back_on_it(world, air, eventually, fixed_clock):
    before = await values_at(world)
    known_then = fixed_clock.now()
    fixed_clock.advance(timedelta(minutes=1))
    late_hour = NOW - 3 * HOUR
    await world.write("vinh", PM25, [(late_hour + timedelta(minutes=45), 180.0)])

    async def is_corrected():
        found = await values_at(world)
        return found[NOW - HOUR] != before[NOW - HOUR] and found

    after = await eventually(is_corrected)
    touched = {start for start in before if start >= late_hour}
    assert {start for start in before if before[start] != after[start]} == touched
    as_of = value_pb2.ListValuesRequest().as_of
    as_of.FromDatetime(known_then)
    assert await values_at(world, as_of=as_of) == before
    versions = await world.history("VN-AQI", "vn_aqi_hourly", include_versions=True)
    of_the_hour = [v for v in versions if v.period.start.ToDatetime(UTC) == late_hour]
    assert [v.HasField("known_to") for v in of_the_hour] == [True, False]
    assert of_the_hour[0].known_to == of_the_hour[1].known_from


async def test_each_change_is_told_once_with_what_was_before(world, air, bus, eventually, fixed_clock):
    fixed_clock.advance(timedelta(minutes=1))
    await world.write("vinh", PM25, [(NOW - timedelta(minutes=5), 300.0)])
    seen = []

    async def is_told():
        pull = await bus.jetstream.pull_subscribe("ioc.vinh.kpi.v1.indicator.computed", stream="KPI")
        seen.clear()
        for message in await pull.fetch(100, timeout=0.5):
            event = from_message(message.subject, message.data, message.headers, 0)
            seen.append(event.read(events_pb2.IndicatorComputed))
        await pull.unsubscribe()
        return any(told.is_correction for told in seen)

    await eventually(is_told)
    corrected = [told for told in seen if told.is_correction]
    assert [(told.previous, told.value.value > 100) for told in corrected] == [(41, True)]
    ids = [told.value.value_id for told in seen]
    assert len(ids) == len(set(ids))


async def test_a_gas_of_the_hour_decides_when_it_is_worse(world, air, eventually):
    await world.write("vinh", PM25.replace("pm25", "no2"), [(NOW - timedelta(minutes=30), 118.7)])

    async def is_decided_by_the_gas():
        newest = (await world.latest("vn_aqi_hourly"))[0]
        return newest.dominant == "no2" and newest

    worse = await eventually(is_decided_by_the_gas)
    assert worse.value == 59
    assert worse.grades.complete.score == 1.0


async def test_the_same_readings_again_change_nothing(world, air, eventually):
    before = await world.history("VN-AQI", "vn_aqi_hourly", include_versions=True)
    calls = len(world.ledger.calls)
    await world.write("vinh", PM25, hours(OLDEST_FIRST))  # the ledger has them at the same times, with the same values

    async def is_looked_at():
        return len(world.ledger.calls) > calls

    await eventually(is_looked_at)
    after = await world.history("VN-AQI", "vn_aqi_hourly", include_versions=True)
    assert [v.value_id for v in after] == [v.value_id for v in before]


async def test_the_running_hour_counts_provisionally_and_is_settled_once_over(world, air, eventually, fixed_clock):
    fixed_clock.set(NOW + timedelta(minutes=2))
    await world.write("vinh", PM25, [(NOW + timedelta(minutes=1), 22.0)])
    fixed_clock.set(NOW + timedelta(minutes=6))

    async def has_running_hour():
        newest = (await world.latest("vn_aqi_hourly"))[0]
        return newest.period.start.ToDatetime(UTC) == NOW and newest

    running = await eventually(has_running_hour)
    assert running.is_provisional
    assert running.observed_at.ToDatetime(UTC) == NOW + timedelta(minutes=1)
    fixed_clock.set(NOW + HOUR + timedelta(seconds=1))

    async def is_settled():
        found = await world.history("VN-AQI", "vn_aqi_hourly")
        return [v for v in found if v.period.start.ToDatetime(UTC) == NOW and not v.is_provisional]

    settled = await eventually(is_settled)
    assert settled[0].value == running.value


async def test_a_running_hour_does_not_count_before_its_minutes_have_passed(world, air, eventually, fixed_clock):
    fixed_clock.set(NOW + timedelta(minutes=2))
    calls = len(world.ledger.calls)
    await world.write("vinh", PM25, [(NOW + timedelta(minutes=1), 500.0), (NOW - timedelta(minutes=1), 20.6)])

    async def is_looked_at():
        return len(world.ledger.calls) > calls

    await eventually(is_looked_at)
    assert (await world.latest("vn_aqi_hourly"))[0].period.end.ToDatetime(UTC) == NOW


async def test_a_number_whose_station_fell_silent_is_grey(world, air, eventually, fixed_clock):
    fixed_clock.advance(timedelta(hours=11))

    async def is_grey():
        found = (await world.latest("vn_aqi_hourly"))[0]
        return found.is_stale and found

    stale = await eventually(is_grey)
    assert stale.status == value_pb2.VALUE_STATUS_GREY
    assert stale.grades.live.level == 3
    assert "giờ" in stale.grades.live.reason_vi
    assert stale.age.ToTimedelta() >= timedelta(hours=11)


async def test_a_value_is_explained_down_to_its_readings_and_proved_again(world, air):
    operator = world.as_role("operator")
    told = await world.values.ExplainValue(value_pb2.ExplainValueRequest(value_id=air.value_id), **operator)
    assert told.formula == "builtin:vn_aqi_hourly"
    assert told.citation.instrument == "QD-1459"
    used = [each for each in told.inputs if each.name == "pm25"]
    assert [each.value for each in used] == OLDEST_FIRST[::-1]
    assert {(each.count, each.contract_version, each.position) for each in used} == {(1, 3, 1)}
    proof = await world.values.ProveValue(value_pb2.ProveValueRequest(value_id=air.value_id), **operator)
    assert (proof.is_proved, proof.recorded, proof.recomputed, list(proof.differences)) == (True, 41, 41, [])


async def test_a_value_stays_proved_after_a_correction_came(world, air, eventually, fixed_clock):
    fixed_clock.advance(timedelta(minutes=1))
    await world.write("vinh", PM25, [(NOW - timedelta(minutes=5), 300.0)])

    async def is_superseded():
        found = await world.values.GetValue(
            value_pb2.GetValueRequest(value_id=air.value_id), **world.as_role("operator")
        )
        return found.value.HasField("known_to")

    await eventually(is_superseded)
    request = value_pb2.ProveValueRequest(value_id=air.value_id)
    proof = await world.values.ProveValue(request, **world.as_role("operator"))
    assert (proof.is_proved, proof.recomputed) == (True, 41)


async def test_a_proof_sees_a_ledger_that_was_tampered_with(world, air):
    world.ledger.rows[-1].value += 0.0000001
    request = value_pb2.ProveValueRequest(value_id=air.value_id)
    proof = await world.values.ProveValue(request, **world.as_role("operator"))
    assert not proof.is_proved
    assert "pm25" in proof.differences[0]


async def test_a_proof_sees_a_value_that_was_tampered_with(world, air):
    connection = await asyncpg.connect(world.urls.superuser)
    await connection.execute("ALTER TABLE kpi.indicator_value DISABLE TRIGGER versions_end_once")
    await connection.execute("UPDATE kpi.indicator_value SET value = 40 WHERE id = $1", air.value_id)
    await connection.close()
    request = value_pb2.ProveValueRequest(value_id=air.value_id)
    proof = await world.values.ProveValue(request, **world.as_role("operator"))
    assert (proof.is_proved, proof.recorded, proof.recomputed) == (False, 40, 41)


async def test_the_service_itself_cannot_rewrite_a_value(world, air):
    connection = await asyncpg.connect(world.urls.runtime, server_settings={"search_path": "kpi"})
    await connection.execute("SELECT set_config('ioc.scope', 'system', false), set_config('ioc.tenant', '', false)")
    for change in ("value = 40", "known_from = now()", "document = '{}'"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"UPDATE indicator_value SET {change}")  # noqa: S608
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM indicator_value")
    await connection.execute(
        "UPDATE indicator_value SET known_to = known_from + interval '1 s' WHERE id = $1", air.value_id
    )
    with pytest.raises(asyncpg.RaiseError, match="stays as it is"):
        await connection.execute(
            "UPDATE indicator_value SET known_to = now() + interval '9 h' WHERE id = $1", air.value_id
        )
    await connection.close()


async def test_another_tenant_sees_nothing_of_it(world, air):
    assert await world.latest("vn_aqi_hourly", "oc-operator", tenant="hoang-mai") == []
    assert [v.value for v in await world.latest("vn_aqi_hourly", "oc-operator", tenant="vinh")] == [41]
    assert [v.value for v in await world.latest("vn_aqi_hourly", "operator", narrow_to="vinh")] == [41]
    assert await world.latest("vn_aqi_hourly", "operator", narrow_to="hoang-mai") == []
