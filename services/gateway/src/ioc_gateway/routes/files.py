"""Files of sources: streamed to ingest while they arrive."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Path, Query, Request, Response
from grpc.aio import AioRpcError
from python_multipart.multipart import parse_options_header

from ioc.ingest.v1 import intake_pb2
from ioc_gateway.answers import problems, router, shown
from ioc_gateway.asking import CODE, Asking
from ioc_gateway.errors import MediaTypeRefused, UploadTooSlow
from ioc_gateway.models.observations import FileReceipt
from ioc_gateway.uploads import FileBody, FormFile, discard_rest, relay, safe_name
from ioc_kit.errors import InvalidInput, IocError
from ioc_kit.rpc.client import call_metadata, traced

routes = router("observations")
UPLOAD_SECONDS = 120.0
_RAW = ("text/csv", "application/vnd.sdmx.data+csv", "application/octet-stream")
_CSV_EXAMPLE = (
    "STRUCTURE,STRUCTURE_ID,ACTION,REF_AREA,OWNER,INDICATOR,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE\n"
    "dataflow,NGHEAN:DISBURSEMENT(1.0),R,40,SO-GTVT,disbursed_vnd,2026-10,1250000000,VND\n"
)
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _CSV_EXAMPLE},
            "application/vnd.sdmx.data+csv": {"schema": {"type": "string"}, "example": _CSV_EXAMPLE},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "contentMediaType": "text/csv"}},
                    "required": ["file"],
                }
            },
        },
    }
}


@routes.post(
    "/sources/{code}/files",
    operation_id="uploadFile",
    summary="Upload a file of a source (SDMX-CSV 2.0)",
    response_model=FileReceipt,
    responses=problems(404, 408, 409, 413, 415),
    openapi_extra=_BODY,
)
async def upload_file(
    request: Request,
    asking: Asking,
    code: Annotated[str, Path(pattern=CODE, examples=["public-investment"])],
    filename: Annotated[str, Query(max_length=200, description="For the people who read the quarantine")] = "",
    reason: Annotated[str, Query(max_length=500, description="Why figures change, when they do")] = "",
) -> Response:
    """Good rows are durable when answered, bad rows are in quarantine with row, column, reason and remedy.

    The same file again stores nothing. The body is the file itself, or a form with one file.
    """
    file = _file_of(request, safe_name(filename) or f"{code}.csv")
    header = intake_pb2.FileHeader(source=code, reason=reason, format=intake_pb2.FILE_FORMAT_SDMX_CSV)
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            metadata = traced(call_metadata(asking.caller, narrow_to=asking.tenant))
            call = asking.peers.uploads.UploadFile(metadata=metadata, timeout=UPLOAD_SECONDS)  # type: ignore[call-arg]
            done = await relay(call, file, header, asking.parts.settings.max_upload_bytes)
    except TimeoutError as error:
        raise UploadTooSlow(UPLOAD_SECONDS) from error
    except (AioRpcError, IocError):
        await discard_rest(request)
        raise
    return shown(request, FileReceipt.of(done))


def _file_of(request: Request, filename: str) -> FileBody | FormFile:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    media_type = kind.decode("latin-1").lower()
    if request.headers.get("content-encoding", "identity") != "identity":
        raise MediaTypeRefused(", ".join((*_RAW, "multipart/form-data")))
    if media_type in _RAW:
        return FileBody(request.stream(), filename)
    if media_type == "multipart/form-data":
        boundary = options.get(b"boundary")
        if not boundary or len(boundary) > 70:  # RFC 2046 5.1.1
            raise InvalidInput.field("Content-Type", "names no boundary of 1 to 70 characters")
        return FormFile(request.stream(), boundary, filename)
    raise MediaTypeRefused(", ".join((*_RAW, "multipart/form-data")))
