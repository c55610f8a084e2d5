"""Syslog on a real TCP port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ioc_kit.errors import Unavailable
from ioc_kit.tenancy import Scope, Tenancy
from ioc_kit.testing import FixedClock
from ioc_soc_bridge.domain.event import Door, Intake, Receipt, RefusalReason
from ioc_soc_bridge.protocols.listener import Bounds, SyslogListener

LINE = b"<38>1 2026-11-23T00:30:11Z web-01 sshd 1 - - Failed password for root from 203.0.113.%d port 40122 ssh2"
Eventually = Callable[..., Awaitable[Any]]
Start = Callable[..., Any]


class Taken:
    """Keeps what a listener hands over; may be told to be away for a while."""

    def __init__(self) -> None:
        self.intakes: list[tuple[Tenancy, Intake]] = []
        self.away = 0

    async def take(self, tenancy: Tenancy, intake: Intake) -> Receipt:
        if self.away:
            self.away -= 1
            raise Unavailable("away")
        self.intakes.append((tenancy, intake))
        return Receipt(intake.received, len(intake.events), 0, {}, intake.refused, ())

    @property
    def sources(self) -> list[str]:
        return [event.source_ip for _, intake in self.intakes for event in intake.events]

    @property
    def reasons(self) -> list[RefusalReason]:
        return [line.reason for _, intake in self.intakes for line in intake.refused]


@pytest.fixture
def taken() -> Taken:
    """Where the lines go."""
    return Taken()


@pytest.fixture
def listening(taken: Taken, fixed_clock: FixedClock, eventually: Eventually) -> Start:
    """Gives `async with listening(...) as listener`."""

    @asynccontextmanager
    async def start(**bounds: Any) -> AsyncIterator[SyslogListener]:
        listener = SyslogListener("127.0.0.1", 0, "vinh", "fw-1", taken.take, fixed_clock, Bounds(**bounds))
        await listener.open()
        task = asyncio.ensure_future(listener.run())
        await eventually(lambda: listener.is_serving)
        yield listener
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return start


def counted(frame: bytes) -> bytes:
    return str(len(frame)).encode() + b" " + frame


async def test_counted_frames_come_in_under_the_tenant_of_the_port(
    listening: Start, taken: Taken, eventually: Eventually
) -> None:
    async with listening() as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        stream = b"".join(counted(LINE % number) for number in range(100))
        for start in range(0, len(stream), 37):
            writer.write(stream[start : start + 37])
            await writer.drain()
        await eventually(lambda: len(taken.sources) == 100)
        writer.close()
    assert taken.sources == [f"203.0.113.{number}" for number in range(100)]
    assert {(tenancy.tenant, tenancy.scope) for tenancy, _ in taken.intakes} == {("vinh", Scope.SYSTEM)}
    assert {(intake.door, intake.sensor) for _, intake in taken.intakes} == {(Door.SYSLOG, "fw-1")}


async def test_lines_without_counts_come_in_and_the_last_may_lack_its_end(
    listening: Start, taken: Taken, eventually: Eventually
) -> None:
    async with listening() as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(LINE % 1 + b"\n" + LINE % 2)
        writer.write_eof()
        await eventually(lambda: len(taken.sources) == 2)
        writer.close()


async def test_a_malformed_frame_is_refused_and_the_connection_goes_on(
    listening: Start, taken: Taken, eventually: Eventually
) -> None:
    async with listening() as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(counted(b"<34>Oct 11 22:14:15 mymachine su: old style") + counted(LINE % 7))
        await eventually(lambda: taken.sources == ["203.0.113.7"])
        writer.close()
    assert taken.reasons == [RefusalReason.NOT_RFC5424]


async def test_something_else_than_syslog_is_kept_and_cut_off(listening: Start, taken: Taken) -> None:
    async with listening() as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
    assert taken.reasons == [RefusalReason.BAD_FRAME]


async def test_trickled_bytes_do_not_hold_a_connection(listening: Start, taken: Taken) -> None:
    async with listening(frame_seconds=0.3, idle_seconds=60.0) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"50 <34>1 ")

        async def trickle() -> None:
            while not writer.is_closing():
                writer.write(b"x")
                await asyncio.wait({closed}, timeout=0.05)

        closed = asyncio.ensure_future(reader.read())
        trickling = asyncio.ensure_future(trickle())
        began = asyncio.get_running_loop().time()
        await asyncio.wait({closed}, timeout=10)
        # Fifty bytes at this pace would take 2.5 s: the frame's own time ended it.
        assert closed.done()
        assert asyncio.get_running_loop().time() - began < 2.0
        writer.close()
        await asyncio.gather(trickling, closed, return_exceptions=True)
    assert taken.reasons == [RefusalReason.BAD_FRAME]


async def test_a_silent_connection_is_closed(listening: Start) -> None:
    async with listening(idle_seconds=0.1) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_connections_are_bounded(listening: Start, taken: Taken, eventually: Eventually) -> None:
    async with listening(max_connections=2) as listener:
        first = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(2)]
        await eventually(lambda: listener.connections == 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        first[0][1].write(counted(LINE % 1))
        await eventually(lambda: len(taken.sources) == 1)
        for _, open_writer in first:
            open_writer.close()
        await eventually(lambda: listener.connections == 0)


async def test_lines_wait_while_the_database_is_away(listening: Start, taken: Taken, eventually: Eventually) -> None:
    taken.away = 1
    async with listening() as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(counted(LINE % 1))
        writer.write_eof()
        await eventually(lambda: taken.sources == ["203.0.113.1"])
        writer.close()


async def test_what_was_read_is_stored_although_the_listener_ends(
    listening: Start, taken: Taken, eventually: Eventually
) -> None:
    taken.away = 1
    async with listening() as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(counted(LINE % 1))
        # The first try has failed and the second waits: now the listener is told to end.
        await eventually(lambda: taken.away == 0)
        assert not taken.sources
    assert taken.sources == ["203.0.113.1"]
    writer.close()


async def test_a_taken_port_is_said_so(listening: Start, taken: Taken, fixed_clock: FixedClock) -> None:
    async with listening() as listener:
        second = SyslogListener("127.0.0.1", listener.port, "vinh", "x", taken.take, fixed_clock, Bounds())
        with pytest.raises(RuntimeError, match="cannot listen for syslog"):
            await second.open()
