"""What goes wrong at the edge itself, before or beside any service."""

from __future__ import annotations

import grpc
from starlette.exceptions import HTTPException

from ioc_kit.errors import Forbidden, IocError


class RoleRefused(Forbidden):
    """The caller's roles do not allow this address."""

    reason = "ROLE_REFUSED"

    def __init__(self, *needed: str) -> None:
        super().__init__(f"this needs one of the roles {', '.join(sorted(needed))}", needed=",".join(sorted(needed)))


class MediaTypeRefused(IocError):
    """The body is in a form that this address does not take."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 415
    reason = "UNSUPPORTED_MEDIA_TYPE"

    def __init__(self, taken: str) -> None:
        super().__init__(f"send one of {taken}, not compressed", taken=taken)


class UploadTooLarge(IocError):
    """The file holds more bytes than one may."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 413
    reason = "FILE_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        super().__init__(f"a file may hold {limit} bytes; send it in parts", limit=limit)


class UploadTooSlow(IocError):
    """The file did not arrive in the time that an upload may take."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    http_status = 408
    reason = "UPLOAD_TOO_SLOW"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the file did not arrive within {seconds:.0f} s; nothing was taken", seconds=seconds)


class BodyTooLarge(HTTPException):
    """More bytes came than the address takes; an HTTPException, because it is raised while FastAPI reads the body."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"the body may hold {limit} bytes; send less at a time")
