"""The whole path in one run: batches to stored beside a bare COPY, a reading to its alert on SSE, memory, start.

    make bench NAME=path

Starts a platform of its own on free ports with durable settings, and measures the ceiling in the same PostgreSQL.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import asyncpg
import grpc
import httpx
import numpy as np

from ioc.ingest.v1 import balance_pb2, balance_pb2_grpc, intake_pb2, intake_pb2_grpc
from ioc_devtools.platform.launched import launched_platform
from ioc_devtools.platform.state import Run, StateFolder
from ioc_devtools.platform.tokens import Tokens
from ioc_devtools.status import memory_mb
from ioc_kit.rpc.client import OPTIONS, token_metadata
from tests.bench import report, world

SERIES, STEPS, ROWS_PER_BATCH = 2_000, 500, 20_000
WARM_UP_BATCHES = 5
DEVICES, MESSAGES_PER_SECOND, SECONDS = 100, 100, 20
HIGH, LOW = 300.0, 50.0
"""Either side of the rule `pm25-minute-above`: raise above 250, resolve at 200."""
CROSS_EVERY = 5
"""One reading in so many of each device crosses the threshold; the next one lets the alert resolve."""
IN_FLIGHT = 8


def batches(keys: list[str], start: datetime, steps: int) -> list[intake_pb2.ObservationBatch]:
    """Readings of every series at each step, a second apart, in batches of ROWS_PER_BATCH."""
    random = np.random.default_rng(655)
    per_batch = ROWS_PER_BATCH // len(keys)
    made = []
    for first in range(0, steps, per_batch):
        times = int(start.timestamp() * 1_000_000) + 1_000_000 * np.arange(first, first + per_batch)
        made.append(
            intake_pb2.ObservationBatch(
                series_keys=keys,
                series_index=np.repeat(np.arange(len(keys)), per_batch).tolist(),
                time_us=np.tile(times, len(keys)).tolist(),
                value=random.uniform(5, 80, per_batch * len(keys)).round(1).tolist(),
            )
        )
    return made


async def push(run: Run, token: str, prefix: str, todo: list[intake_pb2.ObservationBatch]) -> int:
    """Sends batches over one stream, IN_FLIGHT at a time; returns how many readings were accepted."""
    window = asyncio.Semaphore(IN_FLIGHT)
    accepted = 0

    async def requests():  # type: ignore[no-untyped-def]
        for number, batch in enumerate(todo):
            await window.acquire()
            yield intake_pb2.PushBatchesRequest(batch_id=f"{prefix}-{number}", source=world.BATCH_SOURCE, batch=batch)

    async with grpc.aio.insecure_channel(run.addresses["ingest"], options=OPTIONS) as channel:
        stub = intake_pb2_grpc.IntakeServiceStub(channel)
        async for answer in stub.PushBatches(requests(), metadata=token_metadata(token)):
            window.release()
            if answer.receipt.quarantined:
                raise SystemExit(f"{answer.receipt.quarantined} readings were quarantined: the bench measures nothing")
            accepted += answer.receipt.accepted
    return accepted


async def stored(run: Run, token: str) -> int:
    """Readings of the bench's source that are in the ledger, by the books."""
    async with grpc.aio.insecure_channel(run.addresses["ingest"]) as channel:
        stub = balance_pb2_grpc.BalanceServiceStub(channel)
        request = balance_pb2.GetBalanceRequest(source=world.BATCH_SOURCE)
        answer = await stub.GetBalance(request, metadata=token_metadata(token))
    return sum(row.stored for row in answer.rows)


