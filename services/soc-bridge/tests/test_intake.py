"""From events to stored incidents, on the real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ioc.soc.v1 import events_pb2 as pb
from ioc_kit.errors import Forbidden, InvalidInput
from ioc_kit.sql import Database
from ioc_kit.tenancy import Caller, Scope, Tenancy, background
from ioc_kit.testing import FixedClock
from ioc_soc_bridge.domain.errors import IncidentNotFound
from ioc_soc_bridge.domain.event import RefusalReason, SecurityEvent, refused
from ioc_soc_bridge.domain.exchange import Centre
from ioc_soc_bridge.domain.incident import IncidentState, opened
from ioc_soc_bridge.domain.severity import Severity
from ioc_soc_bridge.handlers import IncidentHandlers, IntakeHandlers
from ioc_soc_bridge.store.sql import SqlSocStore

OWN = Tenancy("vinh", Scope.OWN)
AnEvent = Callable[..., SecurityEvent]
ACaller = Callable[..., Caller]


async def rows(database: Database, query: str, tenant: str = "vinh") -> list[Any]:
    async with database.transaction(background(tenant)) as transaction:
        return list(await transaction.session.execute(text(query)))


async def test_books_balance(intake: IntakeHandlers, an_event: AnEvent, an_intake: Callable[..., Any]) -> None:
    events = [an_event(0), an_event(1), an_event(1)]
    bad = refused(RefusalReason.NOT_JSON, "is not JSON", b"x", 4)
    receipt = await intake.take(OWN, an_intake(*events, refused=(bad,), ignored={"flow": 2}))
    assert (receipt.received, receipt.accepted, receipt.duplicate, len(receipt.quarantined)) == (6, 2, 1, 1)
    assert receipt.received == receipt.accepted + receipt.duplicate + sum(receipt.ignored.values()) + 1
    assert len(receipt.incident_ids) == 1


async def test_the_same_submission_again_changes_nothing(
    intake: IntakeHandlers,
    incidents: IncidentHandlers,
    database: Database,
    an_event: AnEvent,
    an_intake: Callable[..., Any],
    a_caller: ACaller,
) -> None:
    await intake.take(OWN, an_intake(an_event(0), an_event(1)))
    before = await rows(database, "SELECT count(*), max(added_at) FROM stix_object")
    again = await intake.take(OWN, an_intake(an_event(0), an_event(1)))
    assert (again.accepted, again.duplicate, again.incident_ids) == (0, 2, ())
    (incident,) = (await incidents.list(a_caller(), minimum=None, page_size=0, page_token="")).items
    assert incident.event_count == 2
    assert await rows(database, "SELECT count(*), max(added_at) FROM stix_object") == before


async def test_twenty_writers_at_once_make_one_open_incident_that_counts_all(
    intake: IntakeHandlers,
    incidents: IncidentHandlers,
    an_event: AnEvent,
    an_intake: Callable[..., Any],
    a_caller: ACaller,
) -> None:
    await asyncio.gather(*(intake.take(OWN, an_intake(an_event(number))) for number in range(20)))
    (incident,) = (await incidents.list(a_caller(), minimum=None, page_size=0, page_token="")).items
    assert (incident.event_count, incident.state) == (20, IncidentState.OPEN)


async def test_the_database_itself_refuses_a_second_open_incident(
    store: SqlSocStore, an_event: AnEvent, fixed_clock: FixedClock
) -> None:
    first, second = (opened("vinh", an_event(number), fixed_clock.now()) for number in (0, 1))
    assert first.key == second.key

    async def put_both() -> None:
        async with store.transaction(OWN) as transaction:
            await transaction.put_incidents([first])
            await transaction.put_incidents([second])

    with pytest.raises(IntegrityError, match="one_open_incident_per_key"):
        await put_both()


async def test_silence_closes_and_the_next_event_opens_another(
    intake: IntakeHandlers,
    incidents: IncidentHandlers,
    an_event: AnEvent,
    an_intake: Callable[..., Any],
    a_caller: ACaller,
    fixed_clock: FixedClock,
) -> None:
    await intake.take(OWN, an_intake(an_event(0)))
    assert await intake.close_quiet() == 0
    fixed_clock.advance(timedelta(minutes=61))
    assert await intake.close_quiet() == 1
    assert await intake.close_quiet() == 0
    await intake.take(OWN, an_intake(an_event(1, at=fixed_clock.now())))
    found = (await incidents.list(a_caller(), minimum=None, page_size=0, page_token="")).items
    assert [each.state for each in found] == [IncidentState.OPEN, IncidentState.CLOSED]


async def test_events_go_out_with_the_change(
    intake: IntakeHandlers, database: Database, an_event: AnEvent, an_intake: Callable[..., Any]
) -> None:
    await intake.take(OWN, an_intake(an_event(0)))
    await intake.take(OWN, an_intake(an_event(1)))
    found = await rows(database, "SELECT subject, headers, data FROM outbox ORDER BY id")
    assert [row.subject for row in found] == ["ioc.vinh.soc.v1.incident.opened", "ioc.vinh.soc.v1.incident.updated"]
    assert found[0].headers["ce-type"] == "ioc.soc.v1.IncidentOpened"
    updated = pb.IncidentUpdated.FromString(found[1].data).incident
    assert (updated.event_count, updated.source_ip, updated.tenant) == (2, "203.0.113.7", "vinh")


async def test_an_ordinary_line_is_kept_and_opens_nothing(
    intake: IntakeHandlers, database: Database, an_event: AnEvent, an_intake: Callable[..., Any]
) -> None:
    receipt = await intake.take(OWN, an_intake(an_event(0, severity=Severity.INFO)))
    assert (receipt.accepted, receipt.incident_ids) == (1, ())
    assert await rows(database, "SELECT incident_id FROM security_event") == [(None,)]
    assert await rows(database, "SELECT * FROM incident") == []


async def test_a_refused_line_is_kept_once_with_how_often_it_came(
    intake: IntakeHandlers,
    incidents: IncidentHandlers,
    an_intake: Callable[..., Any],
    an_event: AnEvent,
    a_caller: ACaller,
    fixed_clock: FixedClock,
) -> None:
    line = refused(RefusalReason.NOT_RFC5424, "the header is not RFC 5424", b"\x00\xff<34>" + b"x" * 20_000)
    bad = an_intake(an_event(0), refused=(line, replace(line, line=2)))
    await intake.take(OWN, bad)
    fixed_clock.advance(timedelta(days=1))
    await intake.take(OWN, bad)
    page = await incidents.list_quarantined(a_caller(), page_size=0, page_token="")
    (kept,) = page.items
    assert (kept.times, kept.size_bytes, len(kept.original)) == (4, 20_006, 8192)
    assert kept.last_at - kept.first_at == timedelta(days=1)
    fixed_clock.advance(timedelta(days=31))
    assert await intake.prune() == 1
    assert not (await incidents.list_quarantined(a_caller(), page_size=0, page_token="")).items


async def test_events_are_kept_for_their_time_and_no_longer(
    intake: IntakeHandlers,
    database: Database,
    an_intake: Callable[..., Any],
    an_event: AnEvent,
    fixed_clock: FixedClock,
) -> None:
    await intake.take(OWN, an_intake(an_event(0)))
    fixed_clock.advance(timedelta(days=366))
    await intake.take(OWN, an_intake(an_event(1)))
    assert await intake.prune() == 0
    fixed_clock.advance(timedelta(seconds=1))
    assert await intake.prune() == 1
    (kept,) = await rows(database, "SELECT fingerprint FROM security_event")
    assert kept.fingerprint == an_event(1).fingerprint


async def test_a_tenant_sees_nothing_of_another(
    intake: IntakeHandlers,
    incidents: IncidentHandlers,
    an_intake: Callable[..., Any],
    an_event: AnEvent,
    a_caller: ACaller,
) -> None:
    bad = refused(RefusalReason.NOT_JSON, "is not JSON", b"x")
    receipt = await intake.take(OWN, an_intake(an_event(0), refused=(bad,)))
    other = a_caller("oc-admin", tenant="hoang-mai")
    assert not (await incidents.list(other, minimum=None, page_size=0, page_token="")).items
    assert not (await incidents.list_quarantined(other, page_size=0, page_token="")).items
    with pytest.raises(IncidentNotFound):
        await incidents.get(other, str(receipt.incident_ids[0]))
    province = a_caller("soc-analyst", tenant="nghe-an", scope=Scope.PROVINCE)
    assert (await incidents.get(province, str(receipt.incident_ids[0]))).tenant == "vinh"


async def test_the_same_event_at_two_tenants_is_two(
    intake: IntakeHandlers, an_event: AnEvent, an_intake: Callable[..., Any]
) -> None:
    here = await intake.take(OWN, an_intake(an_event(0)))
    there = await intake.take(Tenancy("hoang-mai", Scope.OWN), an_intake(an_event(0)))
    assert (here.accepted, there.accepted) == (1, 1)
    assert here.incident_ids != there.incident_ids


async def test_who_only_reads_a_tenant_cannot_submit_there(
    intake: IntakeHandlers, database: Database, an_intake: Callable[..., Any]
) -> None:
    with pytest.raises(Forbidden):
        await intake.take(Tenancy("vinh", Scope.READ), an_intake())
    await intake.take(OWN, an_intake())
    # Also where there is nothing to insert but the turn, which exists by now.
    with pytest.raises(Forbidden):
        await intake.take(Tenancy("vinh", Scope.READ), an_intake())
    assert len(await rows(database, "SELECT * FROM security_event")) == 1


async def test_pages_of_incidents_neither_skip_nor_repeat(
    intake: IntakeHandlers,
    incidents: IncidentHandlers,
    an_event: AnEvent,
    an_intake: Callable[..., Any],
    a_caller: ACaller,
) -> None:
    events = [an_event(0, source_ip=f"198.51.100.{number}") for number in range(25)]
    await intake.take(OWN, an_intake(*events))
    seen, token = [], ""
    while True:
        page = await incidents.list(a_caller(), minimum=Severity.MEDIUM, page_size=10, page_token=token)
        seen += [each.key.source_ip for each in page.items]
        token = page.next_page_token
        if not token:
            break
    assert sorted(seen) == sorted(event.source_ip for event in events)
    assert not (await incidents.list(a_caller(), minimum=Severity.HIGH, page_size=10, page_token="")).items
    with pytest.raises(InvalidInput):
        await incidents.list(a_caller(), minimum=None, page_size=10, page_token="WzEsInh4Il0")


async def test_the_centre_keeps_its_name_and_the_same_one_again_is_no_news(
    intake: IntakeHandlers, store: SqlSocStore, fixed_clock: FixedClock
) -> None:
    now = fixed_clock.now()
    await intake.name_centre(Centre("vinh", "Vinh", "", now))
    await intake.name_centre(Centre("vinh", "Vinh", "", now + timedelta(days=1)))
    async with store.transaction(OWN) as transaction:
        assert await transaction.centre("vinh") == Centre("vinh", "Vinh", "", now)
    await intake.name_centre(Centre("vinh", "Vinh", "Vinh city", now + timedelta(days=2)))
    async with store.transaction(OWN) as transaction:
        assert (await transaction.centre("vinh")).name_en == "Vinh city"
