"""A centre that pushes its stations' readings in a gRPC stream, stamped so that nothing can get lost unseen."""

from __future__ import annotations

import hashlib

import grpc

from ioc.federation.v1 import stamp_pb2
from ioc.ingest.v1 import intake_pb2, intake_pb2_grpc
from ioc_devtools.simulate.air import Air
from ioc_devtools.simulate.doors import Away, Doors, Refused
from ioc_devtools.simulate.memory import CentreMemory, PendingBatch
from ioc_devtools.simulate.rounds import Keep, Tell
from ioc_devtools.simulate.stations import SOURCE, Centre
from ioc_kit.rpc.client import token_metadata

MINUTES_A_BATCH = 240
_STREAM_SECONDS = 60.0
_REFUSALS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


class StampingCentre:
    """One centre. A batch is written down before it goes, and sent again as it was until its receipt has come."""

    def __init__(self, centre: Centre, air: Air, doors: Doors, memory: CentreMemory, keep: Keep, tell: Tell) -> None:
        self.name = centre.client
        self._centre = centre
        self._air = air
        self._doors = doors
        self._memory = memory
        self._keep = keep
        self._tell = tell

    async def deliver(self, until: int) -> None:
        """Pushes every minute up to `until` in one stream. Raises Away or Refused."""
        if self._memory.pending is None and self._memory.sent_until >= until:
            return
        metadata = token_metadata(await self._doors.token(self._centre.client))
        try:
            async with grpc.aio.insecure_channel(self._doors.run().addresses["ingest"]) as channel:
                stream = intake_pb2_grpc.IntakeServiceStub(channel).PushBatches(
                    None,  # written below, batch by batch
                    metadata=metadata,
                    timeout=_STREAM_SECONDS,
                )
                rows = await self._push(stream, until)
        except grpc.aio.AioRpcError as error:
            if error.code() in _REFUSALS:
                raise Refused(f"{error.code().name}: {error.details()}") from error
            raise Away(f"ingest does not answer: {error.code().name} {error.details()}") from error
        self._tell(self.name, f"{rows} readings accepted, last stamp {self._memory.sequence}")

    async def aclose(self) -> None:
        """Nothing stays open between rounds."""

    async def _push(
        self,
        stream: grpc.aio.StreamStreamCall[intake_pb2.PushBatchesRequest, intake_pb2.PushBatchesResponse],
        until: int,
    ) -> int:
        rows = 0
        while pending := self._next(until):
            await stream.write(self.request(pending))
            answer = await stream.read()
            if not isinstance(answer, intake_pb2.PushBatchesResponse):
                # The stream has ended: its status says why.
                raise Away(f"the stream ended: {(await stream.code()).name} {await stream.details()}")
            self._settle(pending, answer.receipt)
            rows += answer.receipt.accepted
        await stream.done_writing()
        return rows

    def _next(self, until: int) -> PendingBatch | None:
        memory = self._memory
        if memory.pending is None and memory.sent_until < until:
            first = memory.sent_until + 1
            memory.pending = PendingBatch(memory.sequence + 1, first, min(until, first + MINUTES_A_BATCH - 1))
            self._keep()
        return memory.pending

    def request(self, pending: PendingBatch) -> intake_pb2.PushBatchesRequest:
        """The batch as it goes on the wire: the same for the same stamp, in whichever run."""
        series = [(station, name) for station in self._centre.stations for name in self._centre.measures]
        batch = intake_pb2.ObservationBatch(series_keys=[station.series_key(name) for station, name in series])
        for minute in range(pending.first, pending.last + 1):
            measured = {station.code: self._air.measure(station, minute) for station in self._centre.stations}
            for index, (station, name) in enumerate(series):
                batch.series_index.append(index)
                batch.time_us.append(minute * 60_000_000)
                batch.value.append(measured[station.code][name])
        content = hashlib.sha256(batch.SerializeToString(deterministic=True)).digest()
        return intake_pb2.PushBatchesRequest(
            batch_id=f"{self._centre.tenant}-{pending.sequence}-{pending.first}-{pending.last}",
            source=SOURCE,
            batch=batch,
            stamp=stamp_pb2.Stamp(sequence=pending.sequence, content_sha256=content),
        )

    def _settle(self, pending: PendingBatch, receipt: intake_pb2.Receipt) -> None:
        if receipt.quarantined:
            self._tell(self.name, f"{receipt.quarantined} readings of stamp {pending.sequence} went to quarantine")
        if receipt.stamp_verdict.has_gap:
            expected = receipt.stamp_verdict.expected_sequence
            self._tell(self.name, f"the province misses stamps before {pending.sequence}; it expected {expected}")
        self._memory.sent_until = max(self._memory.sent_until, pending.last)
        self._memory.sequence = pending.sequence
        self._memory.pending = None
        self._keep()
