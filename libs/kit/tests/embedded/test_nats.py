"""The embedded NATS server: users can do their part and nothing else, streams stay, errors say what to do."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig

from ioc_kit.embedded import EmbeddedError, EmbeddedNats, Profile, new_issuer_key, platform_users
from ioc_kit.embedded.errors import FolderInUse, PortInUse, explain
from ioc_kit.embedded.nats_users import OPERATOR, SYSTEM, USER_NAMES

PASSWORDS = {name: f"secret-of-{name}" for name in USER_NAMES}
As = Callable[..., AbstractAsyncContextManager[tuple[Client, "asyncio.Queue[str]"]]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedNats]:
    folder = tmp_path_factory.mktemp("nats")
    with EmbeddedNats(
        folder, mqtt_port=0, monitor_port=0, users=platform_users(PASSWORDS), profile=Profile.TEST
    ) as nats_server:
        yield nats_server


@pytest.fixture
def as_user(server: EmbeddedNats) -> As:
    @asynccontextmanager
    async def session(user: str, password: str | None = None) -> AsyncIterator[tuple[Client, asyncio.Queue[str]]]:
        refusals: asyncio.Queue[str] = asyncio.Queue()

        async def on_error(error: Exception) -> None:
            refusals.put_nowait(str(error))

        client = Client()
        try:
            await client.connect(
                server.url, user=user, password=password or PASSWORDS[user], error_cb=on_error, allow_reconnect=False
            )
            yield client, refusals
        finally:
            await client.close()

    return session


async def log_in(server: EmbeddedNats, user: str, password: str) -> str:
    """The server's answer to a login, read from the wire: nats-py leaves its socket open when it is refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        login = json.dumps({"user": user, "pass": password, "verbose": False})
        writer.write(f"CONNECT {login}\r\nPING\r\n".encode())
        await reader.readline()  # INFO
        return (await asyncio.wait_for(reader.readline(), 10)).decode().strip()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_wrong_password_is_refused(server: EmbeddedNats) -> None:
    assert await log_in(server, "kpi", PASSWORDS["kpi"]) == "PONG"
    assert await log_in(server, "kpi", "wrong") == "-ERR 'Authorization Violation'"


async def test_a_part_declares_its_stream_publishes_and_another_reads_by_a_durable(as_user: As) -> None:
    async with as_user("kpi") as (kpi, kpi_refusals), as_user("alerts") as (alerts, alerts_refusals):
        await kpi.jetstream().add_stream(name="KPI", subjects=["ioc.*.kpi.v1.>"])
        ack = await kpi.jetstream().publish("ioc.vinh.kpi.v1.value.computed", b"1")
        assert ack.seq == 1
        await alerts.jetstream().stream_info("KPI")
        await alerts.jetstream().add_consumer("KPI", ConsumerConfig(durable_name="alerts-judge", ack_policy="explicit"))
        pull = await alerts.jetstream().pull_subscribe_bind("alerts-judge", "KPI")
        (message,) = await pull.fetch(1, timeout=5)
        await message.ack_sync()
        await alerts.jetstream().add_stream(name="DEADLETTERS", subjects=["dead.>"])
        await alerts.jetstream().publish("dead.KPI.alerts-judge", message.data)
        assert kpi_refusals.empty()
        assert alerts_refusals.empty()


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("kpi", "ioc.vinh.alerts.v1.alert.raised"),
        ("kpi", "ioc.vinh.kpi.v2.value.computed"),
        ("alerts", "ioc.vinh.kpi.v1.value.computed"),
        ("gateway", "dev.vinh.aq-vinh-01.readings"),
        ("registry", "$JS.API.STREAM.DELETE.REGISTRY"),
        ("alerts", "$JS.API.STREAM.PURGE.KPI"),
        ("registry", "$JS.API.CONSUMER.CREATE.OBSERVATIONS.x"),
        ("kpi", "$SYS.REQ.SERVER.PING"),
        ("ingest-watch", "$SYS.REQ.SERVER.PING"),
    ],
)
async def test_a_part_may_not_publish_what_is_not_its_own(as_user: As, user: str, subject: str) -> None:
    async with as_user(user) as (client, refusals):
        await client.publish(subject, b"{}")
        assert "permissions violation" in (await asyncio.wait_for(refusals.get(), 5)).lower()


