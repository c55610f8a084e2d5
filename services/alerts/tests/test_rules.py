"""Rules are data: applied by the province, checked as a whole, versioned."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import pytest

from ioc.alerts.v1 import rule_pb2
from ioc.type.v1 import text_pb2
from ioc_alerts.domain.rule import Rule, RuleKind, check
from ioc_alerts.rpc.convert import rule_to_proto, rules_from_proto
from ioc_alerts.rulebook import REREAD_AFTER, RuleBook
from ioc_kit.errors import InvalidInput, NotFound, Unavailable
from ioc_kit.rpc import error_from_call


@dataclass
class SlowStore:
    """Lists its rules, and lets others run before it answers."""

    rules: list[Rule]
    is_away: bool = False

    @asynccontextmanager
    async def transaction(self, _tenancy):
        yield self

    async def list_rules(self, *, after, limit):
        await asyncio.sleep(0)
        if self.is_away:
            raise Unavailable("away")
        return sorted((rule for rule in self.rules if rule.code > after), key=lambda rule: rule.code)[:limit]


async def error_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_call(caught.value)


async def test_applying_twice_changes_nothing_and_a_change_makes_a_version(start, make):
    world = await start()
    rules = [make.aqi_rule(), make.reading_rule()]
    dry = await world.apply(*rules, dry_run=True)
    first = await world.apply(*rules)
    again = await world.apply(*rules)
    changed = await world.apply(make.aqi_rule(raise_threshold=200), make.reading_rule())
    assert list(dry.changed) == list(first.changed) == ["vn-aqi-above-150", "pm25-above-100"]
    assert (list(again.changed), again.unchanged) == ([], 2)
    assert (list(changed.changed), changed.unchanged) == (["vn-aqi-above-150"], 1)
    request = rule_pb2.GetRuleRequest(rule="vn-aqi-above-150")
    rule = (await world.rules.GetRule(request, **world.as_role("partner"))).rule
    assert (rule.version, rule.raise_threshold) == (2, 200)


async def test_rules_are_listed_page_by_page(world):
    first = await world.rules.ListRules(rule_pb2.ListRulesRequest(page_size=1), **world.as_role("analyst"))
    request = rule_pb2.ListRulesRequest(page_size=1, page_token=first.next_page_token)
    second = await world.rules.ListRules(request, **world.as_role("analyst"))
    assert [rule.rule for rule in (*first.rules, *second.rules)] == ["pm25-above-100", "vn-aqi-above-150"]
    assert second.next_page_token == ""


async def test_a_rule_that_is_not_there_is_not_found(world):
    call = world.rules.GetRule(rule_pb2.GetRuleRequest(rule="none"), **world.as_role("analyst"))
    missing = await error_of(call)
    assert (type(missing), missing.reason) == (NotFound, "RULE_NOT_FOUND")


async def test_only_administrators_of_the_province_apply_rules(world, make):
    request = rule_pb2.ApplyRulesRequest(rules=[make.aqi_rule(raise_threshold=500)])
    for role, tenant, reason in (
        ("operator", "nghe-an", "METHOD_REFUSED"),
        ("oc-admin", "vinh", "METHOD_REFUSED"),
        ("province-admin", "vinh", "PROVINCE_ONLY"),
    ):
        refused = await error_of(world.rules.ApplyRules(request, **world.as_role(role, tenant=tenant)))
        assert refused.reason == reason


async def test_a_rule_that_is_off_or_not_in_force_raises_nothing(start, make):
    world = await start()
    await world.apply(
        make.aqi_rule(is_enabled=False),
        make.aqi_rule(rule="over", valid_to="2026-11-23"),
        make.aqi_rule(rule="not-yet", valid_from="2026-11-24"),
        make.aqi_rule(rule="today", valid_from="2026-11-23", valid_to="2026-11-24"),
    )
    await world.compute(make.value(200))
    assert [alert.rule for alert in await world.listed()] == ["today"]


async def test_events_that_come_at_once_all_see_the_rules(fixed_clock, make):
    rules = rules_from_proto([make.aqi_rule(), make.reading_rule()])
    book = RuleBook(SlowStore(rules), fixed_clock, "nghe-an")
    kinds, watches = list(RuleKind), ["VN-AQI/aqi-hour", "air-quality/pm25_ugm3", "air-quality/no2_ugm3"]
    found = await asyncio.gather(*(book.watching(kinds, watches) for _ in range(3)))
    assert [{watched: len(each) for watched, each in one.items()} for one in found] == [
        {"VN-AQI/aqi-hour": 1, "air-quality/pm25_ugm3": 1}
    ] * 3


async def test_a_changed_rule_is_seen_at_once_where_it_was_applied_and_soon_elsewhere(fixed_clock, make):
    store = SlowStore(rules_from_proto([make.aqi_rule()]))
    here, elsewhere = (RuleBook(store, fixed_clock, "nghe-an") for _ in range(2))
    for book in (here, elsewhere):
        assert await book.watching(list(RuleKind), ["VN-AQI/aqi-hour"])
    store.rules = []
    here.forget()
    assert not await here.watching(list(RuleKind), ["VN-AQI/aqi-hour"])
    fixed_clock.advance(REREAD_AFTER)
    assert not await elsewhere.watching(list(RuleKind), ["VN-AQI/aqi-hour"])


async def test_rules_that_could_not_be_read_are_read_again(fixed_clock, make):
    store = SlowStore(rules_from_proto([make.aqi_rule()]), is_away=True)
    book = RuleBook(store, fixed_clock, "nghe-an")
    with pytest.raises(Unavailable):
        await book.watching(list(RuleKind), ["VN-AQI/aqi-hour"])
    store.is_away = False
    assert await book.watching(list(RuleKind), ["VN-AQI/aqi-hour"])


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"rule": ""}, "rule", "1 to 64"),
        ({"rule": "a b'; --"}, "rule", "may hold letters"),
        ({"kind": 0}, "kind", "INDICATOR_THRESHOLD"),
        ({"severity": 0}, "severity", "CRITICAL"),
        ({"set": ""}, "set", "1 to 64"),
        ({"code": "x/y"}, "code", "may hold letters"),
        ({"name": text_pb2.LocalizedText(en="only")}, "name.vi", "Vietnamese comes first"),
        ({"title": text_pb2.LocalizedText(vi="{valu} {x.y} {0}")}, "title.vi", "'0', 'valu', 'x.y'"),
        ({"message": text_pb2.LocalizedText(vi="a", en="{value")}, "message.en", "brace"),
        ({"message": text_pb2.LocalizedText(vi="a\x00")}, "message.vi", "control characters"),
        ({"message": text_pb2.LocalizedText(vi="a\u202eb")}, "message.vi", "reorder"),
        ({"message": text_pb2.LocalizedText(vi="a" * 501)}, "message.vi", "500"),
        ({"raise_threshold": math.nan}, "raise_threshold", "finite"),
        ({"resolve_threshold": math.inf}, "resolve_threshold", "finite"),
        ({"resolve_threshold": 151}, "resolve_threshold", "above raise_threshold"),
        ({"side": 2}, "resolve_threshold", "below raise_threshold"),
        ({"side": 9}, "side", "ABOVE, BELOW"),
        ({"kind": 2}, "raise_threshold", "must not be set"),
        ({"valid_from": "tomorrow"}, "valid_from", "not a day"),
        ({"valid_from": "2026-01-02", "valid_to": "2026-01-01"}, "valid_to", "after valid_from"),
        ({"note": "n" * 501}, "note", "500"),
    ],
)
def test_a_wrong_rule_is_refused_by_field(make, changes, field, words):
    with pytest.raises(InvalidInput) as refused:
        check(rules_from_proto([make.aqi_rule(rule="good"), make.aqi_rule(**changes)]))
    named = {violation.field: violation.description for violation in refused.value.violations}
    assert words in named[f"rules[1].{field}"]


async def test_all_mistakes_are_told_at_once_and_nothing_is_applied(world, make):
    threshold = make.aqi_rule(resolve_threshold=160, name=text_pb2.LocalizedText())
    request = rule_pb2.ApplyRulesRequest(rules=[threshold, make.aqi_rule()])
    refused = await error_of(world.rules.ApplyRules(request, **world.as_role("province-admin", tenant="nghe-an")))
    assert {violation.field for violation in refused.violations} == {
        "rules[0].name.vi",
        "rules[0].resolve_threshold",
        "rules[1].rule",
    }
    listed = await world.rules.ListRules(rule_pb2.ListRulesRequest(), **world.as_role("analyst"))
    assert [rule.version for rule in listed.rules] == [1, 1]


def test_a_threshold_alone_is_refused(make):
    rule = make.aqi_rule()
    rule.ClearField("resolve_threshold")
    with pytest.raises(InvalidInput, match="resolve_threshold: is missing beside raise_threshold"):
        rules_from_proto([rule])


def test_a_rule_comes_back_as_it_was_sent(make):
    citation = text_pb2.Citation(
        instrument="QD-1459",
        article="2",
        issued_on="2019-11-12",
        text="VN_AQI",
        verification=text_pb2.VERIFICATION_VERIFIED,
    )
    for rule in (
        make.aqi_rule(citation=citation, note="ours", valid_from="2026-01-01", valid_to="2027-01-01"),
        make.reading_rule(side=rule_pb2.THRESHOLD_SIDE_BELOW, raise_threshold=0, resolve_threshold=5),
    ):
        (converted,) = rules_from_proto([rule])
        assert rule_to_proto(converted) == rule