async def measure_batches(state: StateFolder, run: Run, keys: list[str]) -> float:
    """Readings a second from the first byte sent to the last reading stored and seen through the API."""
    tokens = Tokens(run.issuer, state)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=10)
    warm = batches(keys, start, WARM_UP_BATCHES * ROWS_PER_BATCH // len(keys))
    todo = batches(keys, start + timedelta(days=1), STEPS)
    before = await push(run, await tokens.of(world.BATCH_CLIENT), "warm", warm)
    await until_stored(state, run, before)
    began = time.perf_counter()
    accepted = await push(run, await tokens.of(world.BATCH_CLIENT), "bench", todo)
    await until_stored(state, run, before + accepted)
    return accepted / (time.perf_counter() - began)


async def until_stored(state: StateFolder, run: Run, wanted: int, seconds: float = 60.0) -> None:
    """Polls the books until `wanted` readings are stored."""
    token = await Tokens(run.issuer, state).of(world.BATCH_CLIENT)
    deadline = time.monotonic() + seconds
    while (found := await stored(run, token)) < wanted:
        if time.monotonic() > deadline:
            raise SystemExit(f"only {found} of {wanted} readings were stored after {seconds:.0f} s")
        await asyncio.sleep(0.02)


async def measure_copy(state: StateFolder, run: Run) -> float:
    """Rows a second of a binary COPY into a table like the ledger's newest partition, same keys, in the same server."""
    password = (state.path / "postgres" / "superuser-password").read_text().strip()
    url = f"postgresql://postgres:{password}@{run.addresses['postgres']}/ioc"
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS ingest.bench_copy (LIKE ingest.observation INCLUDING ALL)")
    columns = [
        row["column_name"]
        for row in await connection.fetch(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = 'ingest' AND table_name = 'bench_copy' ORDER BY ordinal_position"
        )
    ]
    start = datetime.now(UTC) - timedelta(days=5)
    makers = {
        "series_id": lambda series, step: series,
        "tenant": lambda series, step: "vinh",
        "at": lambda series, step: start + timedelta(seconds=step),
        "revision": lambda series, step: 1,
        "value": lambda series, step: float(step),
        "quality": lambda series, step: 1,
        "received_at": lambda series, step: start,
        "position": lambda series, step: step,
    }
    unknown = [name for name in columns if name not in makers]
    if unknown:
        raise SystemExit(f"the ledger has columns that the ceiling does not know: {unknown}")
    per_batch = ROWS_PER_BATCH // SERIES
    chunks = [
        [
            tuple(makers[name](series, step) for name in columns)
            for series in range(SERIES)
            for step in range(first, first + per_batch)
        ]
        for first in range(0, STEPS, per_batch)
    ]
    # The rows are encoded beforehand, so that the ceiling is the server's and not Python's.
    encoded = [await _binary(connection, columns, chunk) for chunk in chunks]
    await connection.execute("TRUNCATE ingest.bench_copy")
    began = time.perf_counter()
    for payload in encoded:
        await connection.copy_to_table(
            "bench_copy", schema_name="ingest", source=_Pieces(payload), columns=columns, format="binary"
        )
    seconds = time.perf_counter() - began
    await connection.execute("DROP TABLE ingest.bench_copy")
    await connection.close()
    return sum(map(len, chunks)) / seconds


class _Pieces:
    """An async source of bytes for asyncpg, in pieces of 512 KiB."""

    def __init__(self, payload: bytes) -> None:
        self._pieces = iter([payload[i : i + 524_288] for i in range(0, len(payload), 524_288)])

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            raise StopAsyncIteration from None


async def _binary(connection: asyncpg.Connection, columns: list[str], rows: list[tuple]) -> bytes:  # type: ignore[type-arg]
    """The rows in COPY's binary form, as PostgreSQL itself writes them."""
    await connection.execute("TRUNCATE ingest.bench_copy")
    await connection.copy_records_to_table("bench_copy", schema_name="ingest", records=rows, columns=columns)
    payload = bytearray()

    async def take(piece: bytes) -> None:
        payload.extend(piece)

    names = ", ".join(columns)
    query = f"SELECT {names} FROM ingest.bench_copy ORDER BY series_id, at"  # noqa: S608
    await connection.copy_from_query(query, output=take, format="binary")
    return bytes(payload)


async def measure_alerts(state: StateFolder, run: Run, secrets: dict[str, str]) -> list[float]:
    """Milliseconds from an MQTT publish that crosses the threshold to its alert on SSE, at MESSAGES_PER_SECOND."""
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    listening = asyncio.Event()
    listener = asyncio.ensure_future(_listen(state, run, seen, listening))
    await listening.wait()
    host, _, port = run.addresses["mqtt"].rpartition(":")
    interval = DEVICES / MESSAGES_PER_SECOND

    async def device(number: int, name: str) -> None:
        async with aiomqtt.Client(host, int(port), username=name, password=secrets[name], identifier=name) as client:
            began = time.perf_counter() + number * interval / DEVICES
            for step in range(int(SECONDS / interval)):
                await asyncio.sleep(max(began + step * interval - time.perf_counter(), 0))
                at = datetime.now(UTC)
                value = HIGH if step % CROSS_EVERY == number % CROSS_EVERY else LOW
                payload = {"at": at.isoformat(), "values": {world.MEASURE: value}}
                if value == HIGH:
                    sent[f"{name} {at.isoformat(timespec='milliseconds')}"] = time.perf_counter()
                await client.publish(f"dev/nghe-an/{name}/readings", json.dumps(payload), qos=1)

    await asyncio.gather(*(device(number, name) for number, name in enumerate(secrets)))
    deadline = time.monotonic() + 15
    while len(seen) < len(sent) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    listener.cancel()
    missed = set(sent) - set(seen)
    if missed:
        raise SystemExit(
            f"{len(missed)} of {len(sent)} crossings raised no alert within 15 s, e.g. {sorted(missed)[:2]}"
        )
    return [1000 * (seen[key] - sent[key]) for key in sent]


async def _listen(state: StateFolder, run: Run, seen: dict[str, float], listening: asyncio.Event) -> None:
    last_id = ""
    while True:
        token = await Tokens(run.issuer, state).of("truc.ban")
        headers = {"Authorization": f"Bearer {token}", **({"Last-Event-ID": last_id} if last_id else {})}
        async with (
            httpx.AsyncClient(base_url=run.public_url, timeout=httpx.Timeout(5.0, read=None)) as client,
            client.stream("GET", "/api/v1/events", headers=headers) as answer,
        ):
            answer.raise_for_status()
            listening.set()
            name = ""
            async for line in answer.aiter_lines():
                if line.startswith("id:"):
                    last_id = line[3:].strip()
                elif line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:") and name == "alert.raised":
                    alert = json.loads(line[5:]).get("alert") or json.loads(line[5:])
                    at = datetime.fromisoformat(alert["period_start"]).isoformat(timespec="milliseconds")
                    seen.setdefault(f"{alert['thing']} {at}", time.perf_counter())


async def measure(state: StateFolder, run: Run, start_seconds: float) -> None:
    keys, devices = await world.publish_contracts(state, run, series=SERIES, devices=DEVICES)
    secrets = await world.issue_secrets(state, run, devices)
    latencies = sorted(await measure_alerts(state, run, secrets))
    rate = await measure_batches(state, run, keys)
    memory = sum(memory_mb(part.pid) for part in run.parts)
    ceiling = await measure_copy(state, run)
    figures = {
        "grpc_readings_per_s": rate,
        "alert_p50_ms": statistics.median(latencies),
        "alert_p99_ms": latencies[int(0.99 * (len(latencies) - 1))],
        "alerts_raised": float(len(latencies)),
        "rss_mb": memory,
        "start_s": start_seconds,
    }
    report.show("path", figures, {"copy_rows_per_s": ceiling}, {"grpc_vs_copy": rate / ceiling})


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ioc-bench-") as folder,
        launched_platform(Path(folder) / "state", {"IOC_RATE_PER_MINUTE": "100000"}) as (state, run, seconds),
    ):
        asyncio.run(measure(state, run, seconds))


if __name__ == "__main__":
    main()
