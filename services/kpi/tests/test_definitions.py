"""Definitions: versions, refusals with their place, who may define."""

import grpc
import pytest

from ioc.kpi.v1 import indicator_pb2
from ioc.type.v1 import text_pb2
from ioc_kit.rpc import error_from_call
from ioc_kpi.policy import POLICY


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_call(caught.value)


async def test_the_same_again_changes_nothing_and_another_content_raises_the_version(world, vn_aqi, disbursed_share):
    slot = indicator_pb2.IndicatorSet(code="TT-03-2026", name=text_pb2.LocalizedText(vi="Bộ chỉ số"), note="awaited")
    first = await world.define(vn_aqi, disbursed_share, sets=[slot])
    assert list(first.changed) == [
        "set TT-03-2026",
        "indicator VN-AQI/vn_aqi_hourly",
        "indicator KH-655/disbursed_share",
    ]
    again = await world.define(vn_aqi, disbursed_share, sets=[slot])
    assert (list(again.changed), again.unchanged) == ([], 3)
    disbursed_share.formula = "disbursed * 100.0 / plan"
    dry = await world.define(disbursed_share, dry_run=True)
    assert list(dry.changed) == ["indicator KH-655/disbursed_share"]
    assert list((await world.define(disbursed_share)).changed) == list(dry.changed)
    reader = world.as_role("partner", tenant="vinh")
    found = await world.indicators.ListIndicators(indicator_pb2.ListIndicatorsRequest(page_size=1), **reader)
    assert [(each.code, each.version) for each in found.indicators] == [("disbursed_share", 2)]
    rest = await world.indicators.ListIndicators(
        indicator_pb2.ListIndicatorsRequest(page_token=found.next_page_token), **reader
    )
    assert [(each.code, each.version) for each in rest.indicators] == [("vn_aqi_hourly", 1)]
    assert rest.next_page_token == ""
    sets = await world.indicators.ListIndicatorSets(indicator_pb2.ListIndicatorSetsRequest(), **reader)
    assert list(sets.sets) == [slot]


@pytest.mark.parametrize(
    ("formula", "place", "word"),
    [
        ("disbursed / plan * 100", "1:18", "no matching overload"),
        ("disbursed / plna", "1:13", "undeclared reference"),
        ("disbursed /", "1:12", "Syntax error"),
        ("disbursed > plan", "", "gives BOOL"),
        ("builtin:vn_aqi_hourly", "", "takes no input 'disbursed'"),
        ("builtin:vn_aqi_hourly@2", "", "is not built in"),
        ("", "1:1", "Syntax error"),
    ],
)
async def test_a_formula_that_cannot_be_used_is_refused_with_its_place(world, disbursed_share, formula, place, word):
    disbursed_share.formula = formula
    error = await refused(world.define(disbursed_share))
    assert error.reason == "FORMULA_REFUSED"
    assert error.metadata == {"indicator": "KH-655/disbursed_share", "place": place}
    assert word in error.message
    assert error.violations[0].field == "indicators[KH-655/disbursed_share].formula"


async def test_a_wrong_field_is_named(world, disbursed_share, target_2026):
    disbursed_share.ClearField("dimension")
    assert (await refused(world.define(disbursed_share))).violations[0].field.endswith(".dimension")
    disbursed_share.dimension = "OWNER"
    disbursed_share.valid_from = "1/1/2024"
    assert (await refused(world.define(disbursed_share))).violations[0].field.endswith(".valid_from")
    target_2026.code = "nothing"
    error = await refused(world.define(targets=[target_2026]))
    assert error.violations[0].field == "targets[disbursed-share-2026].code"
    target_2026.ClearField("value")
    assert (await refused(world.define(targets=[target_2026]))).violations[0].field.endswith(".value")


async def test_nothing_is_defined_when_one_of_several_cannot_stand(world, vn_aqi, disbursed_share):
    disbursed_share.formula = "disbursed /"
    await refused(world.define(vn_aqi, disbursed_share))
    found = await world.indicators.ListIndicators(indicator_pb2.ListIndicatorsRequest(), **world.as_role("analyst"))
    assert list(found.indicators) == []


async def test_only_the_provinces_administrators_define(world, vn_aqi):
    request = indicator_pb2.ApplyIndicatorsRequest(indicators=[vn_aqi])
    for caller in (
        world.as_role("oc-admin", tenant="vinh"),
        world.as_role("analyst"),
        world.as_role("province-admin", tenant="vinh"),
        world.as_role("province-admin", narrow_to="vinh"),
    ):
        error = await refused(world.indicators.ApplyIndicators(request, **caller))
        assert error.code is grpc.StatusCode.PERMISSION_DENIED


async def test_every_rpc_is_listed_in_the_policy(world):
    methods = {f"/{service.full_name}/{method.name}" for service in _services() for method in service.methods}
    assert methods == set(POLICY)


def _services():
    from ioc.kpi.v1 import value_pb2

    for module in (indicator_pb2, value_pb2):
        yield from module.DESCRIPTOR.services_by_name.values()


async def test_an_unknown_indicator_is_told_as_such(world):
    request = indicator_pb2.GetIndicatorRequest(set="KH-655", code="nothing")
    error = await refused(world.indicators.GetIndicator(request, **world.as_role("analyst")))
    assert (error.reason, error.metadata) == ("INDICATOR_NOT_FOUND", {"set": "KH-655", "code": "nothing"})
