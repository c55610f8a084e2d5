"""The few kinds of error that a caller can meet, each with its gRPC code, its HTTP status and whether to try again.

A service subclasses a kind and names the reason; facts go in as keyword arguments and come out as metadata:

    class AlertNotFound(NotFound):
        reason = "ALERT_NOT_FOUND"
        def __init__(self, alert_id: str) -> None:
            super().__init__(f"no alert {alert_id!r}", alert_id=alert_id)

The message is public: it reaches the caller as it stands. What must stay inside goes to the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import grpc


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One wrong field: its path in the request, what is wrong, and what would be right."""

    field: str
    description: str


class IocError(Exception):
    """A failure that is told to the caller: code, stable reason, public message, facts as text."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    http_status: ClassVar[int] = 500
    is_retryable: ClassVar[bool] = False
    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, **metadata: object) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = {key: str(value) for key, value in metadata.items()}


class InvalidInput(IocError):
    """The request can never succeed as it stands; the violations name the fields."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 400
    reason = "INVALID_INPUT"

    def __init__(self, message: str, *violations: FieldViolation, **metadata: object) -> None:
        super().__init__(message, **metadata)
        self.violations = violations

    @classmethod
    def field(cls, field: str, description: str, **metadata: object) -> InvalidInput:
        """An error about one field."""
        return cls(f"{field}: {description}", FieldViolation(field, description), **metadata)


class Unauthenticated(IocError):
    """No token, or one that does not hold."""

    code = grpc.StatusCode.UNAUTHENTICATED
    http_status = 401
    reason = "UNAUTHENTICATED"


class Forbidden(IocError):
    """The caller is known, and may not."""

    code = grpc.StatusCode.PERMISSION_DENIED
    http_status = 403
    reason = "FORBIDDEN"


class NotFound(IocError):
    """The thing is not there, or not for this caller: the two look alike on purpose."""

    code = grpc.StatusCode.NOT_FOUND
    http_status = 404
    reason = "NOT_FOUND"


class Conflict(IocError):
    """The thing exists already, or its state does not allow the verb."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    http_status = 409
    reason = "CONFLICT"


class Stale(IocError):
    """The caller decided on an older version of the thing: read again, then decide again."""

    code = grpc.StatusCode.ABORTED
    http_status = 412
    reason = "STALE_ETAG"


class Exhausted(IocError):
    """A quota is used up; `retry_after` says when to come back."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    http_status = 429
    is_retryable = True
    reason = "QUOTA_EXHAUSTED"

    def __init__(self, message: str, retry_after: timedelta, **metadata: object) -> None:
        super().__init__(message, **metadata)
        self.retry_after = retry_after


class Unavailable(IocError):
    """A part below does not answer now; nothing was done."""

    code = grpc.StatusCode.UNAVAILABLE
    http_status = 503
    is_retryable = True
    reason = "UNAVAILABLE"

    def __init__(self, message: str, retry_after: timedelta = timedelta(seconds=1), **metadata: object) -> None:
        super().__init__(message, **metadata)
        self.retry_after = retry_after


class TenantForbidden(Forbidden):
    """The call names a tenant outside the caller's scope."""

    reason = "TENANT_FORBIDDEN"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"tenant {tenant!r} is not yours to read", tenant=tenant)
