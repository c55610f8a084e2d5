"""The checks, each with a name, a verdict, and a sentence that says the numbers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import time
from typing import Any

import asyncpg
import grpc
import nats
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from ioc.ingest.v1 import balance_pb2, balance_pb2_grpc
from ioc_devtools.platform.services import DATABASE, SCHEMAS
from ioc_devtools.platform.state import CannotRun, StateFolder
from ioc_devtools.verify.asking import Asking, NoAnswer
from ioc_kit.embedded.nats_users import DEAD_LETTERS, OPERATOR

BOOKS_DAYS = 30
"""A day less than the longest interval that the books may be asked for."""
OUTBOX_SECONDS = 10.0
"""An event that waits longer than this in an outbox is stuck; what was written a moment ago may still be on its way."""
_PROOFS_AT_ONCE = 4
_RECOUNT_SECONDS = 300.0
_CALL_SECONDS = 30.0


_OUTBOX = """
    SELECT count(*) AS count, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age
    FROM {schema}.outbox
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A verdict and what it rests on."""

    ok: bool
    detail: str


async def check_all(state: StateFolder) -> dict[str, Any]:
    """`{"ok": bool, "checks": [{"name", "ok", "detail"}]}`. What cannot be asked is not proved, and so not ok.

    Raises CannotRun when no platform runs from the state folder.
    """
    asking = Asking(state, state.run())
    try:
        found = [(name, await _settled(check, asking)) for name, check in CHECKS]
    finally:
        await asking.aclose()
    checks = [{"name": name, "ok": each.ok, "detail": each.detail} for name, each in found]
    return {"ok": all(each.ok for _, each in found), "checks": checks}


async def _settled(check: Callable[[Asking], Awaitable[Found]], asking: Asking) -> Found:
    try:
        return await check(asking)
    except (NoAnswer, CannotRun) as error:
        return Found(False, f"not proved: {error}")
    except grpc.aio.AioRpcError as error:
        return Found(False, f"not proved: {error.code().name} {error.details()}")
    except (OSError, TimeoutError, NatsError, asyncpg.PostgresError) as error:
        return Found(False, f"not proved: {type(error).__name__}: {error}")


async def books_balance(asking: Asking) -> Found:
    """received = accepted + quarantined at each door, accepted = stored + duplicate + pending in the ledger."""
    request = balance_pb2.GetBalanceRequest()
    getattr(request.interval, "from").FromSeconds(_days_ago(BOOKS_DAYS))
    async with asking.channel("ingest") as channel:
        answer = await balance_pb2_grpc.BalanceServiceStub(channel).GetBalance(
            request, metadata=await asking.metadata(), timeout=_CALL_SECONDS
        )
    sums: Counter[str] = Counter()
    for row in answer.rows:
        for column in ("received", "accepted", "quarantined", "stored", "duplicate", "pending"):
            sums[column] += getattr(row, column)
    off = [row for row in answer.rows if not row.is_balanced]
    told = (
        f"{len(answer.rows)} books: {sums['received']:,} received = {sums['accepted']:,} accepted + "
        f"{sums['quarantined']:,} quarantined; "
        f"accepted = {sums['stored']:,} stored + {sums['duplicate']:,} duplicate + {sums['pending']:,} pending"
    )
    if off:
        worst = ", ".join(f"{row.tenant}/{row.source}/{row.door} {row.hour.ToDatetime():%d %H:%M}" for row in off[:5])
        return Found(False, f"{len(off)} of {told}; off: {worst}")
    return Found(answer.is_balanced, told)


async def ledger_agrees(asking: Asking) -> Found:
    """The ledger, counted row by row, holds what the books say was stored, and nothing twice."""
    async with asking.channel("ingest") as channel:
        answer = await balance_pb2_grpc.BalanceServiceStub(channel).RecountLedger(
            balance_pb2.RecountLedgerRequest(), metadata=await asking.metadata(), timeout=_RECOUNT_SECONDS
        )
    told = f"{answer.ledger_rows:,} rows in the ledger, {answer.booked_rows:,} booked as stored"
    ok = answer.ledger_rows == answer.booked_rows and not answer.repeated_rows
    return Found(ok, f"{told}, {answer.repeated_rows:,} there twice")


async def no_dead_letters(asking: Asking) -> Found:
    """No event was given up by a consumer."""
    password = asking.state.secret(f"nats:{OPERATOR}")
    client = await nats.connect(
        f"nats://{asking.run.addresses['nats']}",
        user=OPERATOR,
        password=password,
        name="verify",
        allow_reconnect=False,
        error_cb=_say_nothing,
    )
    try:
        jetstream = client.jetstream()
        state = (await jetstream.stream_info(DEAD_LETTERS)).state
        if not state.messages:
            return Found(True, "0 dead letters")
        newest = await jetstream.get_msg(DEAD_LETTERS, seq=state.last_seq)
    except NotFoundError:
        return Found(False, f"the stream {DEAD_LETTERS} is not there")
    finally:
        await client.close()
    headers = newest.headers or {}
    reason = f"{headers.get('ioc-dead-consumer', '?')} of {headers.get('ioc-dead-subject', '?')}"
    return Found(
        False, f"{state.messages:,} dead letters; the newest by {reason}: {headers.get('ioc-dead-reason', '?')}"
    )


async def no_alert_twice(asking: Asking) -> Found:
    """At most one alert of a key stands in a tenant."""
    standing = asking.items("/alerts", state=["open", "acknowledged"])
    keys = Counter([(alert["tenant"], alert["key"]) async for alert in standing])
    twice = [f"{tenant} {key} ({count} times)" for (tenant, key), count in keys.items() if count > 1]
    told = f"{keys.total():,} alerts stand, of {len(keys):,} keys"
    return Found(not twice, told + (f"; twice: {', '.join(twice[:5])}" if twice else ""))


async def values_proved(asking: Asking) -> Found:
    """Each newest value of an indicator comes out the same when it is computed again from its record."""
    values = [value async for value in asking.items("/indicator-values/latest")]
    limit = asyncio.Semaphore(_PROOFS_AT_ONCE)
    wrong: list[str] = []

    async def prove(value: dict[str, Any]) -> None:
        async with limit:
            proof = await asking.get(f"/indicator-values/{value['value_id']}/proof")
        if not proof["is_proved"]:
            subject = "/".join(filter(None, (value["area"], value["thing"], value["dimension_code"])))
            why = "; ".join(proof["differences"])[:200]
            wrong.append(f"{value['tenant']} {value['set']}/{value['code']} {subject}: {why}")

    await asyncio.gather(*(prove(value) for value in values))
    told = f"{len(values) - len(wrong):,} of {len(values):,} newest values proved bit by bit"
    return Found(not wrong, told + (f"; not: {' | '.join(wrong[:3])}" if wrong else ""))


async def outboxes_drain(asking: Asking) -> Found:
    """No event waits in an outbox: whatever a service has written it has also told."""
    waiting: list[str] = []
    total = 0
    for schema in SCHEMAS.values():
        role = f"ioc_{schema}"
        host, _, port = asking.run.addresses["postgres"].rpartition(":")
        connection = await asyncpg.connect(
            host=host,
            port=int(port),
            user=role,
            password=asking.state.secret(f"db:{role}"),
            database=DATABASE,
            timeout=_CALL_SECONDS,
        )
        try:
            row = await connection.fetchrow(_OUTBOX.format(schema=schema))
        finally:
            await connection.close()
        count, age = (row["count"], row["age"]) if row is not None else (0, 0.0)
        total += count
        if age > OUTBOX_SECONDS:
            waiting.append(f"{schema} {count:,}, the oldest for {age:.0f} s")
    told = f"{total:,} events on their way in {len(SCHEMAS)} outboxes"
    return Found(not waiting, told + (f"; stuck: {'; '.join(waiting)}" if waiting else ""))


async def _say_nothing(_error: Exception) -> None:
    """What goes wrong is raised to the check that asked; the client would print it a second time."""


def _days_ago(days: int) -> int:
    return int(time()) - days * 86_400


CHECKS: tuple[tuple[str, Callable[[Asking], Awaitable[Found]]], ...] = (
    ("books balance", books_balance),
    ("ledger agrees with the books", ledger_agrees),
    ("no dead letters", no_dead_letters),
    ("no alert twice", no_alert_twice),
    ("newest values re-proved", values_proved),
    ("outboxes drained", outboxes_drain),
)
