"""Tenants, areas, agencies."""

from __future__ import annotations

from pydantic import Field

from ioc.registry.v1 import place_pb2
from ioc_gateway.models.shown import Page, Shown, Text, example


class Tenant(Shown):
    """A centre that joins the platform with its own data and people."""

    model_config = example(
        tenant="vinh",
        name={"vi": "Trung tâm điều hành thành phố Vinh", "en": "Operations centre of Vinh city"},
        parent="nghe-an",
        areas=["16690"],
        valid_from="2026-01-01",
        valid_to="",
    )
    proto = place_pb2.Tenant
    tenant: str
    name: Text | None
    parent: str = Field(description="Tenant above it; empty for the province")
    areas: list[str]
    valid_from: str
    valid_to: str = Field(description="Day after the last; empty means open")


class Area(Shown):
    """An administrative unit, with the days it was in force."""

    model_config = example(
        code="16690",
        name={"vi": "Phường Trường Vinh", "en": "Truong Vinh ward"},
        kind="ward",
        parent="40",
        centre_lon=105.68,
        centre_lat=18.67,
        area_km2=33.7,
        population=126000,
        valid_from="2025-07-01",
        valid_to="",
        predecessors=[],
        successors=[],
    )
    proto = place_pb2.Area
    code: str
    name: Text | None
    kind: str = Field(description="province, city, town, district, ward or commune")
    parent: str
    centre_lon: float | None = Field(description="Degrees, WGS 84")
    centre_lat: float | None = Field(description="Degrees, WGS 84")
    area_km2: float | None
    population: int | None
    valid_from: str
    valid_to: str
    predecessors: list[str]
    successors: list[str]


class Agency(Shown):
    """An agency that the plan names."""

    proto = place_pb2.Agency
    code: str
    name: Text | None
    parent: str
    is_group: bool
    succeeded_by: str
    succeeded_on: str
    is_verified: bool = Field(description="True when the succession was read in an official text")
    area: str
    note: str
    valid_from: str
    valid_to: str


class TenantPage(Page[Tenant]):
    """A page of tenants, in order of code."""


class AreaPage(Page[Area]):
    """A page of areas, in order of code."""


class AgencyPage(Page[Agency]):
    """A page of agencies, in order of code."""
