"""Tenants, areas and agencies to proto and back."""

from __future__ import annotations

from ioc.registry.v1 import place_pb2
from ioc_registry.domain.place import Agency, Area, Tenant
from ioc_registry.rpc.convert_text import (
    code_from_text,
    day_from_text,
    day_to_text,
    text_from_proto,
    text_to_proto,
)


def tenant_to_proto(tenant: Tenant) -> place_pb2.Tenant:
    return place_pb2.Tenant(
        tenant=tenant.tenant,
        name=text_to_proto(tenant.name),
        parent=tenant.parent,
        areas=tenant.areas,
        valid_from=day_to_text(tenant.valid_from),
        valid_to=day_to_text(tenant.valid_to),
    )


def tenant_from_proto(message: place_pb2.Tenant) -> Tenant:
    return Tenant(
        code_from_text(message.tenant, "tenant"),
        text_from_proto(message.name),
        message.parent,
        tuple(message.areas),
        day_from_text(message.valid_from, "valid_from"),
        day_from_text(message.valid_to, "valid_to"),
    )


def area_to_proto(area: Area) -> place_pb2.Area:
    return place_pb2.Area(
        code=area.code,
        name=text_to_proto(area.name),
        kind=area.kind,
        parent=area.parent,
        centre_lon=area.centre_lon,
        centre_lat=area.centre_lat,
        area_km2=area.area_km2,
        population=area.population,
        valid_from=day_to_text(area.valid_from),
        valid_to=day_to_text(area.valid_to),
        predecessors=area.predecessors,
        successors=area.successors,
    )


def area_from_proto(message: place_pb2.Area) -> Area:
    return Area(
        code_from_text(message.code, "area"),
        text_from_proto(message.name),
        message.kind,
        message.parent,
        message.centre_lon if message.HasField("centre_lon") else None,
        message.centre_lat if message.HasField("centre_lat") else None,
        message.area_km2 if message.HasField("area_km2") else None,
        message.population if message.HasField("population") else None,
        day_from_text(message.valid_from, "valid_from"),
        day_from_text(message.valid_to, "valid_to"),
        tuple(message.predecessors),
        tuple(message.successors),
    )


def agency_to_proto(agency: Agency) -> place_pb2.Agency:
    return place_pb2.Agency(
        code=agency.code,
        name=text_to_proto(agency.name),
        parent=agency.parent,
        is_group=agency.is_group,
        succeeded_by=agency.succeeded_by,
        succeeded_on=day_to_text(agency.succeeded_on),
        is_verified=agency.is_verified,
        area=agency.area,
        note=agency.note,
        valid_from=day_to_text(agency.valid_from),
        valid_to=day_to_text(agency.valid_to),
    )


def agency_from_proto(message: place_pb2.Agency) -> Agency:
    return Agency(
        code_from_text(message.code, "agency"),
        text_from_proto(message.name),
        message.parent,
        message.is_group,
        message.succeeded_by,
        day_from_text(message.succeeded_on, "succeeded_on"),
        message.is_verified,
        message.area,
        message.note,
        day_from_text(message.valid_from, "valid_from"),
        day_from_text(message.valid_to, "valid_to"),
    )
