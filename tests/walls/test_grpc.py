"""Every RPC of every service, called by Hoàng Mai with Vinh's name, and every list read as itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory, text_format
from google.protobuf.descriptor import MethodDescriptor

PACKAGES = {"registry": "registry", "ingest": "ingest", "kpi": "kpi", "alerts": "alerts", "soc": "soc-bridge"}
"""Proto package to the service that serves it."""


REFUSALS = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)


def _methods() -> Iterator[tuple[str, MethodDescriptor]]:
    for package, service in PACKAGES.items():
        stubs = importlib.import_module(f"ioc.{package}.v1")
        for module in pkgutil.iter_modules(stubs.__path__):
            if module.name.endswith("_pb2"):
                loaded = importlib.import_module(f"{stubs.__name__}.{module.name}")
                for found in loaded.DESCRIPTOR.services_by_name.values():
                    for method in found.methods:
                        yield service, method


METHODS = [pytest.param(service, method, id=method.full_name) for service, method in _methods()]


async def _call(channel: grpc.aio.Channel, method: MethodDescriptor, metadata: Any, **fields: Any) -> Any:
    request_type = message_factory.GetMessageClass(method.input_type)
    response_type = message_factory.GetMessageClass(method.output_type)
    path = f"/{method.containing_service.full_name}/{method.name}"
    coders = {"request_serializer": request_type.SerializeToString, "response_deserializer": response_type.FromString}
    request = request_type(**fields)
    # A stream is refused before its first message: none is sent, so that none is in the way of the refusal.
    if method.client_streaming and method.server_streaming:
        answers = channel.stream_stream(path, **coders)(iter(()), metadata=metadata, timeout=10)
        return [answer async for answer in answers]
    if method.client_streaming:
        return await channel.stream_unary(path, **coders)(iter(()), metadata=metadata, timeout=10)
    return await channel.unary_unary(path, **coders)(request, metadata=metadata, timeout=10)


def test_every_service_is_among_them() -> None:
    assert len(METHODS) > 40
    assert {parameter.values[0] for parameter in METHODS} == set(PACKAGES.values())


@pytest.mark.parametrize(("service", "method"), METHODS)
async def test_naming_another_tenant_is_refused(
    service: str, method: MethodDescriptor, platform: Any, channel: Callable[..., Any]
) -> None:
    for login in ("hoang-mai-ioc", "hoangmai.quan.tri"):
        metadata = await platform.sign_ins.metadata(login, tenant="vinh")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _call(channel(service), method, metadata)
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        reasons = dict(refused.value.trailing_metadata() or ())["grpc-status-details-bin"].decode("utf-8", "replace")
        assert "TENANT_FORBIDDEN" in reasons or "METHOD_REFUSED" in reasons


@pytest.mark.parametrize(
    ("service", "method"), [each for each in METHODS if "page_size" in each.values[1].input_type.fields_by_name]
)
async def test_no_list_shows_a_neighbour_anything_of_vinhs(
    service: str, method: MethodDescriptor, platform: Any, channel: Callable[..., Any], canaries: Any
) -> None:
    asked = {"page_size": 1000}
    fields = method.input_type.fields_by_name
    asked |= {name: canaries.ids[name] for name in ("series_key", "alert_id") if name in fields}
    for login in ("hoang-mai-ioc", "hoangmai.quan.tri"):
        try:
            answer = await _call(channel(service), method, await platform.sign_ins.metadata(login), **asked)
        except grpc.aio.AioRpcError as error:
            if error.code() not in REFUSALS:
                raise
            continue
        shown = text_format.MessageToString(answer)
        assert not [word for word in canaries.words if word in shown]
        if method.name != "ListTenants":
            assert 'tenant: "vinh"' not in shown


async def test_a_list_of_vinhs_own_shows_the_canary(platform: Any, channel: Callable[..., Any], canaries: Any) -> None:
    """Without this the test above could not fail."""
    method = next(m for _, m in _methods() if m.name == "ListQuarantineItems")
    answer = await _call(channel("ingest"), method, await platform.sign_ins.metadata("vinh-ioc"), page_size=1000)
    assert canaries.words[0] in text_format.MessageToString(answer)
