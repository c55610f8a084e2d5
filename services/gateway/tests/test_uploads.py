"""Files on their way to ingest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ioc.ingest.v1 import intake_pb2
from ioc_kit.errors import InvalidInput

CSV = b"STRUCTURE,STRUCTURE_ID,ACTION\ndataflow,X:Y(1.0),R\n"
URL = "/api/v1/sources/public-investment/files"


@pytest.fixture
def taken(peers: Any) -> list[tuple[Any, bytes]]:
    """Files that the fake ingest took: header and bytes."""
    files: list[tuple[Any, bytes]] = []

    async def take(requests: Any) -> Any:
        header, body = None, b""
        async for each in requests:
            if each.WhichOneof("part") == "header":
                header = each.header
            else:
                assert len(each.piece) <= 1024 * 1024
                body += each.piece
        # As ingest does before anything is durable. gRPC's server ends a cancelled stream like a whole one, and then
        # cancels whoever reads it: what is cancelled must be gone by here.
        await asyncio.to_thread(hashlib.sha256, body)
        files.append((header, body))
        receipt = intake_pb2.Receipt(received=1, accepted=1, content_sha256=hashlib.sha256(body).digest())
        return intake_pb2.UploadFileResponse(receipt=receipt)

    peers.on("UploadFile", take)
    return files


async def test_a_file_as_body_is_passed_on_byte_by_byte(gateway: Any, taken: Any) -> None:
    body = CSV * 40_000
    answer = await gateway.client("agency-editor", "operator").post(
        f"{URL}?filename=thang-10.csv&reason=đính chính", content=body, headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["receipt"]["content_sha256"] == hashlib.sha256(body).hexdigest()
    ((header, got),) = taken
    assert got == body
    assert (header.source, header.filename, header.reason) == ("public-investment", "thang-10.csv", "đính chính")
    assert header.format == intake_pb2.FILE_FORMAT_SDMX_CSV


async def test_a_file_in_a_form_is_passed_on(gateway: Any, taken: Any) -> None:
    body = CSV * 40_000
    files = {"note": (None, "a field that is no file"), "file": ("..\\..\\giải ngân.csv", body, "text/csv")}
    answer = await gateway.client("operator").post(URL, files=files)
    assert answer.status_code == 200, answer.text
    ((header, got),) = taken
    assert (header.filename, got) == ("giải ngân.csv", body)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (
            b"--b\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\nhalf",
            "multipart/form-data; boundary=b",
            400,
        ),
        (b"no form at all", "multipart/form-data; boundary=b", 400),
        (
            b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            400,
        ),
        (CSV, "multipart/form-data", 400),
        (CSV, "multipart/form-data; boundary=" + "b" * 71, 400),
        (CSV, "application/xml", 415),
        (CSV, "", 415),
    ],
)
async def test_a_body_that_holds_no_whole_file_is_refused(
    gateway: Any, taken: Any, body: bytes, content_type: str, status: int
) -> None:
    answer = await gateway.client("operator").post(URL, content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text
    assert taken == []


async def test_compressed_files_are_not_unpacked_here(gateway: Any, taken: Any) -> None:
    headers = {"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    assert (await gateway.client("operator").post(URL, content=CSV, headers=headers)).status_code == 415


async def test_two_files_in_a_form_are_refused(gateway: Any, taken: Any) -> None:
    files = [("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))]
    answer = await gateway.client("operator").post(URL, files=files)
    assert (answer.status_code, taken) == (400, [])


async def test_a_file_over_the_limit_is_cut_off_and_not_taken(make_gateway: Any, taken: Any) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(2000):
            sent += 65536
            yield b"x" * 65536

    async with make_gateway(max_upload_bytes=1_000_000) as gateway:
        client = gateway.client("operator")
        answer = await client.post(URL, content=b"x" * 1_000_001, headers={"Content-Type": "text/csv"})
        assert (answer.status_code, answer.json()["reason"]) == (413, "FILE_TOO_LARGE")
        form = await client.post(URL, files={"file": ("a.csv", b"x" * 1_000_001)})
        assert form.status_code == 413
        exact = await client.post(URL, content=b"x" * 1_000_000, headers={"Content-Type": "text/csv"})
        assert exact.status_code == 200
    assert [len(body) for _, body in taken] == [1_000_000]


async def test_a_client_that_goes_away_leaves_no_half_file(
    gateway: Any, taken: Any, peers: Any, eventually: Any
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def take(requests: Any) -> Any:
        try:
            async for _ in requests:
                begun.set()
            await asyncio.to_thread(hashlib.sha256, b"")
            taken.append((None, b"took it for whole"))
            return intake_pb2.UploadFileResponse()
        finally:
            ended.set()

    peers.on("UploadFile", take)
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    token = gateway.issuer.token("operator")
    head = [f"POST {URL} HTTP/1.1", "Host: t", f"Authorization: Bearer {token}", "Content-Type: text/csv"]
    writer.write("\r\n".join([*head, "Content-Length: 9000000", "", ""]).encode() + b"x" * 600_000)
    await writer.drain()
    async with asyncio.timeout(10):
        await begun.wait()
        writer.close()
        await ended.wait()
    assert taken == []


async def test_what_ingest_refuses_early_is_told(gateway: Any, peers: Any) -> None:
    async def refuse(_requests: Any) -> Any:
        raise InvalidInput.field("structure", "the header is not SDMX-CSV 2.0")

    peers.on("UploadFile", refuse)
    answer = await gateway.client("operator").post(URL, content=CSV * 400_000, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "structure")
