"""Tenants, areas and agencies."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Path, Query, Request, Response

from ioc.registry.v1 import place_pb2
from ioc_gateway.answers import NOT_MODIFIED, page, problems, router, shown
from ioc_gateway.asking import CODE, Asking, Paged, SearchQuery
from ioc_gateway.models.places import Agency, AgencyPage, Area, AreaPage, Tenant, TenantPage

routes = router("places")
Code = Annotated[str, Path(pattern=CODE)]
AsOf = Annotated[date | None, Query(description="Only what was in force on this day", examples=["2025-07-01"])]


@routes.get(
    "/tenants",
    operation_id="listTenants",
    summary="The centres that have joined",
    response_model=TenantPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_tenants(request: Request, asking: Asking, paging: Paged, search: SearchQuery = "") -> Response:
    """In order of code."""
    found = await asking.ask(
        asking.peers.tenants.ListTenants,
        place_pb2.ListTenantsRequest(page_size=paging.size, page_token=paging.token, search=search),
    )
    return page(request, TenantPage, found.tenants, found.next_page_token)


@routes.get(
    "/tenants/{code}",
    operation_id="getTenant",
    summary="One centre",
    response_model=Tenant,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_tenant(request: Request, asking: Asking, code: Code) -> Response:
    """By code."""
    found = await asking.ask(asking.peers.tenants.GetTenant, place_pb2.GetTenantRequest(code=code))
    return shown(request, Tenant.of(found.tenant))


@routes.get(
    "/areas",
    operation_id="listAreas",
    summary="Administrative units, now and before",
    response_model=AreaPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_areas(
    request: Request, asking: Asking, paging: Paged, search: SearchQuery = "", as_of: AsOf = None
) -> Response:
    """In order of code. With `as_of` a page may hold fewer than `page_size`."""
    found = await asking.ask(
        asking.peers.areas.ListAreas,
        place_pb2.ListAreasRequest(
            page_size=paging.size,
            page_token=paging.token,
            search=search,
            as_of=as_of.isoformat() if as_of else "",
        ),
    )
    return page(request, AreaPage, found.areas, found.next_page_token)


@routes.get(
    "/areas/{code}",
    operation_id="getArea",
    summary="One administrative unit",
    response_model=Area,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_area(request: Request, asking: Asking, code: Code) -> Response:
    """By code."""
    found = await asking.ask(asking.peers.areas.GetArea, place_pb2.GetAreaRequest(code=code))
    return shown(request, Area.of(found.area))


@routes.get(
    "/agencies",
    operation_id="listAgencies",
    summary="Agencies that the plan names",
    response_model=AgencyPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_agencies(
    request: Request, asking: Asking, paging: Paged, search: SearchQuery = "", as_of: AsOf = None
) -> Response:
    """In order of code."""
    found = await asking.ask(
        asking.peers.agencies.ListAgencies,
        place_pb2.ListAgenciesRequest(
            page_size=paging.size,
            page_token=paging.token,
            search=search,
            as_of=as_of.isoformat() if as_of else "",
        ),
    )
    return page(request, AgencyPage, found.agencies, found.next_page_token)


@routes.get(
    "/agencies/{code}",
    operation_id="getAgency",
    summary="One agency",
    response_model=Agency,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_agency(request: Request, asking: Asking, code: Code) -> Response:
    """By code."""
    found = await asking.ask(asking.peers.agencies.GetAgency, place_pb2.GetAgencyRequest(code=code))
    return shown(request, Agency.of(found.agency))
