"""Contracts as they come from the registry: in force when whole, seen by every replica, older versions ended."""

import grpc
import pytest

from ioc_kit.rpc import error_from_call


@pytest.fixture
def outcome(push, a_batch):
    """Gives what a push of one reading comes to: `accepted`, `quarantined`, or the reason of the error."""
    numbers = iter(range(1000))

    async def of(service, key="air-quality/pm25_ugm3/16681/aq-1", tenant="vinh"):
        try:
            (receipt,) = await push(service, a_batch(f"o-{next(numbers)}", (10.0,), key=key), tenant=tenant)
        except grpc.aio.AioRpcError as error:
            return error_from_call(error).reason
        return "accepted" if receipt.accepted else "quarantined"

    return of


async def test_a_contract_is_in_force_for_the_doors_once_it_is_published(
    ingest, outcome, publish_contract, air_contract, eventually
):
    assert await outcome(ingest) == "SOURCE_UNKNOWN"
    await publish_contract(air_contract())

    async def is_accepted():
        return await outcome(ingest) == "accepted"

    await eventually(is_accepted, seconds=3)


async def test_a_contract_told_in_parts_is_in_force_when_all_parts_have_come(
    ingest, outcome, publish_contract, air_contract, eventually, connect
):
    sql = await connect(ingest.urls)
    contract = air_contract(things=tuple(f"aq-{n}" for n in range(10)))
    await publish_contract(contract, parts=3, only=(1, 3))
    await eventually(lambda: sql.fetchval("SELECT cardinality(parts_seen) = 2 FROM contract"))
    assert await outcome(ingest) == "SOURCE_UNKNOWN"
    await publish_contract(contract, parts=3, only=(2,))

    async def is_accepted():
        return await outcome(ingest, "air-quality/pm25_ugm3/16681/aq-5") == "accepted"

    await eventually(is_accepted)


async def test_a_series_that_a_new_version_no_longer_names_takes_nothing_and_stays_readable(
    under_contract, outcome, publish_contract, air_contract, eventually, as_role, connect
):
    from ioc.ingest.v1 import observation_pb2

    second = "air-quality/pm25_ugm3/16681/aq-2"
    assert await outcome(under_contract, second) == "accepted"
    await publish_contract(air_contract(version=2, things=("aq-1", "aq-3")))

    async def is_refused():
        return await outcome(under_contract, second) == "quarantined"

    await eventually(is_refused)
    assert await outcome(under_contract, "air-quality/pm25_ugm3/16681/aq-3") == "accepted"
    request = observation_pb2.ListObservationsRequest(series_key=second)

    async def is_readable():
        answer = await under_contract.observations.ListObservations(request, **as_role("partner"))
        return len(answer.observations) > 0

    await eventually(is_readable)
    sql = await connect(under_contract.urls)
    numbers = await sql.fetch("SELECT DISTINCT series_id FROM series WHERE key LIKE '%aq-1'")
    assert len(numbers) == 2  # the numbers of the ledger stay what they were, one for each measure


async def test_an_event_that_comes_twice_is_taken_in_once(
    ingest, bus, publish_contract, air_contract, eventually, connect
):
    sql = await connect(ingest.urls)
    await publish_contract(air_contract())
    await eventually(lambda: sql.fetchval("SELECT count(*) FROM inbox"))
    stored = await bus.jetstream.get_msg("REGISTRY", 1)
    again = {name: value for name, value in stored.headers.items() if name != "Nats-Msg-Id"}
    await bus.jetstream.publish(stored.subject, stored.data, headers=again)
    await publish_contract(air_contract(tenant="hoang-mai"))
    await eventually(lambda: sql.fetchval("SELECT count(*) = 2 FROM inbox"))
    assert await sql.fetchval("SELECT cardinality(parts_seen) FROM contract WHERE tenant = 'vinh'") == 1


async def test_a_replica_sees_what_another_one_took_in(
    ingest, start_service, outcome, publish_contract, air_contract, eventually
):
    async with start_service(ingest.urls) as replica:
        await publish_contract(air_contract())

        async def both_accept():
            return {await outcome(ingest), await outcome(replica)} == {"accepted"}

        await eventually(both_accept, seconds=3)


async def test_contracts_are_in_force_again_after_a_restart(
    fresh_urls, start_service, outcome, publish_contract, air_contract, eventually
):
    async with start_service(fresh_urls) as service:
        await publish_contract(air_contract())

        async def is_accepted():
            return await outcome(service) == "accepted"

        await eventually(is_accepted)
    async with start_service(fresh_urls) as service:
        assert await outcome(service) == "accepted"


async def test_a_contract_of_another_tenant_than_its_event_is_set_aside(
    ingest, bus, publish_contract, air_contract, eventually
):
    from datetime import UTC, datetime

    from ioc.registry.v1 import events_pb2
    from ioc_kit.bus import new_event

    message = events_pb2.ContractPublished(contract=air_contract(tenant="vinh"), part=1, parts=1)
    event = new_event(
        message, tenant="hoang-mai", source="registry", noun="contract", verb="published", at=datetime.now(UTC)
    )
    await bus.publish(event)

    async def is_set_aside():
        return (await bus.jetstream.stream_info("DEADLETTERS")).state.messages == 1

    await eventually(is_set_aside)
