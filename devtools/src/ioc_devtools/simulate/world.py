"""The outside world, put together: who is in it, what it remembers, and how it runs and ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime

from rich.console import Console

from ioc_devtools.platform.state import CannotRun, StateFolder
from ioc_devtools.simulate.agency import Department
from ioc_devtools.simulate.air import MINUTES_A_DAY, Air
from ioc_devtools.simulate.centre import StampingCentre
from ioc_devtools.simulate.doors import Away, Doors, Refused
from ioc_devtools.simulate.memory import CentreMemory, DeviceMemory, Memory, MemoryFile
from ioc_devtools.simulate.mqtt_station import MqttStation
from ioc_devtools.simulate.rounds import Keep, Outsider, Tell, deliver_for_ever, deliver_once, this_minute
from ioc_devtools.simulate.sensors import EveSensor, SyslogHost
from ioc_devtools.simulate.stations import CENTRES, DEVICES

BACKFILL_MINUTES = MINUTES_A_DAY
MAX_CATCH_UP_MINUTES = 71 * 60
"""An hour less than the contracts' allowed lateness of 72 h: what is older would only go to quarantine."""


async def run_world(state: StateFolder, *, once: bool) -> None:
    """Delivers 24 h of backfill, then lives: a round a minute until SIGINT or SIGTERM, or one round with `once`.

    Raises CannotRun when no platform runs from the state folder at the start, when its world is simulated already, or
    when `once` cannot deliver.
    """
    state.run()
    file = MemoryFile(state.path / "simulator.json")
    with file.claimed():
        await _live(state, file, once=once)


async def _live(state: StateFolder, file: MemoryFile, *, once: bool) -> None:
    console = Console(highlight=False)
    minute = this_minute()
    memory = file.load(minute)

    def tell(name: str, text: str) -> None:
        console.print(f"{datetime.now().astimezone():%H:%M:%S} [bold]{name}[/bold] {text}", soft_wrap=True)

    def keep() -> None:
        file.keep(memory)

    _catch_up(memory, minute)
    keep()
    async with AsyncExitStack() as stack:
        doors = Doors(state)
        stack.push_async_callback(doors.aclose)
        outsiders = _population(doors, memory, keep, tell)
        for outsider in outsiders:
            stack.push_async_callback(outsider.aclose)
        if once:
            await _one_round(outsiders)
        else:
            await _until_stopped(outsiders, tell)


def _catch_up(memory: Memory, minute: int) -> None:
    """Makes room for everybody in the memory; nobody goes further back than may still be delivered."""
    for device in DEVICES:
        memory.devices.setdefault(device.station.code, DeviceMemory(sent_until=minute - BACKFILL_MINUTES))
    for centre in CENTRES:
        memory.centres.setdefault(centre.client, CentreMemory(sent_until=minute - BACKFILL_MINUTES))
    senders: list[DeviceMemory | CentreMemory] = [*memory.devices.values(), *memory.centres.values()]
    for each in senders:
        each.sent_until = max(each.sent_until, minute - MAX_CATCH_UP_MINUTES)


def _population(doors: Doors, memory: Memory, keep: Keep, tell: Tell) -> list[Outsider]:
    air = Air(memory.seed, memory.began)
    stations = [MqttStation(device, air, doors, memory.devices[device.station.code], keep, tell) for device in DEVICES]
    centres = [StampingCentre(centre, air, doors, memory.centres[centre.client], keep, tell) for centre in CENTRES]
    others: list[Outsider] = [
        Department(doors, memory, keep, tell),
        EveSensor(doors, memory, keep, tell),
        SyslogHost(doors, memory, keep, tell),
    ]
    return [*stations, *centres, *others]


async def _one_round(outsiders: Sequence[Outsider]) -> None:
    results = await asyncio.gather(*(deliver_once(each) for each in outsiders), return_exceptions=True)
    problems = []
    for outsider, result in zip(outsiders, results, strict=True):
        if isinstance(result, Away | Refused):
            problems.append(f"{outsider.name}: {result}")
        elif isinstance(result, BaseException):
            raise result
    if problems:
        raise CannotRun("not everything was delivered: " + "; ".join(problems))


async def _until_stopped(outsiders: Sequence[Outsider], tell: Tell) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    rounds = [asyncio.ensure_future(deliver_for_ever(each, tell)) for each in outsiders]
    stop = asyncio.ensure_future(stopping.wait())
    await asyncio.wait([*rounds, stop], return_when=asyncio.FIRST_COMPLETED)
    for task in (*rounds, stop):
        task.cancel()
    results = await asyncio.gather(*rounds, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result
