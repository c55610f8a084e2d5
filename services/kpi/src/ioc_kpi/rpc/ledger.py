"""The observation ledger, asked over gRPC with the token of this service's own account."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC

import grpc

from ioc.ingest.v1 import observation_pb2, observation_pb2_grpc
from ioc_kit.rpc import error_from_call
from ioc_kit.rpc.client import token_metadata
from ioc_kpi.domain.window import Answer, Figures, Window

WINDOWS_A_CALL = 10_000
_DEADLINE_SECONDS = 20.0


class GrpcLedger:
    """Implements `Ledger`. The channel and the token are the composition root's to close."""

    def __init__(self, channel: grpc.aio.Channel, token: Callable[[], Awaitable[str]]) -> None:
        self._stub = observation_pb2_grpc.ObservationServiceStub(channel)
        self._token = token

    async def read(self, tenant: str, windows: Sequence[Window], *, as_of_position: int = 0) -> Answer:
        """The figures of each window. Raises Unavailable. Later calls of several read as of the first's position."""
        figures: dict[Window, Figures] = {}
        position = as_of_position
        for start in range(0, len(windows), WINDOWS_A_CALL):
            chunk = windows[start : start + WINDOWS_A_CALL]
            answer = await self._ask(tenant, chunk, position)
            position = position or answer.ledger_position
            figures.update(zip(chunk, map(_figures, answer.aggregates), strict=True))
        return Answer(figures, position)

    async def _ask(
        self, tenant: str, windows: Sequence[Window], position: int
    ) -> observation_pb2.AggregateWindowsResponse:
        request = observation_pb2.AggregateWindowsRequest(as_of_position=position)
        for window in windows:
            message = request.windows.add(series_key=window.series_key)
            getattr(message, "from").FromDatetime(window.period.start)  # `from` is a word of Python's own
            message.to.FromDatetime(window.period.end)
        metadata = token_metadata(await self._token(), narrow_to=tenant)
        try:
            answer: observation_pb2.AggregateWindowsResponse = await self._stub.AggregateWindows(
                request, metadata=metadata, timeout=_DEADLINE_SECONDS
            )
        except grpc.aio.AioRpcError as error:
            raise error_from_call(error) from error
        return answer


def _figures(message: observation_pb2.WindowAggregate) -> Figures:
    return Figures(
        count=message.count,
        total=message.sum if message.HasField("sum") else 0.0,
        minimum=message.min if message.HasField("min") else math.nan,
        maximum=message.max if message.HasField("max") else math.nan,
        last=message.last if message.HasField("last") else math.nan,
        last_at=message.last_at.ToDatetime(UTC) if message.HasField("last_at") else None,
        bad=message.bad_count,
        position=message.position,
        contract_version=message.contract_version,
    )
