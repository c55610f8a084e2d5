"""What holds when parts fail: work is neither lost nor done twice, and the trace goes on."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ioc_kit.bus import Event
from ioc_kit.errors import Unavailable
from ioc_kit.sql import Database
from ioc_kit.tenancy import background
from ioc_kpi.domain.indicator import Aggregate, Indicator, Input, Subject, SubjectKind
from ioc_kpi.domain.period import Period, PeriodKind
from ioc_kpi.domain.query import HistoryQuery
from ioc_kpi.domain.series import Activity
from ioc_kpi.domain.text import LocalizedText
from ioc_kpi.domain.window import Answer, Figures
from ioc_kpi.domain.work import Pace, Work
from ioc_kpi.formulas.compiler import FormulaCompiler
from ioc_kpi.recompute import LEASE, Recomputer
from ioc_kpi.rpc.events import event_maker
from ioc_kpi.store.sql import SqlKpiStore

PM25 = "air-quality/pm25_ugm3/16690/aq-1"
HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
PACE = Pace(timedelta(0), timedelta(0), timedelta(minutes=5))


class Meter:
    """A ledger with one number everywhere."""

    def __init__(self):
        self.number = 30.0
        self.is_away = False
        self.asked = []

    async def read(self, tenant, windows, *, as_of_position=0):
        self.asked.append(list(windows))
        if self.is_away:
            raise Unavailable("away")
        return Answer({window: Figures(1, self.number, position=7) for window in windows}, 7)


@pytest.fixture
async def store(make_database, fixed_clock):
    urls = make_database("kpi", MIGRATIONS)
    database = Database(urls.runtime, "kpi")
    store = SqlKpiStore(database, event_maker(fixed_clock))
    mean = Indicator(
        set_code="VN-AQI",
        code="pm25_hourly_mean",
        name=LocalizedText("PM2.5"),
        formula="pm25",
        inputs=(Input("pm25", "air-quality", "pm25_ugm3", Aggregate.MEAN),),
        period=PeriodKind.HOUR,
        subject=SubjectKind.THING,
        version=1,
    )
    async with store.transaction(background("nghe-an")) as transaction:
        await transaction.put_indicator(mean)
    yield store
    await database.aclose()


@pytest.fixture
def meter():
    return Meter()


@pytest.fixture
def recomputer(store, meter, fixed_clock):
    return Recomputer(store, meter, FormulaCompiler(), fixed_clock, PACE)


def an_event(number=1, **headers):
    return Event(f"event-{number}", "", "", "", "vinh", NOW, b"", headers)


def an_hour_ago(key=PM25):
    return [Activity("vinh", key, NOW - HOUR, NOW - HOUR + timedelta(minutes=59))]


async def versions(store):
    async with store.transaction(background("")) as transaction:
        found = await transaction.list_history(HistoryQuery("VN-AQI/pm25_hourly_mean", has_versions=True))
    return [value for value, _ in found]


async def test_an_event_that_comes_twice_is_work_once(store, recomputer, meter):
    await recomputer.observe("c", an_event(), "air-quality", an_hour_ago(), 60)
    assert await recomputer.drain() == 1
    await recomputer.observe("c", an_event(), "air-quality", an_hour_ago(), 60)
    assert await recomputer.drain() == 0
    assert [value.value for value in await versions(store)] == [30.0]


async def test_a_burst_of_events_is_one_computation(store, recomputer, meter):
    for number in range(20):
        await recomputer.observe("c", an_event(number), "air-quality", an_hour_ago(), 60)
    assert await recomputer.drain() == 1
    assert len(meter.asked) == 1


async def test_the_windows_of_a_burst_are_one_question(store, recomputer, meter):
    for number in range(20):
        await recomputer.observe("c", an_event(number), "air-quality", an_hour_ago(f"{PM25}{number}"), 60)
    assert await recomputer.drain() == 20
    assert [len(asked) for asked in meter.asked] == [20]


async def test_work_waits_while_the_ledger_is_away(store, recomputer, meter, fixed_clock):
    await recomputer.observe("c", an_event(), "air-quality", an_hour_ago(), 60)
    meter.is_away = True
    assert await recomputer.drain() == 1
    assert await recomputer.drain() == 0
    meter.is_away = False
    fixed_clock.advance(timedelta(minutes=1))
    assert await recomputer.drain() == 1
    assert [value.value for value in await versions(store)] == [30.0]


async def test_work_of_a_worker_that_died_is_taken_over_and_the_dead_one_writes_nothing(
    store, recomputer, meter, fixed_clock
):
    await recomputer.observe("c", an_event(), "air-quality", an_hour_ago(), 60)
    (dead,) = await store.claim(fixed_clock.now(), LEASE, 10)
    assert await recomputer.drain() == 0
    fixed_clock.advance(LEASE + timedelta(seconds=1))
    assert await recomputer.drain() == 1
    async with store.transaction(background("vinh")) as transaction:
        assert not await transaction.settle(dead)
    assert len(await versions(store)) == 1


async def test_a_crash_before_the_commit_leaves_the_work_and_no_value(
    store, recomputer, meter, fixed_clock, monkeypatch
):
    await recomputer.observe("c", an_event(), "air-quality", an_hour_ago(), 60)
    real = store.transaction

    @asynccontextmanager
    async def crashing(tenancy):
        async with real(tenancy) as transaction:
            yield transaction
            if transaction._transaction._events:
                raise ConnectionResetError("the cable")

    monkeypatch.setattr(store, "transaction", crashing)
    await recomputer.drain()
    assert await versions(store) == []
    monkeypatch.setattr(store, "transaction", real)
    fixed_clock.advance(timedelta(minutes=2))
    assert await recomputer.drain() == 1
    assert [value.revision for value in await versions(store)] == [1]


async def test_work_that_is_touched_while_it_is_done_is_done_again(store, recomputer, meter):
    await recomputer.observe("c", an_event(1), "air-quality", an_hour_ago(), 60)
    read = meter.read

    async def touched_meanwhile(tenant, windows, **position):
        answer = await read(tenant, windows, **position)
        if meter.number == 30.0:
            meter.number = 40.0
            await recomputer.observe("c", an_event(2), "air-quality", an_hour_ago(), 60)
        return answer

    meter.read = touched_meanwhile
    assert await recomputer.drain() == 1
    assert await recomputer.drain() == 1
    assert await recomputer.drain() == 0
    assert [(value.value, value.revision) for value in await versions(store)] == [(30.0, 1), (40.0, 2)]


async def test_two_workers_share_the_work(store, meter, fixed_clock, recomputer):
    activities = [each for number in range(30) for each in an_hour_ago(f"{PM25}{number}")]
    await recomputer.observe("c", an_event(), "air-quality", activities, 60)
    first = await store.claim(fixed_clock.now(), LEASE, 20)
    second = await store.claim(fixed_clock.now(), LEASE, 20)
    keys = [claim.work.key for claim in (*first, *second)]
    assert (len(first), len(second), len(set(keys))) == (20, 10, 30)


async def test_one_value_that_cannot_be_written_does_not_hold_up_the_others(store, recomputer, meter, fixed_clock):
    activities = [each for number in range(3) for each in an_hour_ago(f"{PM25}{number}")]
    await recomputer.observe("c", an_event(), "air-quality", activities, 60)
    read = meter.read

    async def with_poison(tenant, windows, **position):
        answer = await read(tenant, windows, **position)
        answer.figures[windows[1]] = None
        return answer

    meter.read = with_poison
    await recomputer.drain()
    assert len(await versions(store)) == 2
    meter.read = read
    fixed_clock.advance(timedelta(minutes=2))
    assert await recomputer.drain() == 1
    assert len(await versions(store)) == 3


async def test_the_trace_of_the_reading_goes_on_in_the_value_and_its_event(spans, store, recomputer):
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await recomputer.observe("c", an_event(traceparent=parent), "air-quality", an_hour_ago(), 60)
    await recomputer.drain()
    (value,) = await versions(store)
    assert value.trace_id == "0af7651916cd43dd8448eb211c80319c"
    ended = {span.name: span for span in spans.get_finished_spans()}
    assert format(ended["kpi compute"].context.trace_id, "032x") == value.trace_id
    assert format(ended["kpi gather"].context.trace_id, "032x") == value.trace_id


async def test_a_number_that_vanishes_is_withdrawn_not_deleted(store, recomputer, meter):
    await recomputer.observe("c", an_event(1), "air-quality", an_hour_ago(), 60)
    await recomputer.drain()
    read = meter.read

    async def nothing_good(tenant, windows, **position):
        answer = await read(tenant, windows, **position)
        return Answer({window: Figures(bad=1, position=8) for window in answer.figures}, 8)

    meter.read = nothing_good
    await recomputer.observe("c", an_event(2), "air-quality", an_hour_ago(), 60)
    await recomputer.drain()
    before, after = await versions(store)
    assert (before.value, after.value, after.missing_reason.vi) == (30.0, None, "thiếu số liệu đầu vào pm25")
    assert before.known_to == after.known_from


async def test_work_that_waits_comes_due_at_the_earlier_of_two_times(store, fixed_clock):
    period = Period.containing(PeriodKind.HOUR, NOW)

    def work(due_at):
        return Work("vinh", "VN-AQI/x", Subject("16690", "aq-1"), period, due_at)

    async with store.transaction(background("vinh")) as transaction:
        await transaction.enqueue([work(NOW + HOUR)])
        await transaction.enqueue([work(NOW + timedelta(minutes=5))])
        await transaction.enqueue([work(NOW + 2 * HOUR)])
    assert await store.next_due() == NOW + timedelta(minutes=5)
