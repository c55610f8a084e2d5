import asyncio
import base64
import json
from datetime import UTC, datetime

import pytest
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from ioc_kit.bus import Consumer, DeadLetter, StreamSpec, Subscription, new_event
from ioc_kit.bus import consumer as consuming
from ioc_kit.bus.envelope import from_message
from ioc_kit.errors import InvalidInput, Unavailable

AT = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
STREAM = StreamSpec("KIT", ("ioc.*.kit.v1.>",))


def an_event(body, **changes):
    fields = {"tenant": "vinh", "source": "kit", "noun": "note", "verb": "written", "at": AT}
    return new_event(StringValue(value=body), **{**fields, **changes})


@pytest.fixture
def consume(bus):
    """Gives `consume(handle)`: runs a consumer of KIT beside the test."""
    tasks = []

    def start(handle):
        consumer = Consumer(bus, Subscription("KIT", "reader", ("ioc.*.kit.v1.>",)), handle)
        tasks.append(asyncio.ensure_future(consumer.run()))
        return consumer

    yield start
    for task in tasks:
        task.cancel()


async def dead(bus):
    return (await bus.jetstream.stream_info("DEADLETTERS")).state.messages


async def test_a_consumer_waits_for_its_stream_and_reads_in_order(bus, consume, eventually):
    read = []

    async def handle(event):
        read.append(event.read(StringValue).value)

    consumer = consume(handle)
    assert not consumer.is_bound
    await bus.declare([STREAM])
    for number in range(200):
        await bus.publish(an_event(str(number)))
    await eventually(lambda: len(read) == 200)
    assert read == [str(number) for number in range(200)]
    assert consumer.is_bound


async def test_what_may_pass_is_tried_again_and_what_follows_waits(bus, consume, eventually, monkeypatch):
    monkeypatch.setattr(consuming, "BACKOFF_SECONDS", (0.02, 0.02, 0.02))
    read, failures = [], [Unavailable("away"), ConnectionResetError()]

    async def handle(event):
        if event.read(StringValue).value == "first" and failures:
            raise failures.pop()
        read.append(event.read(StringValue).value)

    await bus.declare([STREAM])
    consume(handle)
    await bus.publish(an_event("first"))
    await bus.publish(an_event("second"))
    await eventually(lambda: len(read) == 2)
    assert read == ["first", "second"]
    assert await dead(bus) == 0


@pytest.mark.parametrize("error", [DeadLetter("not ours"), InvalidInput("never")])
async def test_what_cannot_pass_is_set_aside_with_its_reason(bus, consume, eventually, error):
    read = []

    async def handle(event):
        if event.read(StringValue).value == "bad":
            raise error
        read.append(event)

    await bus.declare([STREAM])
    consume(handle)
    await bus.publish(an_event("bad"))
    await bus.publish(an_event("good"))
    await eventually(lambda: len(read) == 1)
    assert await dead(bus) == 1
    letter = await bus.jetstream.get_msg("DEADLETTERS", 1)
    assert letter.subject == "dead.KIT.reader"
    assert str(error) in letter.headers["ioc-dead-reason"]
    assert StringValue.FromString(letter.data).value == "bad"


async def test_a_message_that_is_no_event_is_a_dead_letter(bus, consume, eventually):
    await bus.declare([STREAM])
    consume(lambda _event: asyncio.sleep(0))
    await bus.jetstream.publish("ioc.vinh.kit.v1.note.written", b"\xff\xfe")
    await eventually(lambda: dead(bus))


async def test_an_event_that_always_fails_ends_as_a_dead_letter(bus, consume, eventually, monkeypatch):
    monkeypatch.setattr(consuming, "BACKOFF_SECONDS", (0.01, 0.01))
    tries = []

    async def handle(event):
        tries.append(event.id)
        raise Unavailable("still away")

    await bus.declare([STREAM])
    consume(handle)
    await bus.publish(an_event("x"))
    await eventually(lambda: dead(bus))
    assert len(tries) == 3


async def test_the_same_event_published_twice_is_stored_once(bus):
    await bus.declare([STREAM])
    event = an_event("x")
    assert await bus.publish(event) == await bus.publish(event) == 1


def test_an_event_round_trips_in_binary_mode():
    event = an_event("Vinh")
    read = from_message(event.subject, event.data, event.headers, 7)
    assert (read.id, read.type, read.tenant, read.time, read.position) == (event.id, event.type, "vinh", AT, 7)
    assert read.read(StringValue).value == "Vinh"
    with pytest.raises(InvalidInput, match="ce-type"):
        read.read(Int32Value)


def test_structured_mode_is_read_as_well():
    document = {
        "specversion": "1.0",
        "id": "1",
        "source": "/x",
        "type": "google.protobuf.StringValue",
        "tenant": "vinh",
        "time": "2026-11-23T01:02:03Z",
        "data_base64": base64.b64encode(StringValue(value="hi").SerializeToString()).decode(),
    }
    headers = {"Content-Type": "application/cloudevents+json"}
    event = from_message("ioc.vinh.kit.v1.note.written", json.dumps(document).encode(), headers, 1)
    assert event.read(StringValue).value == "hi"


@pytest.mark.parametrize(
    "change", [{"ce-id": None}, {"ce-tenant": "hoang-mai"}, {"ce-time": "yesterday"}, {"ce-specversion": None}]
)
def test_an_event_that_contradicts_itself_is_refused(change):
    event = an_event("x")
    headers = {key: value for key, value in {**event.headers, **change}.items() if value is not None}
    with pytest.raises(InvalidInput):
        from_message(event.subject, event.data, headers, 1)
