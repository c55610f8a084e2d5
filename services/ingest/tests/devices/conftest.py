"""A real nats-server with MQTT and the auth callout, two devices' records, and MQTT clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiomqtt
import nats
import pytest
from nats.aio.client import Client

from ioc_ingest.devices import AuthCallout, DeviceRecord, IncidentCounter, MqttIntake, MqttLogin, hash_secret
from ioc_kit.clock import SystemClock
from ioc_kit.embedded import USER_NAMES, EmbeddedNats, IssuerKey, Profile, new_issuer_key, platform_users

PASSWORDS = {name: f"secret-of-{name}" for name in USER_NAMES}
Connect = Callable[..., Awaitable[Client]]


class Directory(dict[str, DeviceRecord]):
    """A DeviceDirectory in a dict; `is_away` makes it fail."""

    is_away = False

    async def find(self, device_id: str) -> DeviceRecord | None:
        if self.is_away:
            raise ConnectionError("the read model is away")
        return self.get(device_id)


@pytest.fixture
def secrets() -> dict[str, str]:
    return {name: f"secret of {name}" for name in ("aq-vinh-01", "aq-vinh-02", "aq-hm-01", "gone-01")}


@pytest.fixture
def directory(secrets: dict[str, str]) -> Directory:
    tenants = {"aq-hm-01": "hoang-mai"}
    return Directory(
        {
            name: DeviceRecord(name, tenants.get(name, "vinh"), hash_secret(name, secret), name == "gone-01")
            for name, secret in secrets.items()
        }
    )


@pytest.fixture(scope="session")
def issuer() -> IssuerKey:
    return new_issuer_key()


@pytest.fixture
def server(tmp_path: Path, issuer: IssuerKey) -> Iterator[EmbeddedNats]:
    with EmbeddedNats(
        tmp_path,
        mqtt_port=0,
        users=platform_users(PASSWORDS),
        callout_issuer=issuer.public,
        profile=Profile.TEST,
    ) as nats_server:
        yield nats_server


@pytest.fixture
async def connect(server: EmbeddedNats) -> AsyncIterator[Connect]:
    clients: list[Client] = []

    async def on_error(_: Exception) -> None:
        """A server that a test stops is no news."""

    async def open_client(user: str) -> Client:
        client = await nats.connect(
            server.url, user=user, password=PASSWORDS[user], error_cb=on_error, reconnect_time_wait=0.1
        )
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        await client.close()


@pytest.fixture
async def ingest(connect: Connect) -> Client:
    return await connect("ingest")


@pytest.fixture
def incidents() -> IncidentCounter:
    return IncidentCounter()


@pytest.fixture
def make_intake(server: EmbeddedNats) -> Callable[..., MqttIntake]:
    def make(client: Client, **options: object) -> MqttIntake:
        login = MqttLogin("127.0.0.1", server.mqtt_port or 0, "ingest", PASSWORDS["ingest"])
        return MqttIntake(client, login, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
async def intake(make_intake: Callable[..., MqttIntake], ingest: Client) -> MqttIntake:
    prepared = make_intake(ingest)
    await prepared.prepare()
    return prepared


@pytest.fixture
async def callout(
    intake: MqttIntake, ingest: Client, directory: Directory, issuer: IssuerKey, incidents: IncidentCounter
) -> AuthCallout:
    """The door is open: the intake is prepared, log-ins are answered."""
    answering = AuthCallout(ingest, directory, issuer.seed, SystemClock(), incidents)
    await answering.start()
    return answering


@pytest.fixture
def device(server: EmbeddedNats, secrets: dict[str, str]) -> Callable[..., AbstractAsyncContextManager[aiomqtt.Client]]:
    """An MQTT client that logs in as a device; keywords replace parts of a right log-in."""

    @asynccontextmanager
    async def log_in(
        name: str, *, user: str | None = None, password: str | None = None, **options: object
    ) -> AsyncIterator[aiomqtt.Client]:
        async with aiomqtt.Client(
            "127.0.0.1",
            server.mqtt_port or 0,
            identifier=name,
            username=user or name,
            password=password or secrets.get(user or name, "none"),
            timeout=10,
            **options,  # type: ignore[arg-type]
        ) as client:
            yield client

    return log_in


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """Waits until the condition holds; fails when it does not in time."""

    async def wait(is_true: Callable[[], bool | Awaitable[bool]], seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            while True:
                answer = is_true()
                if answer if isinstance(answer, bool) else await answer:
                    return
                await asyncio.sleep(0.02)

    return wait
