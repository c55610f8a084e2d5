"""Error kinds to and from `google.rpc.Status` with ErrorInfo, BadRequest and RetryInfo (AIP-193)."""

from __future__ import annotations

from datetime import timedelta

import grpc
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from ioc_kit.errors import (
    Conflict,
    Exhausted,
    FieldViolation,
    Forbidden,
    InvalidInput,
    IocError,
    NotFound,
    Stale,
    Unauthenticated,
    Unavailable,
)

_BY_CODE: dict[grpc.StatusCode, type[IocError]] = {
    kind.code: kind for kind in (InvalidInput, Unauthenticated, Forbidden, NotFound, Conflict, Stale)
}


def to_status(error: IocError, domain: str) -> status_pb2.Status:
    """The status that tells `error` to a gRPC caller; `domain` names the service, e.g. `alerts.ioc`."""
    details = [_pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=domain, metadata=error.metadata))]
    if isinstance(error, InvalidInput) and error.violations:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in error.violations
        ]
        details.append(_pack(error_details_pb2.BadRequest(field_violations=violations)))
    if isinstance(error, Exhausted | Unavailable):
        delay = Duration()
        delay.FromTimedelta(error.retry_after)
        details.append(_pack(error_details_pb2.RetryInfo(retry_delay=delay)))
    number = code_pb2.Code.Value(error.code.name)
    return status_pb2.Status(code=number, message=error.message, details=details)


def from_call(call: grpc.aio.AioRpcError) -> IocError:
    """The error kind that a peer's failed call stands for, with its reason, facts and violations."""
    code = call.code()
    message = call.details()
    status = rpc_status.from_call(call)  # type: ignore[arg-type]  # reads code, details and trailing metadata only
    reason, metadata, delay, violations = "", {}, timedelta(seconds=1), []
    for detail in status.details if status is not None else ():
        info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            violations = [FieldViolation(item.field, item.description) for item in bad.field_violations]
        elif detail.Unpack(retry):
            delay = retry.retry_delay.ToTimedelta()
    error = _make(code, message or code.name, delay, violations, metadata)
    if reason:
        error.reason = reason  # type: ignore[misc]  # the peer's reason, on this one instance
    return error


def _make(
    code: grpc.StatusCode,
    message: str,
    delay: timedelta,
    violations: list[FieldViolation],
    metadata: dict[str, str],
) -> IocError:
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Exhausted(message, delay, **metadata)
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        # The transport's own text names addresses of peers, which are nobody's business outside.
        return Unavailable("a part of the platform does not answer now; try again", delay, **metadata)
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return InvalidInput(message, *violations, **metadata)
    kind = _BY_CODE.get(code)
    return kind(message, **metadata) if kind else IocError("something went wrong inside; the trace id tells which")


def _pack(message: error_details_pb2.ErrorInfo) -> PackedAny:
    packed = PackedAny()
    packed.Pack(message)
    return packed
