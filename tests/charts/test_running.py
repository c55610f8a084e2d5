"""The charts' own commands and environments, run here on real servers that are set up by the reference files.

No cluster: a container is a process, a Secret is a value of this test. What is proven is that a migration and a service
get all that they need to work, with the rights that the reference files give, and end in time.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ioc_kit.embedded import EmbeddedPostgres, new_issuer_key, role_names, with_login
from ioc_kit.embedded.addresses import free_port
from ioc_kit.embedded.nats import binary
from ioc_kit.embedded.process import wait_for

Objects = list[dict[str, Any]]
OfKind = Callable[[Objects, str], dict[str, dict[str, Any]]]
PASSWORD = "only-for-this-test"
SERVICES = ("registry", "ingest", "kpi", "alerts", "soc-bridge")


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs outside the charts, and the seed whose public half NATS trusts."""

    postgres: str
    nats_port: int
    mqtt_port: int
    seed: str


@pytest.fixture(scope="session")
def servers(charts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL after postgres.sql, and one NATS server on nats.conf."""
    folder = tmp_path_factory.mktemp("servers")
    files = charts / "ioc" / "files"
    with EmbeddedPostgres(folder / "postgres") as postgres:
        asyncio.run(_prepare(postgres, (files / "postgres.sql").read_text(encoding="utf-8")))
        with _nats((files / "nats.conf").read_text(encoding="utf-8"), folder) as (nats_port, mqtt_port, seed):
            yield Servers(postgres.url(database="ioc"), nats_port, mqtt_port, seed)


async def _prepare(postgres: EmbeddedPostgres, script: str) -> None:
    server = await asyncpg.connect(postgres.url())
    await server.execute("CREATE DATABASE ioc")
    await server.close()
    inside = await asyncpg.connect(postgres.url(database="ioc"))
    await inside.execute(script)
    for role in role_names(["registry", "ingest", "kpi", "alerts", "soc"]):
        await inside.execute(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
    await inside.close()


@contextmanager
def _nats(text: str, folder: Path) -> Iterator[tuple[int, int, str]]:
    """The reference configuration as for a server that is alone: no cluster, ports and folder of this test."""
    ports = {name: free_port() for name in ("4222", "8222", "1883")}
    for name, port in ports.items():
        text = text.replace(f"0.0.0.0:{name}", f"127.0.0.1:{port}")
    text = re.sub(r"^cluster \{.*?^\}\n", "", text, flags=re.DOTALL | re.MULTILINE)
    config = folder / "nats.conf"
    config.write_text(text.replace("/data/jetstream", str(folder / "jetstream")), encoding="utf-8")
    key = new_issuer_key()
    variables = dict.fromkeys(re.findall(r"\$(IOC_NATS_PASSWORD_[A-Z_]+)", text), PASSWORD)
    variables |= {"IOC_NATS_SERVER": "nats-0", "IOC_NATS_REPLICAS": "1", "IOC_NATS_CALLOUT_ISSUER": key.public}
    with _process([str(binary()), "-c", str(config)], variables, folder / "nats.log", signal.SIGTERM):
        health = f"http://127.0.0.1:{ports['8222']}/healthz"
        assert wait_for(lambda: _answers(health), 20), (folder / "nats.log").read_text()
        yield ports["4222"], ports["1883"], key.seed
        refused = [line for line in (folder / "nats.log").read_text().splitlines() if "Violation" in line]
        assert refused == [], "a service asked for what its user may not"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def _process(
    command: list[str], environment: dict[str, str], output: Path, last: signal.Signals = signal.SIGKILL
) -> Iterator[subprocess.Popen[bytes]]:
    """A child with this environment and no other; whatever happens it is gone at the end."""
    basis = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    with output.open("wb") as log:
        process = subprocess.Popen(command, env=basis | environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(last)
        process.wait(timeout=30)


@pytest.fixture
def container(
    render: Callable[..., Objects], of_kind: OfKind, servers: Servers
) -> Callable[[str, str], tuple[list[str], dict[str, str], dict[str, Any]]]:
    """`container("Job", "ioc-kpi-migration")`: its command, its environment with secrets filled in, its pod."""

    def found(kind: str, name: str) -> tuple[list[str], dict[str, str], dict[str, Any]]:
        pod = of_kind(render("values-centre.yaml"), kind)[name]["spec"]["template"]["spec"]
        (only,) = pod["containers"]
        environment = {each["name"]: each.get("value") or _secret(each, servers) for each in only["env"]}
        here = {
            "IOC_NATS_URL": f"nats://127.0.0.1:{servers.nats_port}",
            "IOC_MQTT_HOST": "127.0.0.1",
            "IOC_MQTT_PORT": str(servers.mqtt_port),
            "IOC_GRPC_LISTEN": f"127.0.0.1:{free_port()}",
            "IOC_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
        }
        # Addresses are those of this machine; nothing is added that the chart does not set.
        environment |= {key: value for key, value in here.items() if key in environment}
        assert only["command"][0] == "python"
        return [sys.executable, *only["command"][1:]], environment, pod

    return found


def _secret(variable: dict[str, Any], servers: Servers) -> str:
    reference = variable.get("valueFrom", {}).get("secretKeyRef")
    if reference is None:
        return ""
    if not reference["name"].endswith("-database"):
        return servers.seed if reference["key"] == "seed" else PASSWORD
    schema = reference["name"].removeprefix("ioc-").removesuffix("-database").removesuffix("-bridge")
    suffix = {"url": "", "owner-url": "_owner", "writer-url": "_writer"}[reference["key"]]
    return with_login(servers.postgres, f"ioc_{schema}{suffix}", PASSWORD)


def _serves(address: str) -> bool:
    """As the kubelet asks."""
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_migrates_serves_and_ends_with_what_its_chart_gives_it(
    service: str,
    container: Callable[[str, str], tuple[list[str], dict[str, str], dict[str, Any]]],
    tmp_path: Path,
) -> None:
    command, environment, _ = container("Job", f"ioc-{service}-migration")
    log = tmp_path / "migration.log"
    with _process(command, environment, log) as migration:
        assert migration.wait(timeout=60) == 0, log.read_text()
    command, environment, pod = container("Deployment", f"ioc-{service}")
    log = tmp_path / "service.log"
    with _process(command, environment, log) as running:
        address = environment["IOC_GRPC_LISTEN"]
        assert wait_for(lambda: running.poll() is not None or _serves(address), 60), log.read_text()
        assert running.poll() is None, log.read_text()
        began = time.monotonic()
        running.send_signal(signal.SIGTERM)
        pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert running.wait(timeout=pod["terminationGracePeriodSeconds"] - pause) == 0, log.read_text()
        assert "permissions violation" not in log.read_text().lower()
        assert time.monotonic() - began < pod["terminationGracePeriodSeconds"] - pause


def test_the_gateway_lives_and_ends_with_what_its_chart_gives_it(
    container: Callable[[str, str], tuple[list[str], dict[str, str], dict[str, Any]]], tmp_path: Path
) -> None:
    command, environment, pod = container("Deployment", "ioc-gateway")
    log = tmp_path / "gateway.log"
    with _process(command, environment, log) as running:
        address = f"http://{environment['IOC_HTTP_LISTEN']}"
        assert wait_for(lambda: running.poll() is not None or _answers(f"{address}/healthz"), 60), log.read_text()
        assert running.poll() is None, log.read_text()
        # Its peers are not here, so it must not say that it is ready.
        assert httpx.get(f"{address}/readyz", timeout=5).status_code == 503
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=pod["terminationGracePeriodSeconds"]) == 0, log.read_text()
