"""Reads the request, calls the handler, writes the answer. No decision is taken here."""

from __future__ import annotations

from typing import Any

from ioc.registry.v1 import (
    catalogue_pb2,
    catalogue_pb2_grpc,
    contract_pb2,
    contract_pb2_grpc,
    device_pb2,
    device_pb2_grpc,
    place_pb2,
    place_pb2_grpc,
    source_pb2,
    source_pb2_grpc,
)
from ioc_kit.rpc import current_caller
from ioc_registry.domain.catalogue import Catalogue
from ioc_registry.domain.place import Agency, Area, Tenant
from ioc_registry.domain.source import Source
from ioc_registry.handlers import RegistryHandlers
from ioc_registry.rpc import convert_contract, convert_place, convert_source
from ioc_registry.rpc.convert_text import day_from_text

Context = Any


class PlaceServicer(
    place_pb2_grpc.TenantServiceServicer, place_pb2_grpc.AreaServiceServicer, place_pb2_grpc.AgencyServiceServicer
):
    """TenantService, AreaService and AgencyService."""

    def __init__(self, handlers: RegistryHandlers) -> None:
        self._handlers = handlers

    async def GetTenant(self, request: place_pb2.GetTenantRequest, context: Context) -> place_pb2.GetTenantResponse:
        tenant = await self._handlers.get(current_caller(), Tenant, request.code)
        return place_pb2.GetTenantResponse(tenant=convert_place.tenant_to_proto(tenant))

    async def ListTenants(
        self, request: place_pb2.ListTenantsRequest, context: Context
    ) -> place_pb2.ListTenantsResponse:
        page = await self._handlers.search(
            current_caller(),
            Tenant,
            search=request.search,
            as_of=None,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        tenants = [convert_place.tenant_to_proto(tenant) for tenant in page.items]
        return place_pb2.ListTenantsResponse(tenants=tenants, next_page_token=page.next_page_token)

    async def GetArea(self, request: place_pb2.GetAreaRequest, context: Context) -> place_pb2.GetAreaResponse:
        area = await self._handlers.get(current_caller(), Area, request.code)
        return place_pb2.GetAreaResponse(area=convert_place.area_to_proto(area))

    async def ListAreas(self, request: place_pb2.ListAreasRequest, context: Context) -> place_pb2.ListAreasResponse:
        page = await self._handlers.search(
            current_caller(),
            Area,
            search=request.search,
            as_of=day_from_text(request.as_of, "as_of"),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        areas = [convert_place.area_to_proto(area) for area in page.items]
        return place_pb2.ListAreasResponse(areas=areas, next_page_token=page.next_page_token)

    async def GetAgency(self, request: place_pb2.GetAgencyRequest, context: Context) -> place_pb2.GetAgencyResponse:
        agency = await self._handlers.get(current_caller(), Agency, request.code)
        return place_pb2.GetAgencyResponse(agency=convert_place.agency_to_proto(agency))

    async def ListAgencies(
        self, request: place_pb2.ListAgenciesRequest, context: Context
    ) -> place_pb2.ListAgenciesResponse:
        page = await self._handlers.search(
            current_caller(),
            Agency,
            search=request.search,
            as_of=day_from_text(request.as_of, "as_of"),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        agencies = [convert_place.agency_to_proto(agency) for agency in page.items]
        return place_pb2.ListAgenciesResponse(agencies=agencies, next_page_token=page.next_page_token)


class SourceServicer(source_pb2_grpc.SourceServiceServicer):
    """SourceService."""

    def __init__(self, handlers: RegistryHandlers) -> None:
        self._handlers = handlers

    async def GetSource(self, request: source_pb2.GetSourceRequest, context: Context) -> source_pb2.GetSourceResponse:
        source = await self._handlers.get(current_caller(), Source, request.code)
        return source_pb2.GetSourceResponse(source=convert_source.source_to_proto(source))

    async def ListSources(
        self, request: source_pb2.ListSourcesRequest, context: Context
    ) -> source_pb2.ListSourcesResponse:
        page = await self._handlers.search(
            current_caller(),
            Source,
            search=request.search,
            as_of=None,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        sources = [convert_source.source_to_proto(source) for source in page.items]
        return source_pb2.ListSourcesResponse(sources=sources, next_page_token=page.next_page_token)

    async def UpdateReadiness(
        self, request: source_pb2.UpdateReadinessRequest, context: Context
    ) -> source_pb2.UpdateReadinessResponse:
        readiness = convert_source.readiness_from_proto(request.readiness)
        source = await self._handlers.update_readiness(current_caller(), request.code, readiness)
        return source_pb2.UpdateReadinessResponse(source=convert_source.source_to_proto(source))


class ContractServicer(contract_pb2_grpc.ContractServiceServicer, contract_pb2_grpc.SeriesServiceServicer):
    """ContractService and SeriesService."""

    def __init__(self, handlers: RegistryHandlers) -> None:
        self._handlers = handlers

    async def GetContract(
        self, request: contract_pb2.GetContractRequest, context: Context
    ) -> contract_pb2.GetContractResponse:
        contract = await self._handlers.get_contract(current_caller(), request.contract)
        return contract_pb2.GetContractResponse(contract=convert_contract.contract_to_proto(contract))

    async def ListContracts(
        self, request: contract_pb2.ListContractsRequest, context: Context
    ) -> contract_pb2.ListContractsResponse:
        page = await self._handlers.list_contracts(
            current_caller(), source=request.source, page_size=request.page_size, page_token=request.page_token
        )
        contracts = [convert_contract.contract_to_proto(contract) for contract in page.items]
        return contract_pb2.ListContractsResponse(contracts=contracts, next_page_token=page.next_page_token)

    async def GetSeries(
        self, request: contract_pb2.GetSeriesRequest, context: Context
    ) -> contract_pb2.GetSeriesResponse:
        series = await self._handlers.get_series(current_caller(), request.key)
        return contract_pb2.GetSeriesResponse(series=convert_contract.series_to_proto(series))

    async def ListSeries(
        self, request: contract_pb2.ListSeriesRequest, context: Context
    ) -> contract_pb2.ListSeriesResponse:
        page = await self._handlers.list_series(
            current_caller(),
            source=request.source,
            measure=request.measure,
            area=request.area,
            thing=request.thing,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        series = [convert_contract.series_to_proto(each) for each in page.items]
        return contract_pb2.ListSeriesResponse(series=series, next_page_token=page.next_page_token)


class DeviceServicer(device_pb2_grpc.DeviceServiceServicer):
    """DeviceService."""

    def __init__(self, handlers: RegistryHandlers) -> None:
        self._handlers = handlers

    async def GetDevice(self, request: device_pb2.GetDeviceRequest, context: Context) -> device_pb2.GetDeviceResponse:
        device = await self._handlers.get_device(current_caller(), request.device_id)
        return device_pb2.GetDeviceResponse(device=convert_contract.device_to_proto(device))

    async def ListDevices(
        self, request: device_pb2.ListDevicesRequest, context: Context
    ) -> device_pb2.ListDevicesResponse:
        page = await self._handlers.list_devices(
            current_caller(), page_size=request.page_size, page_token=request.page_token
        )
        devices = [convert_contract.device_to_proto(device) for device in page.items]
        return device_pb2.ListDevicesResponse(devices=devices, next_page_token=page.next_page_token)

    async def IssueDeviceCredential(
        self, request: device_pb2.IssueDeviceCredentialRequest, context: Context
    ) -> device_pb2.IssueDeviceCredentialResponse:
        device, secret = await self._handlers.issue_device_credential(current_caller(), request.device_id)
        return device_pb2.IssueDeviceCredentialResponse(device=convert_contract.device_to_proto(device), secret=secret)

    async def RevokeDeviceCredential(
        self, request: device_pb2.RevokeDeviceCredentialRequest, context: Context
    ) -> device_pb2.RevokeDeviceCredentialResponse:
        device = await self._handlers.revoke_device_credential(current_caller(), request.device_id)
        return device_pb2.RevokeDeviceCredentialResponse(device=convert_contract.device_to_proto(device))


class CatalogueServicer(catalogue_pb2_grpc.CatalogueServiceServicer):
    """CatalogueService."""

    def __init__(self, handlers: RegistryHandlers) -> None:
        self._handlers = handlers

    async def ApplyCatalogue(
        self, request: catalogue_pb2.ApplyCatalogueRequest, context: Context
    ) -> catalogue_pb2.ApplyCatalogueResponse:
        catalogue = Catalogue(
            tuple(convert_place.tenant_from_proto(each) for each in request.tenants),
            tuple(convert_place.area_from_proto(each) for each in request.areas),
            tuple(convert_place.agency_from_proto(each) for each in request.agencies),
            tuple(convert_source.source_from_proto(each) for each in request.sources),
            tuple(convert_contract.contract_from_proto(each) for each in request.contracts),
        )
        applied = await self._handlers.apply_catalogue(current_caller(), catalogue, is_dry_run=request.dry_run)
        changes = [
            catalogue_pb2.CatalogueChange(kind=change.kind, code=change.code, is_new=change.is_new)
            for change in applied.changes
        ]
        return catalogue_pb2.ApplyCatalogueResponse(changes=changes, unchanged=applied.unchanged)
