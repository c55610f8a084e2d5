"""The statistics journey inside kpi: month and owner, target and margin, corrected files."""

from datetime import UTC, datetime, timedelta

import pytest

from ioc.ingest.v1 import events_pb2 as ingest_events
from ioc.kpi.v1 import indicator_pb2, value_pb2
from ioc.type.v1 import period_pb2, quality_pb2
from ioc_kit.bus import new_event

OCTOBER = datetime(2026, 9, 30, 17, 0, tzinfo=UTC)  # the first of October in Vietnam
OWNERS = ("SO-GTVT", "SO-YTE")
BILLION = 1_000_000_000.0


def key(measure, owner):
    return f"public-investment/{measure}/40/OWNER={owner}"


@pytest.fixture
async def deliver(world):
    """Gives `deliver(owner, disbursed, plan)`: October's figures of an owner, in billions."""
    keys = [key(measure, owner) for owner in OWNERS for measure in ("disbursed_vnd", "investment_plan_vnd")]
    await world.publish_contract(
        "nghe-an", "public-investment", keys, kind=period_pb2.PERIOD_KIND_MONTH, cadence=7 * 86400
    )

    async def deliver(owner, disbursed, plan=None):
        await world.write("nghe-an", key("disbursed_vnd", owner), [(OCTOBER, disbursed * BILLION)])
        if plan is not None:
            await world.write("nghe-an", key("investment_plan_vnd", owner), [(OCTOBER, plan * BILLION)])

    return deliver


@pytest.fixture
def the_share(world, eventually):
    """Gives `await the_share(owner, expected)`: waits until the share of an owner (empty: total) is as expected."""

    async def wait(owner, expected):
        async def is_there():
            for value in await world.latest("disbursed_share"):
                if value.dimension_code == owner and value.HasField("value") and value.value == expected:
                    return value
            return None

        return await eventually(is_there)

    return wait


async def test_each_owner_and_the_total_get_a_share(world, disbursed_share, deliver, the_share):
    await world.define(disbursed_share)
    await deliver("SO-GTVT", 60, 100)
    await deliver("SO-YTE", 90, 100)
    by_owner = await the_share("SO-GTVT", 60.0)
    total = await the_share("", 75.0)
    assert (by_owner.area, by_owner.thing, by_owner.unit) == ("40", "", "%")
    assert by_owner.status == value_pb2.VALUE_STATUS_GREY  # nothing says what it should be
    assert total.period.kind == period_pb2.PERIOD_KIND_MONTH
    assert (total.period.start.ToDatetime(UTC), total.period.end.ToDatetime(UTC)) == (
        OCTOBER,
        datetime(2026, 10, 31, 17, 0, tzinfo=UTC),
    )
    assert total.grades.complete.level == quality_pb2.GRADE_LEVEL_GOOD
    assert not total.is_stale


@pytest.mark.parametrize(
    ("disbursed", "status"),
    [
        (80.0, value_pb2.VALUE_STATUS_GOOD),  # asked by the end of October: 95 * 10 / 12 = 79.17
        (75.0, value_pb2.VALUE_STATUS_WARNING),
        (60.0, value_pb2.VALUE_STATUS_BAD),  # 19.17 points behind, more than the margin of 10
    ],
)
async def test_the_total_is_held_against_the_path_of_its_target(
    world, disbursed_share, target_2026, deliver, the_share, disbursed, status
):
    await world.define(disbursed_share, targets=[target_2026])
    await deliver("SO-GTVT", disbursed, 100)
    total = await the_share("", disbursed)
    assert total.status == status
    assert round(total.comparison.expected, 2) == 79.17
    assert total.comparison.difference == disbursed - total.comparison.expected
    assert (total.comparison.target, total.comparison.basis) == (95, indicator_pb2.TARGET_BASIS_OURS)
    owner = await the_share("SO-GTVT", disbursed)
    assert not owner.HasField("comparison")  # the target is of the area's total