@pytest.mark.parametrize("subject", [">", "ioc.>", "dev.>", "$SYS.>", "$SYS.REQ.USER.AUTH", "dead.>"])
async def test_a_part_may_not_listen_outside_its_consumers(as_user: As, subject: str) -> None:
    async with as_user("kpi") as (client, refusals):
        await client.subscribe(subject)
        assert "permissions violation" in (await asyncio.wait_for(refusals.get(), 5)).lower()


async def test_the_operator_sees_everything_and_the_system_user_answers_for_the_server(as_user: As) -> None:
    async with as_user(OPERATOR) as (operator, refusals):
        await operator.subscribe(">")
        await operator.flush()
        assert refusals.empty()
    async with as_user(SYSTEM) as (system, _):
        assert b"server" in (await system.request("$SYS.REQ.SERVER.PING", b"", timeout=5)).data


async def test_a_message_of_a_mebibyte_passes_and_a_larger_one_does_not(as_user: As) -> None:
    async with as_user(OPERATOR) as (client, _):
        inbox = await client.subscribe("large")
        await client.publish("large", bytes(1024 * 1024))
        assert len((await inbox.next_msg(timeout=5)).data) == 1024 * 1024
        with pytest.raises(nats.errors.MaxPayloadError):
            await client.publish("large", bytes(1024 * 1024 + 1))


def test_the_configuration_is_only_the_owners_to_read(server: EmbeddedNats) -> None:
    config = server.store_dir / "nats.conf"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.store_dir.stat().st_mode) == 0o700


def test_the_durable_profile_syncs_every_message(tmp_path: Path) -> None:
    assert EmbeddedNats(tmp_path).config()["jetstream"]["sync_interval"] == "always"  # type: ignore[index]


async def test_streams_stay_over_a_restart(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path)
    for expected in (1, 2):
        with server:
            client = await nats.connect(server.url, allow_reconnect=False)
            jetstream = client.jetstream()
            await jetstream.add_stream(name="KEPT", subjects=["kept"])
            assert (await jetstream.publish("kept", b"x")).seq == expected
            await client.close()


def test_a_port_in_use_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"127\.0\.0\.1:{port} because another program does"):
            EmbeddedNats(tmp_path, mqtt_port=port).start()


def test_the_servers_own_word_for_a_port_in_use_is_understood(tmp_path: Path) -> None:
    said = '[FTL] Error listening on port: 127.0.0.1:4222, "listen tcp 127.0.0.1:4222: bind: address already in use"'
    assert isinstance(explain("NATS", said, port=4222, folder=tmp_path, log=tmp_path / "log"), PortInUse)


def test_a_second_server_on_the_same_files_is_refused(server: EmbeddedNats) -> None:
    with pytest.raises(FolderInUse, match="stop it, or choose another folder"):
        EmbeddedNats(server.store_dir, profile=Profile.TEST).start()


def test_a_configuration_the_server_refuses_is_told_with_its_last_words(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path, users=platform_users(PASSWORDS), callout_issuer="not-a-key")
    with pytest.raises(EmbeddedError, match=r"NATS did not start and said .*the whole story is in"):
        server.start()
    assert not server.is_running


async def test_without_its_callout_the_server_refuses_who_is_not_a_static_user(tmp_path: Path) -> None:
    users = platform_users(PASSWORDS)
    with EmbeddedNats(tmp_path, users=users, callout_issuer=new_issuer_key().public, profile=Profile.TEST) as server:
        assert await log_in(server, "kpi", PASSWORDS["kpi"]) == "PONG"
        assert await log_in(server, "aq-vinh-01", "x") != "PONG"
