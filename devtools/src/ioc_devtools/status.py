"""`ioc status`: what a person at three in the morning wants to see first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import grpc
import psutil
from rich.console import Console
from rich.table import Table

from ioc.ingest.v1 import observation_pb2, observation_pb2_grpc
from ioc.kpi.v1 import value_pb2, value_pb2_grpc
from ioc_devtools.platform.probes import answers, is_serving
from ioc_devtools.platform.services import SCHEMAS
from ioc_devtools.platform.state import CannotRun, Run, RunningPart, StateFolder, is_alive
from ioc_devtools.platform.tokens import Tokens
from ioc_kit.rpc.client import token_metadata

READER = "truc.ban"
_CALL_SECONDS = 5.0


async def look(state: StateFolder) -> dict[str, Any]:
    """`{"ready": bool, "parts": [{"name", "ready", "address", "pid", "rss_mb", "last_data_age_s"}]}`.

    `rss_mb` is the proportional share (PSS) of a part and its children, so that the parts add up to what they take.
    """
    run = state.run()
    parts = await asyncio.gather(*(_look_at(part, run, state) for part in run.parts))
    return {"ready": all(part["ready"] for part in parts), "parts": list(parts)}


async def _look_at(part: RunningPart, run: Run, state: StateFolder) -> dict[str, Any]:
    is_ready = is_alive(part.pid) and await _answers(part, run)
    age = await _data_age(part.name, run, state) if is_ready else None
    return {
        "name": part.name,
        "ready": is_ready,
        "address": part.address,
        "pid": part.pid,
        "rss_mb": round(memory_mb(part.pid), 1),
        "last_data_age_s": None if age is None else round(age, 1),
    }


async def _answers(part: RunningPart, run: Run) -> bool:
    if part.name in SCHEMAS:
        return await is_serving(part.address)
    if part.name == "gateway":
        return await answers(f"{run.public_url}/readyz")
    if part.name == "identity":
        return await answers(f"{run.issuer}/.well-known/openid-configuration")
    if part.name == "nats":
        return await answers(f"http://{run.addresses['nats-monitor']}/healthz")
    return True


async def _data_age(name: str, run: Run, state: StateFolder) -> float | None:
    """Seconds since the newest reading arrived (ingest) or the newest value was computed (kpi); None without any."""
    if name not in ("ingest", "kpi"):
        return None
    try:
        metadata = token_metadata(await Tokens(run.issuer, state).of_login(READER))
        async with grpc.aio.insecure_channel(run.addresses[name]) as channel:
            if name == "ingest":
                sources = await observation_pb2_grpc.StatusServiceStub(channel).ListSourceStatus(
                    observation_pb2.ListSourceStatusRequest(), metadata=metadata, timeout=_CALL_SECONDS
                )
                stamps = [each.last_received_at for each in sources.sources if each.HasField("last_received_at")]
            else:
                values = await value_pb2_grpc.ValueServiceStub(channel).ListLatestValues(
                    value_pb2.ListLatestValuesRequest(page_size=1000), metadata=metadata, timeout=_CALL_SECONDS
                )
                stamps = [each.computed_at for each in values.values if each.HasField("computed_at")]
    except (CannotRun, grpc.aio.AioRpcError):
        return None
    newest = max((stamp.ToDatetime(tzinfo=UTC) for stamp in stamps), default=None)
    return None if newest is None else max((datetime.now(UTC) - newest).total_seconds(), 0.0)


def memory_mb(pid: int) -> float:
    """Proportional set size of a process and its children, in MB; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    total = 0
    for each in family:
        try:
            total += each.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 1024**2


def show(found: dict[str, Any]) -> None:
    """A table on a terminal, plain columns in a pipe."""
    console = Console()
    total = sum(part["rss_mb"] for part in found["parts"])
    if not console.is_terminal:
        for part in found["parts"]:
            print(
                *(
                    part["name"],
                    "ready" if part["ready"] else "DOWN",
                    part["address"],
                    part["rss_mb"],
                    part["last_data_age_s"],
                ),
                sep="\t",
            )
        return
    table = Table(title="NgheanIOC", caption=f"{total:.0f} MB together")
    for heading in ("part", "ready", "address", "pid", "MB", "data age"):
        table.add_column(heading, justify="right" if heading in ("pid", "MB", "data age") else "left")
    for part in found["parts"]:
        age = part["last_data_age_s"]
        mark = "[green]yes[/green]" if part["ready"] else "[bold red]NO[/bold red]"
        table.add_row(
            part["name"],
            mark,
            part["address"],
            str(part["pid"]),
            f"{part['rss_mb']:.0f}",
            "" if age is None else f"{age:.0f} s",
        )
    console.print(table)
