"""Domain events as events on the bus."""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import Message

from ioc.registry.v1 import events_pb2
from ioc_kit.bus import Event, new_event
from ioc_kit.clock import Clock
from ioc_registry.domain.events import (
    ContractPublished,
    DeviceCredentialChanged,
    RegistryEvent,
    SourceChanged,
    TenantChanged,
)
from ioc_registry.rpc.convert_contract import contract_to_proto, device_to_proto, series_to_proto
from ioc_registry.rpc.convert_place import tenant_to_proto
from ioc_registry.rpc.convert_source import source_to_proto

SERIES_PER_EVENT = 2000
"""Keeps an event well under the message limit of 1 MiB."""


def events_maker(clock: Clock) -> Callable[[RegistryEvent], list[Event]]:
    """A function that turns a domain event into the bus events that tell it."""

    def make(event: RegistryEvent) -> list[Event]:
        def tell(message: Message, tenant: str, noun: str, verb: str) -> Event:
            return new_event(message, tenant=tenant, source="registry", noun=noun, verb=verb, at=clock.now())

        match event:
            case TenantChanged(tenant):
                message: Message = events_pb2.TenantChanged(tenant=tenant_to_proto(tenant))
                return [tell(message, tenant.tenant, "tenant", "changed")]
            case SourceChanged(source, owner):
                return [tell(events_pb2.SourceChanged(source=source_to_proto(source)), owner, "source", "changed")]
            case DeviceCredentialChanged(device):
                message = events_pb2.DeviceCredentialChanged(
                    device=device_to_proto(device), secret_sha256=device.secret_hash
                )
                return [tell(message, device.tenant, "device", "changed")]
            case ContractPublished(contract, series):
                chunks = [series[i : i + SERIES_PER_EVENT] for i in range(0, len(series), SERIES_PER_EVENT)]
                return [
                    tell(
                        events_pb2.ContractPublished(
                            contract=contract_to_proto(contract),
                            series=[series_to_proto(each) for each in chunk],
                            part=number,
                            parts=len(chunks),
                        ),
                        contract.tenant,
                        "contract",
                        "published",
                    )
                    for number, chunk in enumerate(chunks, 1)
                ]

    return make
