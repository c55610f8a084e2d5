"""Contracts, series and devices."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response

from ioc.ingest.v1 import observation_pb2
from ioc.registry.v1 import contract_pb2, device_pb2
from ioc_gateway.answers import NOT_MODIFIED, page, problems, router, shown
from ioc_gateway.asking import CODE, Asking, CodeQuery, Paged, RequestId
from ioc_gateway.models.contracts import (
    Contract,
    ContractPage,
    Device,
    DeviceCredential,
    DevicePage,
    DeviceStatusPage,
    SeriesPage,
)

routes = router("contracts")
Code = Annotated[str, Path(pattern=CODE)]
DeviceId = Annotated[str, Path(pattern=CODE, examples=["aq-vinh-01"])]


@routes.get(
    "/contracts",
    operation_id="listContracts",
    summary="Data contracts in force",
    response_model=ContractPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_contracts(request: Request, asking: Asking, paging: Paged, source: CodeQuery = "") -> Response:
    """The newest version of each, in order of tenant and code."""
    found = await asking.ask(
        asking.peers.contracts.ListContracts,
        contract_pb2.ListContractsRequest(page_size=paging.size, page_token=paging.token, source=source),
    )
    return page(request, ContractPage, found.contracts, found.next_page_token)


@routes.get(
    "/contracts/{contract}",
    operation_id="getContract",
    summary="One contract of your tenant",
    response_model=Contract,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_contract(request: Request, asking: Asking, contract: Code) -> Response:
    """The newest version. A province caller names the tenant by `?tenant=`."""
    found = await asking.ask(asking.peers.contracts.GetContract, contract_pb2.GetContractRequest(contract=contract))
    return shown(request, Contract.of(found.contract))


@routes.get(
    "/series",
    operation_id="listSeries",
    summary="What observations belong to",
    response_model=SeriesPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_series(
    request: Request,
    asking: Asking,
    paging: Paged,
    source: CodeQuery = "",
    measure: CodeQuery = "",
    area: CodeQuery = "",
    thing: CodeQuery = "",
) -> Response:
    """In order of tenant and key."""
    found = await asking.ask(
        asking.peers.series.ListSeries,
        contract_pb2.ListSeriesRequest(
            page_size=paging.size, page_token=paging.token, source=source, measure=measure, area=area, thing=thing
        ),
    )
    return page(request, SeriesPage, found.series, found.next_page_token)


@routes.get(
    "/devices",
    operation_id="listDevices",
    summary="Devices that speak for themselves",
    response_model=DevicePage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_devices(request: Request, asking: Asking, paging: Paged) -> Response:
    """In order of id."""
    found = await asking.ask(
        asking.peers.devices.ListDevices,
        device_pb2.ListDevicesRequest(page_size=paging.size, page_token=paging.token),
    )
    return page(request, DevicePage, found.devices, found.next_page_token)


@routes.get(
    "/devices/{device_id}",
    operation_id="getDevice",
    summary="One device",
    response_model=Device,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_device(request: Request, asking: Asking, device_id: DeviceId) -> Response:
    """By id."""
    found = await asking.ask(asking.peers.devices.GetDevice, device_pb2.GetDeviceRequest(device_id=device_id))
    return shown(request, Device.of(found.device))


@routes.post(
    "/devices/{device_id}/credential",
    operation_id="issueDeviceCredential",
    summary="A new secret for a device, told once",
    status_code=201,
    response_model=DeviceCredential,
    responses=problems(404, 409),
)
async def issue_credential(request: Request, asking: Asking, device_id: DeviceId, request_id: RequestId) -> Response:
    """The old secret ends at once. Asking again issues another: a secret is never told twice."""
    done = await asking.ask(
        asking.peers.devices.IssueDeviceCredential,
        device_pb2.IssueDeviceCredentialRequest(device_id=device_id, request_id=request_id),
    )
    return shown(request, DeviceCredential.of(done), status=201)


@routes.delete(
    "/devices/{device_id}/credential",
    operation_id="revokeDeviceCredential",
    summary="End the credential of a device",
    response_model=Device,
    responses=problems(404, 409),
)
async def revoke_credential(request: Request, asking: Asking, device_id: DeviceId, request_id: RequestId) -> Response:
    """The device is cut off. Doing so again changes nothing."""
    done = await asking.ask(
        asking.peers.devices.RevokeDeviceCredential,
        device_pb2.RevokeDeviceCredentialRequest(device_id=device_id, request_id=request_id),
    )
    return shown(request, Device.of(done.device))


@routes.get(
    "/device-status",
    operation_id="listDeviceStatus",
    summary="How devices are doing",
    response_model=DeviceStatusPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_device_status(request: Request, asking: Asking, paging: Paged) -> Response:
    """In order of id: when each was last heard, and why its messages were refused."""
    found = await asking.ask(
        asking.peers.status.ListDeviceStatus,
        observation_pb2.ListDeviceStatusRequest(page_size=paging.size, page_token=paging.token),
    )
    return page(request, DeviceStatusPage, found.devices, found.next_page_token)