async def test_an_awaited_target_shows_grey_and_names_no_number(
    world, disbursed_share, target_2026, deliver, the_share
):
    target_2026.ClearField("value")
    target_2026.basis = indicator_pb2.TARGET_BASIS_AWAITED
    target_2026.awaited_from = "SO-TC"
    await world.define(disbursed_share, targets=[target_2026])
    await deliver("SO-GTVT", 99, 100)
    total = await the_share("", 99.0)
    assert total.status == value_pb2.VALUE_STATUS_GREY
    assert not total.comparison.HasField("expected")
    assert total.comparison.basis == indicator_pb2.TARGET_BASIS_AWAITED


async def test_a_corrected_file_makes_a_new_version_and_the_old_one_stays_readable(
    world, disbursed_share, deliver, the_share, fixed_clock
):
    await world.define(disbursed_share)
    await deliver("SO-GTVT", 60, 100)
    await the_share("", 60.0)
    await the_share("SO-GTVT", 60.0)
    known_then = fixed_clock.now()
    fixed_clock.advance(timedelta(days=1))
    await deliver("SO-GTVT", 62)
    await the_share("", 62.0)
    request = value_pb2.ListValuesRequest(set="KH-655", code="disbursed_share")
    request.as_of.FromDatetime(known_then)
    then = (await world.values.ListValues(request, **world.as_role("analyst"))).values
    assert {(value.dimension_code, value.value) for value in then} == {("", 60.0), ("SO-GTVT", 60.0)}


async def test_a_plan_of_nothing_gives_no_number_and_says_why(world, disbursed_share, deliver, eventually):
    await world.define(disbursed_share)
    await deliver("SO-GTVT", 60, 0)

    async def is_missing():
        found = await world.latest("disbursed_share")
        return found and "hữu hạn" in found[0].missing_reason.vi and found[0]

    missing = await eventually(is_missing)
    assert not missing.HasField("value")
    assert missing.status == value_pb2.VALUE_STATUS_GREY


async def test_rows_that_were_set_aside_show_in_the_grade(world, bus, disbursed_share, deliver, the_share, eventually):
    await world.define(disbursed_share)
    message = ingest_events.ReadingsQuarantined(source="public-investment", door="file", count=6)
    await bus.publish(
        new_event(message, tenant="nghe-an", source="ingest", noun="readings", verb="quarantined", at=world.clock.now())
    )
    await eventually(lambda: world.is_taken("INGEST", "kpi-quarantined"))
    await deliver("SO-GTVT", 60, 100)
    total = await the_share("", 60.0)
    assert total.grades.clean.level == quality_pb2.GRADE_LEVEL_POOR
    # The figures may be computed when one of the two rows has been counted, or both.
    assert total.grades.clean.score in (1 / 7, 2 / 8)
    assert "6 trên" in total.grades.clean.reason_vi


async def test_last_months_figures_turn_grey_when_the_next_ones_do_not_come(
    world, disbursed_share, target_2026, deliver, the_share, fixed_clock
):
    await world.define(disbursed_share, targets=[target_2026])
    await deliver("SO-GTVT", 80, 100)
    assert (await the_share("", 80.0)).status == value_pb2.VALUE_STATUS_GOOD
    fixed_clock.set(datetime(2026, 12, 8, tzinfo=UTC))  # November is over, and its file a week late
    stale = await the_share("", 80.0)
    assert (stale.is_stale, stale.status) == (True, value_pb2.VALUE_STATUS_GREY)


async def test_a_definition_that_comes_after_its_data_is_applied_to_them(
    world, disbursed_share, deliver, the_share, eventually
):
    await deliver("SO-GTVT", 60, 100)
    await eventually(lambda: world.is_taken("INGEST", "kpi-observations"))
    await world.define(disbursed_share)
    await the_share("", 60.0)


async def test_a_changed_target_judges_what_is_known_again(
    world, disbursed_share, target_2026, deliver, the_share, eventually
):
    await world.define(disbursed_share, targets=[target_2026])
    await deliver("SO-GTVT", 60, 100)
    assert (await the_share("", 60.0)).status == value_pb2.VALUE_STATUS_BAD
    target_2026.value = 70
    await world.define(targets=[target_2026])

    async def is_judged_again():
        found = await the_share("", 60.0)
        return found.comparison.target_version == 2 and found

    assert (await eventually(is_judged_again)).status == value_pb2.VALUE_STATUS_GOOD
