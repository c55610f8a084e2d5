import asyncio
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from sqlalchemy import text

from ioc_kit.bus import StreamSpec, new_event
from ioc_kit.errors import Forbidden, InvalidInput, Unavailable
from ioc_kit.sql import Database, OutboxRelay
from ioc_kit.sql.migrations import upgrade
from ioc_kit.tenancy import Scope, Tenancy, background

MIGRATIONS = Path(__file__).parent / "migrations"
AT = datetime(2026, 11, 23, tzinfo=UTC)
VINH, HOANG_MAI = Tenancy("vinh", Scope.OWN), Tenancy("hoang-mai", Scope.OWN)


@pytest.fixture
def urls(make_database):
    return make_database("kit", MIGRATIONS)


@pytest.fixture
async def database(urls):
    database = Database(urls.runtime, "kit")
    yield database
    await database.aclose()


async def put(database, tenancy, tenant, number, body="x"):
    async with database.transaction(tenancy) as transaction:
        await transaction.session.execute(
            text("INSERT INTO note VALUES (:tenant, :id, :body)"), {"tenant": tenant, "id": number, "body": body}
        )


async def seen(database, tenancy):
    async with database.transaction(tenancy) as transaction:
        return list(await transaction.session.scalars(text("SELECT id FROM note ORDER BY id")))


async def test_each_scope_sees_and_writes_what_it_may(database):
    await put(database, VINH, "vinh", 1)
    await put(database, background("nghe-an"), "hoang-mai", 2)
    assert await seen(database, VINH) == [1]
    assert await seen(database, HOANG_MAI) == [2]
    assert await seen(database, Tenancy("nghe-an", Scope.PROVINCE)) == [1, 2]
    assert await seen(database, Tenancy("vinh", Scope.READ)) == [1]
    for tenancy in (HOANG_MAI, Tenancy("nghe-an", Scope.PROVINCE), Tenancy("vinh", Scope.READ)):
        with pytest.raises(Forbidden):
            await put(database, tenancy, "vinh", 3)


async def test_without_a_tenancy_nothing_is_seen(database, urls):
    await put(database, VINH, "vinh", 1)
    assert await seen(database, Tenancy("", Scope.OWN)) == []
    connection = await asyncpg.connect(urls.runtime)
    assert await connection.fetch("SELECT * FROM kit.note") == []
    await connection.close()


async def test_the_setting_does_not_outlive_its_transaction(database):
    await put(database, VINH, "vinh", 1)
    for _ in range(10):  # every pooled connection has been used by vinh before
        assert await seen(database, HOANG_MAI) == []


async def test_an_event_goes_out_with_its_change_or_not_at_all(database, urls, bus, eventually):
    await bus.declare([StreamSpec("KIT", ("ioc.*.kit.v1.>",))])
    relay = asyncio.ensure_future(OutboxRelay(urls.runtime, "kit", bus).run())

    def event(body):
        return new_event(StringValue(value=body), tenant="vinh", source="kit", noun="note", verb="written", at=AT)

    with pytest.raises(ZeroDivisionError):  # noqa: PT012  # the block is what rolls back
        async with database.transaction(VINH) as transaction:
            transaction.emit(event("never"))
            raise ZeroDivisionError
    async with database.transaction(VINH) as transaction:
        transaction.emit(*(event(str(number)) for number in range(20)))
    await eventually(lambda: _count(bus, 20))
    messages = [await bus.jetstream.get_msg("KIT", number) for number in range(1, 21)]
    assert [StringValue.FromString(m.data).value for m in messages] == [str(number) for number in range(20)]
    async with database.transaction(VINH) as transaction:
        assert await transaction.session.scalar(text("SELECT count(*) FROM outbox")) == 0
    relay.cancel()
    await asyncio.gather(relay, return_exceptions=True)


async def _count(bus, wanted):
    return (await bus.jetstream.stream_info("KIT")).state.messages == wanted


async def test_an_event_is_taken_once(database):
    event = new_event(StringValue(value="x"), tenant="vinh", source="kit", noun="note", verb="written", at=AT)
    async with database.transaction(VINH) as transaction:
        assert await transaction.once("reader", event)
    async with database.transaction(VINH) as transaction:
        assert not await transaction.once("reader", event)
        assert await transaction.once("another", event)


async def test_a_nul_character_is_the_callers_mistake(database):
    with pytest.raises(InvalidInput):
        await put(database, VINH, "vinh", 1, "a\x00b")


async def test_a_server_that_is_away_is_unavailable():
    database = Database("postgresql://nobody:x@127.0.0.1:1/none", "kit")
    with pytest.raises(Unavailable):
        await database.ping()
    await database.aclose()


def test_migrating_again_changes_nothing(urls):
    upgrade(MIGRATIONS, urls.owner, "kit")
