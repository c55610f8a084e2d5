"""A channel to a peer service: the caller's token goes along, the trace too, and failures come back as error kinds."""

from __future__ import annotations

from typing import Any

import grpc
from opentelemetry.instrumentation.grpc import aio_client_interceptors

from ioc_kit.rpc.status import from_call
from ioc_kit.telemetry import inject
from ioc_kit.tenancy import Caller

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
error_from_call = from_call


class PeerChannel:
    """One connection to a peer for the life of the process: `channel` goes into stubs; close with `aclose`."""

    def __init__(self, address: str, *, is_traced: bool = True) -> None:
        """Without `is_traced` no interceptor stands between the caller and the call, as piecewise writing needs."""
        interceptors = aio_client_interceptors() if is_traced else None  # type: ignore[no-untyped-call]
        self.channel = grpc.aio.insecure_channel(address, options=OPTIONS, interceptors=interceptors)

    async def aclose(self) -> None:
        """Lets running calls end for a second, then closes."""
        await self.channel.close(grace=1.0)


def call_metadata(caller: Caller, *, narrow_to: str | None = None) -> tuple[tuple[str, str], ...]:
    """The metadata of a call made on behalf of `caller`, optionally narrowed to one tenant."""
    return token_metadata(caller.token, narrow_to=narrow_to)


def token_metadata(token: str, *, narrow_to: str | None = None) -> tuple[tuple[str, str], ...]:
    """The metadata of a call made with a bare token."""
    metadata: list[tuple[str, Any]] = [("authorization", f"Bearer {token}")]
    if narrow_to:
        metadata.append(("ioc-tenant", narrow_to))
    return tuple(metadata)


def traced(metadata: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The metadata with the running span's trace, for a call on a channel that does not add it by itself."""
    carrier: dict[str, str] = {}
    inject(carrier)
    return (*metadata, *carrier.items())
