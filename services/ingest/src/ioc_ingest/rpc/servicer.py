"""Reads: reads the request, calls the handler, writes the answer. No decision is taken here."""

from __future__ import annotations

from typing import Any

from ioc.ingest.v1 import (
    balance_pb2,
    balance_pb2_grpc,
    observation_pb2,
    observation_pb2_grpc,
    quarantine_pb2,
    quarantine_pb2_grpc,
)
from ioc_ingest.handlers import IngestHandlers
from ioc_ingest.ports import SeriesFilter
from ioc_ingest.rpc import convert
from ioc_kit.rpc import current_caller

Context = Any


class LedgerServicer(observation_pb2_grpc.ObservationServiceServicer, observation_pb2_grpc.StatusServiceServicer):
    """ObservationService and StatusService."""

    def __init__(self, handlers: IngestHandlers) -> None:
        self._handlers = handlers

    async def ListLatestObservations(
        self, request: observation_pb2.ListLatestObservationsRequest, context: Context
    ) -> observation_pb2.ListLatestObservationsResponse:
        wanted = SeriesFilter(request.source, request.measure, request.area, request.thing)
        page = await self._handlers.list_latest(
            current_caller(), wanted, page_size=request.page_size, page_token=request.page_token
        )
        return observation_pb2.ListLatestObservationsResponse(
            observations=[convert.observation_to_proto(each) for each in page.items],
            next_page_token=page.next_page_token,
        )

    async def ListObservations(
        self, request: observation_pb2.ListObservationsRequest, context: Context
    ) -> observation_pb2.ListObservationsResponse:
        start, end = convert.interval_from_proto(request.interval)
        page = await self._handlers.list_observations(
            current_caller(),
            request.series_key,
            start=start,
            end=end,
            as_of=convert.time_from_proto(request.as_of, "as_of") if request.HasField("as_of") else None,
            include_revisions=request.include_revisions,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return observation_pb2.ListObservationsResponse(
            observations=[convert.observation_to_proto(each) for each in page.items],
            next_page_token=page.next_page_token,
        )

    async def AggregateWindows(
        self, request: observation_pb2.AggregateWindowsRequest, context: Context
    ) -> observation_pb2.AggregateWindowsResponse:
        windows = [convert.window_from_proto(window, number) for number, window in enumerate(request.windows)]
        aggregates, position = await self._handlers.aggregate_windows(
            current_caller(), windows, as_of_position=request.as_of_position
        )
        return observation_pb2.AggregateWindowsResponse(
            aggregates=[convert.aggregate_to_proto(each) for each in aggregates], ledger_position=position
        )

    async def ListSourceStatus(
        self, request: observation_pb2.ListSourceStatusRequest, context: Context
    ) -> observation_pb2.ListSourceStatusResponse:
        page = await self._handlers.list_source_status(
            current_caller(), page_size=request.page_size, page_token=request.page_token
        )
        return observation_pb2.ListSourceStatusResponse(
            sources=[convert.source_status_to_proto(each) for each in page.items],
            next_page_token=page.next_page_token,
        )

    async def ListDeviceStatus(
        self, request: observation_pb2.ListDeviceStatusRequest, context: Context
    ) -> observation_pb2.ListDeviceStatusResponse:
        page = await self._handlers.list_device_status(
            current_caller(), page_size=request.page_size, page_token=request.page_token
        )
        return observation_pb2.ListDeviceStatusResponse(
            devices=[convert.device_status_to_proto(each) for each in page.items],
            next_page_token=page.next_page_token,
        )


class BooksServicer(balance_pb2_grpc.BalanceServiceServicer, quarantine_pb2_grpc.QuarantineServiceServicer):
    """BalanceService and QuarantineService."""

    def __init__(self, handlers: IngestHandlers) -> None:
        self._handlers = handlers

    async def GetBalance(
        self, request: balance_pb2.GetBalanceRequest, context: Context
    ) -> balance_pb2.GetBalanceResponse:
        start, end = convert.interval_from_proto(request.interval)
        rows = await self._handlers.get_balance(current_caller(), start=start, end=end, source=request.source)
        return balance_pb2.GetBalanceResponse(
            rows=[convert.book_row_to_proto(row) for row in rows], is_balanced=all(row.is_balanced for row in rows)
        )

    async def RecountLedger(
        self, request: balance_pb2.RecountLedgerRequest, context: Context
    ) -> balance_pb2.RecountLedgerResponse:
        recount = await self._handlers.recount_ledger(current_caller())
        return balance_pb2.RecountLedgerResponse(
            ledger_rows=recount.ledger_rows, booked_rows=recount.booked_rows, repeated_rows=recount.repeated_rows
        )

    async def GetQuarantineItem(
        self, request: quarantine_pb2.GetQuarantineItemRequest, context: Context
    ) -> quarantine_pb2.GetQuarantineItemResponse:
        item = await self._handlers.get_quarantine_item(current_caller(), request.item_id)
        return quarantine_pb2.GetQuarantineItemResponse(item=convert.quarantine_item_to_proto(item))

    async def ListQuarantineItems(
        self, request: quarantine_pb2.ListQuarantineItemsRequest, context: Context
    ) -> quarantine_pb2.ListQuarantineItemsResponse:
        page = await self._handlers.list_quarantine_items(
            current_caller(),
            source=request.source,
            door=request.door,
            rule=request.rule,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return quarantine_pb2.ListQuarantineItemsResponse(
            items=[convert.quarantine_item_to_proto(each) for each in page.items],
            next_page_token=page.next_page_token,
        )
