"""Collections: order, paging, filters, markings, walls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from ioc_kit.errors import InvalidInput
from ioc_kit.tenancy import Caller, Scope, Tenancy
from ioc_kit.testing import FixedClock
from ioc_soc_bridge.domain.errors import CollectionNotFound
from ioc_soc_bridge.domain.event import SecurityEvent
from ioc_soc_bridge.domain.exchange import Match, ServedObject, collection_id
from ioc_soc_bridge.domain.marking import Tlp
from ioc_soc_bridge.handlers import ExchangeHandlers, IntakeHandlers

OWN = Tenancy("vinh", Scope.OWN)
HERE = str(collection_id("vinh"))
LAST = Match()
AnEvent = Callable[..., SecurityEvent]
ACaller = Callable[..., Caller]
AnIntake = Callable[..., Any]


async def everything(
    exchange: ExchangeHandlers, caller: Caller, match: Match = LAST, size: int = 1000, wanted: str = HERE
) -> list[ServedObject]:
    found: list[ServedObject] = []
    token = ""
    while True:
        page = await exchange.list_objects(caller, wanted, match, added_after=None, page_size=size, page_token=token)
        found += page.items
        token = page.next_page_token
        if not token:
            return found


async def test_a_collection_of_its_own_is_always_there(exchange: ExchangeHandlers, a_caller: ACaller) -> None:
    (own,) = (await exchange.list_collections(a_caller("partner"), page_size=0, page_token="")).items
    assert (str(own.collection_id), own.tenant) == (HERE, "vinh")
    assert await everything(exchange, a_caller("partner")) == []


async def test_pages_follow_the_time_added_and_hold_everything_once(
    intake: IntakeHandlers, exchange: ExchangeHandlers, an_event: AnEvent, an_intake: AnIntake, a_caller: ACaller
) -> None:
    await intake.take(OWN, an_intake(*(an_event(0, source_ip=f"198.51.100.{number}") for number in range(9))))
    whole = await everything(exchange, a_caller())
    times = [each.added_at for each in whole]
    assert times == sorted(set(times))
    assert await everything(exchange, a_caller(), size=3) == whole
    assert {each.type for each in whole} >= {"identity", "marking-definition", "incident", "ipv4-addr", "relationship"}
    after = whole[4].added_at
    page = await exchange.list_objects(a_caller(), HERE, Match(), added_after=after, page_size=2, page_token="")
    assert list(page.items) == whole[5:7]
    rest = await exchange.list_objects(
        a_caller(), HERE, Match(), added_after=after, page_size=1000, page_token=page.next_page_token
    )
    assert list(rest.items) == whole[7:]


async def test_a_reader_who_follows_added_after_never_misses_what_others_commit(
    intake: IntakeHandlers, exchange: ExchangeHandlers, an_event: AnEvent, an_intake: AnIntake, a_caller: ACaller
) -> None:
    """Twelve writers commit in any order while one reader polls from where it stands: in the end it has all."""
    seen: list[ServedObject] = []
    writing = True

    async def poll() -> None:
        last: datetime | None = None
        while True:
            was_writing = writing
            page = await exchange.list_objects(
                a_caller(), HERE, Match(is_all=True), added_after=last, page_size=7, page_token=""
            )
            seen.extend(page.items)
            if page.items:
                last = page.items[-1].added_at
            elif not was_writing:
                return

    async def write(writer: int) -> None:
        for number in range(4):
            await intake.take(OWN, an_intake(an_event(number, source_ip=f"198.51.100.{writer}")))

    reader = asyncio.ensure_future(poll())
    await asyncio.gather(*(write(writer) for writer in range(12)))
    writing = False
    await reader
    assert seen == await everything(exchange, a_caller(), Match(is_all=True))
    assert sum(each.type == "incident" for each in seen) == 48


async def test_a_clock_that_goes_back_does_not_put_anything_behind_a_reader(
    intake: IntakeHandlers,
    exchange: ExchangeHandlers,
    an_event: AnEvent,
    an_intake: AnIntake,
    a_caller: ACaller,
    fixed_clock: FixedClock,
) -> None:
    await intake.take(OWN, an_intake(an_event(0)))
    last = (await everything(exchange, a_caller()))[-1].added_at
    fixed_clock.advance(-timedelta(hours=1))
    await intake.take(OWN, an_intake(an_event(1, at=fixed_clock.now())))
    page = await exchange.list_objects(
        a_caller(), HERE, Match(types=("incident",)), added_after=last, page_size=0, page_token=""
    )
    assert len(page.items) == 1


async def test_versions_are_first_last_all_or_one(
    intake: IntakeHandlers, exchange: ExchangeHandlers, an_event: AnEvent, an_intake: AnIntake, a_caller: ACaller
) -> None:
    for number in range(3):
        await intake.take(OWN, an_intake(an_event(number)))
    caller, types = a_caller(), ("incident",)
    every = await everything(exchange, caller, Match(types=types, is_last=False, is_all=True))
    assert len(every) == 3
    assert len({each.object_id for each in every}) == 1
    assert await everything(exchange, caller, Match(types=types)) == every[2:]
    assert await everything(exchange, caller, Match(types=types, is_last=False, is_first=True)) == every[:1]
    both = await everything(exchange, caller, Match(types=types, is_first=True))
    assert both == [every[0], every[2]]
    one = Match(types=types, is_last=False, versions=(every[1].version,))
    assert await everything(exchange, caller, one) == every[1:2]
    assert await everything(exchange, caller, Match(ids=(every[0].object_id,))) == every[2:]
    assert await everything(exchange, caller, Match(spec_versions=("2.0",))) == []
    assert await everything(exchange, caller, Match(types=types, spec_versions=("2.0", "2.1"))) == every[2:]


async def test_what_does_not_change_is_added_once(
    intake: IntakeHandlers, exchange: ExchangeHandlers, an_event: AnEvent, an_intake: AnIntake, a_caller: ACaller
) -> None:
    for number in range(4):
        await intake.take(OWN, an_intake(an_event(number), an_event(number, source_ip="198.51.100.1")))
    counts: dict[str, int] = {}
    for each in await everything(exchange, a_caller(), Match(is_all=True)):
        counts[each.type] = counts.get(each.type, 0) + 1
    assert counts == {
        "marking-definition": 2,
        "identity": 1,
        "ipv4-addr": 3,
        "incident": 8,
        "observed-data": 8,
        "relationship": 2,
    }


@pytest.mark.parametrize(
    ("tlp", "analyst", "partner", "province"),
    [
        (Tlp.GREEN, True, True, True),
        (Tlp.AMBER, True, True, True),
        (Tlp.AMBER_STRICT, True, False, False),
        (Tlp.RED, False, False, False),
    ],
)
async def test_nobody_gets_more_than_the_marking_allows(
    make_intake: Callable[..., IntakeHandlers],
    exchange: ExchangeHandlers,
    an_intake: AnIntake,
    a_caller: ACaller,
    tlp: Tlp,
    analyst: bool,
    partner: bool,
    province: bool,
) -> None:
    await make_intake(tlp=tlp).take(OWN, an_intake())
    callers = {
        a_caller("soc-analyst"): analyst,
        a_caller("partner"): partner,
        a_caller("soc-analyst", tenant="nghe-an", scope=Scope.PROVINCE): province,
        # A province caller who narrowed the call to the centre is still the province.
        a_caller("soc-analyst", tenant="vinh", scope=Scope.READ): province,
    }
    for caller, is_served in callers.items():
        types = {each.type for each in await everything(exchange, caller, Match(is_all=True))}
        assert ("incident" in types, "ipv4-addr" in types, "relationship" in types) == (is_served,) * 3
        assert "identity" in types


async def test_another_marking_does_not_break_what_was_added_before(
    make_intake: Callable[..., IntakeHandlers],
    exchange: ExchangeHandlers,
    an_event: AnEvent,
    an_intake: AnIntake,
    a_caller: ACaller,
) -> None:
    await make_intake(tlp=Tlp.AMBER).take(OWN, an_intake(an_event(0)))
    await make_intake(tlp=Tlp.AMBER_STRICT).take(OWN, an_intake(an_event(1)))
    types = [each.type for each in await everything(exchange, a_caller("partner"))]
    assert "incident" not in types
    assert "observed-data" not in types
    inside = await everything(exchange, a_caller("soc-analyst"), Match(types=("incident",)))
    assert len(inside) == 1


async def test_collections_stay_within_the_callers_reach(
    intake: IntakeHandlers, exchange: ExchangeHandlers, an_intake: AnIntake, a_caller: ACaller
) -> None:
    await intake.take(OWN, an_intake())
    stranger = a_caller("oc-admin", tenant="hoang-mai")
    with pytest.raises(CollectionNotFound):
        await everything(exchange, stranger)
    with pytest.raises(CollectionNotFound):
        await exchange.get_collection(stranger, "not a uuid\x00")
    province = a_caller("province-admin", tenant="nghe-an", scope=Scope.PROVINCE)
    page = await exchange.list_collections(province, page_size=1, page_token="")
    rest = await exchange.list_collections(province, page_size=1, page_token=page.next_page_token)
    assert [each.tenant for each in (*page.items, *rest.items)] == ["nghe-an", "vinh"]
    assert rest.next_page_token == ""
    assert await everything(exchange, province) == await everything(exchange, a_caller())


@pytest.mark.parametrize("token", ["x", "WyJhIl0", "WzkyMjMzNzIwMzY4NTQ3NzU4MDZd"])
async def test_a_forged_page_token_is_refused(exchange: ExchangeHandlers, a_caller: ACaller, token: str) -> None:
    with pytest.raises(InvalidInput):
        await exchange.list_objects(a_caller(), HERE, Match(), added_after=None, page_size=0, page_token=token)
