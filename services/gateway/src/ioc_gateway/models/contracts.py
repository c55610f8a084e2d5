"""Contracts, the series that follow from them, and devices."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from ioc.ingest.v1 import observation_pb2
from ioc.registry.v1 import contract_pb2, device_pb2
from ioc_gateway.models.shown import Citation, Page, PeriodKind, Shown, Text


class Measure(Shown):
    """A quantity that a contract allows."""

    proto = contract_pb2.Measure
    measure: str
    unit: str = Field(description="UCUM code")
    name: Text | None
    minimum: float | None
    maximum: float | None
    resolution: float


class Thing(Shown):
    """A station, vehicle or the like."""

    proto = contract_pb2.Thing
    thing: str
    area: str
    name: Text | None
    device_id: str
    lon: float | None
    lat: float | None


class Dimension(Shown):
    """A further key of a series."""

    proto = contract_pb2.Dimension
    name: str
    codes: list[str]
    is_required: bool


class Contract(Shown):
    """The newest version of a data contract."""

    proto = contract_pb2.Contract
    contract: str
    version: int
    tenant: str
    source: str
    name: Text | None
    measures: list[Measure]
    things: list[Thing]
    areas: list[str]
    dimensions: list[Dimension]
    period_kind: PeriodKind | None
    cadence_seconds: float | None
    allowed_lateness_seconds: float | None
    clock_skew_seconds: float | None
    retention_seconds: float | None
    privacy_k: int
    mode: Literal["enforce", "observe"] | None
    columns: dict[str, str]
    constants: dict[str, str]
    valid_from: str
    valid_to: str
    citation: Citation | None


class Series(Shown):
    """What observations belong to."""

    proto = contract_pb2.Series
    key: str = Field(examples=["air-quality/pm25_ugm3/16690/aq-vinh-01"])
    tenant: str
    source: str
    measure: str
    unit: str
    area: str
    thing: str
    dimensions: dict[str, str]
    period_kind: PeriodKind | None
    contract: str
    contract_version: int
    name: Text | None


class Device(Shown):
    """A device that speaks for itself over MQTT."""

    proto = device_pb2.Device
    device_id: str
    tenant: str
    contract: str
    source: str
    thing: str
    state: Literal["waiting", "active", "revoked"] | None
    last_issued_at: AwareDatetime | None
    topic: str


class DeviceCredential(Shown):
    """A new credential. The secret is told this once and kept only as a hash."""

    proto = device_pb2.IssueDeviceCredentialResponse
    device: Device
    secret: str = Field(description="The MQTT password; user name and client id are the device id")


class DeviceStatus(Shown):
    """How a device is doing."""

    proto = observation_pb2.DeviceStatus
    device_id: str
    tenant: str
    last_seen_at: AwareDatetime | None
    messages: int
    refused: int
    last_refusal_vi: str
    last_refusal_en: str


class ContractPage(Page[Contract]):
    """A page of contracts, in order of tenant and code."""


class SeriesPage(Page[Series]):
    """A page of series, in order of tenant and key."""


class DevicePage(Page[Device]):
    """A page of devices, in order of id."""


class DeviceStatusPage(Page[DeviceStatus]):
    """A page of states of devices, in order of id."""
