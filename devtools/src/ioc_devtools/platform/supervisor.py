"""Starts the parts in order, watches them, stops them in reverse."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import grpc

from ioc_devtools.catalogue import load
from ioc_devtools.catalogue.apply import Summary, apply
from ioc_devtools.platform.ports import choose
from ioc_devtools.platform.probes import answers, is_serving, wait_for
from ioc_devtools.platform.processes import Child, PartSpec
from ioc_devtools.platform.services import (
    DATABASE,
    ROOT,
    SCHEMAS,
    Layout,
    external_issuer,
    gateway_spec,
    issuer_spec,
    service_specs,
)
from ioc_devtools.platform.state import CannotRun, Run, RunningPart, StateFolder
from ioc_devtools.platform.tokens import Tokens
from ioc_kit.embedded import (
    EmbeddedError,
    EmbeddedNats,
    EmbeddedPostgres,
    create_service_roles,
    kept_issuer_key,
    platform_users,
    role_names,
)
from ioc_kit.embedded.nats_users import USER_NAMES
from ioc_kit.sql.migrations import upgrade

ADMINISTRATOR = "quan.tri"
Progress = Callable[[str], None]


async def apply_catalogue(
    addresses: Mapping[str, str], issuer: str, state: StateFolder, *, dry_run: bool = False
) -> Summary:
    """Brings running services to catalog/. Raises CannotRun, CatalogueError, or the IocError of who refuses."""
    token = await Tokens(issuer, state).of_login(ADMINISTRATOR)
    async with (
        grpc.aio.insecure_channel(addresses["registry"]) as registry,
        grpc.aio.insecure_channel(addresses["kpi"]) as kpi,
        grpc.aio.insecure_channel(addresses["alerts"]) as alerts,
    ):
        return await apply(load(ROOT / "catalog"), registry, kpi, alerts, token, dry_run)


class Supervisor:
    """One embedded platform. `start` brings it up, `watch` returns when a part dies, `stop` takes it down in order."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state
        self.layout = Layout(choose(), state)
        self._postgres: EmbeddedPostgres | None = None
        self._nats: EmbeddedNats | None = None
        self._children: list[Child] = []

    async def start(self, progress: Progress) -> Run:
        """Everything up to a catalogue that is applied and a gateway that answers. Raises CannotRun."""
        try:
            progress("PostgreSQL, NATS")
            await asyncio.to_thread(self._start_stores)
            progress("identity, schemas")
            issuer = None if external_issuer() else self._spawn(issuer_spec(self.layout))
            await asyncio.to_thread(self._migrate)
            progress("services")
            services = [self._spawn(spec) for spec in service_specs(self.layout)]
            gateway = self._spawn(gateway_spec(self.layout))
            discovery = f"{self.layout.issuer}/.well-known/openid-configuration"
            await wait_for(issuer or gateway, lambda: answers(discovery))
            for child in services:
                await wait_for(child, lambda child=child: is_serving(child.spec.address))  # type: ignore[misc]
            progress("catalogue")
            await self.apply_catalogue()
            await wait_for(gateway, lambda: answers(f"{self.layout.public_url}/readyz"))
        except EmbeddedError as error:
            raise CannotRun(str(error)) from error
        run = self._describe()
        self.state.write_run(run)
        return run

    async def apply_catalogue(self) -> Summary:
        """Brings registry, kpi and alerts to the catalogue folder as the province's administrator."""
        return await apply_catalogue(
            {name: self.layout.address(name) for name in SCHEMAS}, self.layout.issuer, self.state
        )

    def add(self, child: Child) -> None:
        """Takes over a part that is to be watched and stopped with the others (the simulator)."""
        self._children.append(child)
        self.state.write_run(self._describe())

    async def watch(self) -> Child:
        """Returns the first part that ends by itself."""
        while True:
            for child in self._children:
                if child.has_ended:
                    return child
            await asyncio.sleep(0.5)

    async def stop(self, progress: Progress) -> None:
        """Edge first, then services, then what they stand on: nobody loses what it depends on while it drains."""
        self.state.forget_run()
        edge = [child for child in self._children if child.spec.name in ("simulator", "gateway")]
        others = [child for child in self._children if child not in edge]
        issuers = [child for child in others if child.spec.name == "identity"]
        services = [child for child in others if child not in issuers]
        for text, group in (("edge", edge), ("services", services), ("identity", issuers)):
            progress(text)
            if group:
                with ThreadPoolExecutor(len(group)) as executor:
                    loop = asyncio.get_running_loop()
                    await asyncio.gather(*(loop.run_in_executor(executor, child.stop) for child in group))
        progress("NATS, PostgreSQL")
        if self._nats is not None:
            await asyncio.to_thread(self._nats.stop)
        if self._postgres is not None:
            await asyncio.to_thread(self._postgres.stop)

    def _spawn(self, spec: PartSpec) -> Child:
        child = Child.start(spec, self.state.folder("logs"))
        self._children.append(child)
        return child

    def _start_stores(self) -> None:
        ports, state = self.layout.ports, self.state
        key = kept_issuer_key(state.path / "callout.seed")
        passwords = {name: state.secret(f"nats:{name}") for name in USER_NAMES}
        self._nats = EmbeddedNats(
            state.folder("nats"),
            port=ports["nats"],
            mqtt_port=ports["mqtt"],
            monitor_port=ports["nats-monitor"],
            users=platform_users(passwords),
            callout_issuer=key.public,
        )
        self._postgres = EmbeddedPostgres(state.folder("postgres"), port=ports["postgres"])
        with ThreadPoolExecutor(2) as executor:
            nats, postgres = executor.submit(self._nats.start), executor.submit(self._postgres.start)
            nats.result()
            postgres.result()

    def _migrate(self) -> None:
        assert self._postgres is not None  # noqa: S101  # started before
        schemas = list(SCHEMAS.values())
        passwords = {role: self.state.secret(f"db:{role}") for role in role_names(schemas)}
        create_service_roles(self._postgres.url(), DATABASE, schemas, passwords)
        for name, schema in SCHEMAS.items():
            upgrade(ROOT / "services" / name / "migrations", self.layout.database_url(f"ioc_{schema}_owner"), schema)

    def _describe(self) -> Run:
        stores = [
            RunningPart(
                "postgres", (self._postgres.pid if self._postgres else None) or 0, self.layout.address("postgres")
            ),
            RunningPart("nats", (self._nats.pid if self._nats else None) or 0, self.layout.address("nats")),
        ]
        children = [RunningPart(child.spec.name, child.process.pid, child.spec.address) for child in self._children]
        addresses = {name: self.layout.address(name) for name in self.layout.ports}
        return Run(os.getpid(), self.layout.public_url, self.layout.issuer, addresses, [*stores, *children])
