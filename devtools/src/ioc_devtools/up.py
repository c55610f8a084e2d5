"""`ioc up`: starts, prints what a newcomer needs, stays, stops in order."""

from __future__ import annotations

import asyncio
import signal
import sys
import time

from rich.console import Console

from ioc_devtools.platform.processes import Child, PartSpec
from ioc_devtools.platform.services import ROOT, inherited
from ioc_devtools.platform.state import CannotRun, Run, StateFolder
from ioc_devtools.platform.supervisor import Supervisor
from ioc_devtools.platform.tokens import LOGINS


async def run_until_stopped(state: StateFolder, *, simulate: bool) -> None:
    """Brings the platform up and keeps it until SIGINT or SIGTERM. Raises CannotRun when a part does not stay."""
    console = Console(highlight=False)
    _refuse_a_second(state)
    state.prepare()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    started = time.monotonic()
    supervisor = Supervisor(state)
    died: Child | None = None
    try:
        starting = asyncio.ensure_future(_start(supervisor, console, simulate=simulate))
        stop = asyncio.ensure_future(stopping.wait())
        await asyncio.wait([starting, stop], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            _welcome(console, await starting, state, time.monotonic() - started)
            watching = asyncio.ensure_future(supervisor.watch())
            done, _ = await asyncio.wait([watching, stop], return_when=asyncio.FIRST_COMPLETED)
            died = watching.result() if watching in done else None
            watching.cancel()
        else:
            starting.cancel()
    finally:
        console.print("[dim]stopping ...[/dim]")
        await supervisor.stop(lambda text: console.print(f"[dim]  {text}[/dim]"))
    if died is not None:
        raise died.failure()
    console.print(f"stopped; the data stay in {state.path} (`ioc reset` empties it)")


async def _start(supervisor: Supervisor, console: Console, *, simulate: bool) -> Run:
    run = await supervisor.start(lambda text: console.print(f"[dim]  starting {text} ...[/dim]"))
    if simulate:
        command = [sys.executable, "-m", "ioc_devtools.cli", "simulate"]
        environment = inherited() | {"IOC_STATE": str(supervisor.state.path), "PYTHONUNBUFFERED": "1"}
        spec = PartSpec("simulator", command, environment, "-")
        supervisor.add(Child.start(spec, supervisor.state.folder("logs")))
        run = supervisor.state.run()
    return run


def _refuse_a_second(state: StateFolder) -> None:
    try:
        run = state.run()
    except CannotRun:
        return
    raise CannotRun(f"a platform runs from {state.path} already: {run.public_url} (process {run.supervisor_pid})")


def _welcome(console: Console, run: Run, state: StateFolder, seconds: float) -> None:
    password = state.secret("IOC_DEMO_PASSWORD")
    ioc = f"{ROOT / '.venv/bin/ioc'}" if (ROOT / ".venv/bin/ioc").exists() else "ioc"
    token = f'"Authorization: Bearer $({ioc} token --as truc.ban)"'
    api = f"{run.public_url}/api/v1"
    console.print(f"\n[bold]NgheanIOC[/bold] is up ({seconds:.1f} s): [bold]{run.public_url}[/bold]")
    console.print(
        f"data: {state.path} · Ctrl-C stops everything · MQTT {run.addresses['mqtt']} · gRPC {run.addresses['ingest']}"
    )
    console.print(f"\nLog-ins, all with the password [bold]{password}[/bold]")
    for login, role in LOGINS.items():
        console.print(f"  {login:<18} {role}")
    console.print("\nFive things to try in another terminal")
    tries = (
        ("what is up, and how old its data are", f"{ioc} status"),
        ("the newest numbers", f"curl -s -H {token} {api}/indicator-values/latest"),
        ("open alerts, then live events", f"curl -sN -H {token} {api}/events"),
        (
            "the security team's feed",
            f'curl -s -H "Authorization: Bearer $({ioc} token --as an.ninh)" {run.public_url}/taxii2/',
        ),
        ("the proof that nothing was lost, nothing doubled", f"{ioc} verify"),
    )
    for number, (text, command) in enumerate(tries, 1):
        console.print(f"  {number}. {text}\n     {command}", soft_wrap=True, markup=False)
