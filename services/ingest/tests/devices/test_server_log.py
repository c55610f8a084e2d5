"""Lines of nats-server 2.15.1's log, as captured, and lines made to deceive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ioc_ingest.devices.incidents import Incident, IncidentCounter, IncidentKind
from ioc_ingest.devices.server_log import ServerLogWatch, read_line

HEAD = '[21818] 2026/11/23 20:54:45.775930 [ERR] 127.0.0.1:40691 - mid:29 - "aq1" - '
LINE = HEAD + 'Publish Violation - Subject "dev.vinh.other.readings"'


def test_violations_are_read() -> None:
    assert read_line(LINE) == Incident(IncidentKind.TOPIC_REFUSED, "aq1", 'Subject "dev.vinh.other.readings"')
    subscription = HEAD + 'Subscription Violation - Subject "dev.vinh.other.>", SID dev.vinh.other.>'
    assert read_line(subscription) == Incident(
        IncidentKind.SUBSCRIPTION_REFUSED, "aq1", 'Subject "dev.vinh.other.>", SID dev.vinh.other.>'
    )


@pytest.mark.parametrize(
    "line",
    [
        HEAD + "maximum payload exceeded: 1500029 vs 1048576",
        HEAD + 'authentication error - User "bad1"',
        "[1] 2026/11/23 20:54:44.655827 [INF] Server is ready",
        LINE.replace('"aq1"', r'"x\" - Publish Violation - \"aq1"'),
        LINE.replace('"aq1"', '"x" - "aq1"'),
        LINE.replace('"aq1"', '"ingest:0f"'),
        LINE.replace("mid:29", "cid:29"),
        "",
    ],
)
def test_any_other_line_counts_for_nobody(line: str) -> None:
    assert read_line(line) is None


async def test_the_watch_follows_the_log_over_its_rotation(
    tmp_path: Path, eventually: Callable[..., Awaitable[None]]
) -> None:
    counter = IncidentCounter()
    log = tmp_path / "nats.log"
    watching = asyncio.create_task(ServerLogWatch(log, counter).run())
    try:
        key = (IncidentKind.TOPIC_REFUSED, "aq1")
        # The watch starts on a file that is not there yet.
        await asyncio.sleep(0)
        log.write_text(LINE + "\n")
        await eventually(lambda: counter.counts[key] == 1)
        with log.open("a") as file:
            file.write(LINE[:30])
            file.flush()
            file.write(LINE[30:] + "\n" + LINE + "\n")
        await eventually(lambda: counter.counts[key] == 3)
        log.rename(tmp_path / "nats.log.2026")
        log.write_text(LINE + "\n")
        await eventually(lambda: counter.counts[key] == 4)
    finally:
        watching.cancel()


async def test_what_stood_in_the_log_before_is_not_counted(
    tmp_path: Path, eventually: Callable[..., Awaitable[None]]
) -> None:
    counter = IncidentCounter()
    log = tmp_path / "nats.log"
    log.write_text(LINE + "\n")
    watching = asyncio.create_task(ServerLogWatch(log, counter).run())
    try:
        await asyncio.sleep(0)
        with log.open("a") as file:
            file.write(LINE.replace("aq1", "aq2") + "\n")
        await eventually(lambda: counter.counts[(IncidentKind.TOPIC_REFUSED, "aq2")] == 1)
        assert counter.counts[(IncidentKind.TOPIC_REFUSED, "aq1")] == 0
    finally:
        watching.cancel()


def test_the_counter_stays_small_whoever_comes() -> None:
    counter = IncidentCounter()
    for number in range(20_000):
        counter(Incident(IncidentKind.NOT_DURABLE, f"d{number}", ""))
    assert counter.total(IncidentKind.NOT_DURABLE) == 20_000
    assert len(counter.counts) <= 10_001
    assert len(counter.last) <= 10_001
