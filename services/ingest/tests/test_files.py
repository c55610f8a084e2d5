"""Files through the door: good rows count, bad ones are quarantined, a correction is a revision, a repeat nothing."""

import hashlib
from datetime import UTC

import grpc
import pytest

from ioc.ingest.v1 import intake_pb2, observation_pb2, quarantine_pb2
from ioc_kit.rpc import error_from_call

HEADER = "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,REF_AREA,OWNER,INDICATOR,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE"
SERIES = "public-investment/disbursed_vnd/40/OWNER=SO-GTVT"
EDITOR = {"roles": ("agency-editor",), "tenant": "nghe-an"}


def a_row(owner="SO-GTVT", period="2026-10", value="1500000000", area="40"):
    return f"dataflow,NGHEAN:PUBLIC_INVESTMENT(1.0),I,M,{area},{owner},disbursed_vnd,{period},{value},VND"


def a_file(*rows):
    return ("\n".join((HEADER, *rows)) + "\n").encode()


@pytest.fixture
def upload(as_role):
    """Uploads a file in pieces and gives the answer."""

    async def send(service, content, *, roles=("agency-editor",), tenant="nghe-an", piece=1 << 16, **header):
        fields = {
            "source": "public-investment",
            "filename": "giai-ngan-2026-10.csv",
            "format": intake_pb2.FILE_FORMAT_SDMX_CSV,
        }
        parts = [intake_pb2.UploadFileRequest(header=intake_pb2.FileHeader(**(fields | header)))]
        parts += [
            intake_pb2.UploadFileRequest(piece=content[start : start + piece])
            for start in range(0, len(content), piece)
        ]
        return await service.intake.UploadFile(iter(parts), **as_role(*roles, tenant=tenant))

    return send


@pytest.fixture
async def statistics(ingest, publish_contract, investment_contract, eventually, fails):
    """The running service with the contract of public investment in force."""
    await publish_contract(investment_contract)
    await eventually(lambda: source_is_known(ingest, fails))
    return ingest


async def source_is_known(service, fails):
    return (await fails(service, b"")).reason != "SOURCE_UNKNOWN"


@pytest.fixture
def fails(upload):
    async def run(service, content, **changes):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await upload(service, content, **changes)
        return error_from_call(caught.value)

    return run


@pytest.fixture
def history(as_role):
    async def ask(service, key=SERIES):
        request = observation_pb2.ListObservationsRequest(series_key=key, include_revisions=True)
        answer = await service.observations.ListObservations(request, **as_role("analyst", tenant="nghe-an"))
        return [(o.at.ToDatetime(UTC).isoformat(), o.value, o.revision) for o in answer.observations]

    return ask


async def test_a_corrected_file_makes_a_revision_and_the_same_file_twice_changes_nothing(
    statistics, upload, history, eventually
):
    october, september = "2026-09-30T17:00:00+00:00", "2026-08-31T17:00:00+00:00"
    original = a_file(a_row(), a_row(period="2026-09", value="900000000"))
    answer = await upload(statistics, original)
    receipt = answer.receipt
    assert (receipt.received, receipt.accepted, receipt.quarantined, receipt.is_repeat) == (2, 2, 0, False)
    assert receipt.content_sha256 == hashlib.sha256(original).digest()
    again = (await upload(statistics, original)).receipt
    assert (again.is_repeat, again.position) == (True, receipt.position)
    corrected = a_file(a_row(value="1600000000"), a_row(period="2026-09", value="900000000"))
    assert not (await upload(statistics, corrected, reason="Sở sửa số liệu tháng 10")).receipt.is_repeat

    async def is_revised():
        return await history(statistics) == [
            (september, 9e8, 1),
            (october, 1.5e9, 1),
            (october, 1.6e9, 2),
        ]

    await eventually(is_revised)


async def test_an_older_file_sent_again_takes_its_correction_back(statistics, upload, history, eventually):
    first, second = a_file(a_row(value="1")), a_file(a_row(value="2"))
    for content in (first, second, first):
        assert not (await upload(statistics, content)).receipt.is_repeat

    async def is_taken_back():
        return [value for _, value, _ in await history(statistics)] == [1.0, 2.0, 1.0]

    await eventually(is_taken_back)


async def test_a_bad_row_is_quarantined_with_row_column_reason_remedy_and_the_good_rows_count(
    statistics, upload, as_role, eventually
):
    bad = (a_row(value='"12,5"', period="2026-08"), a_row(area="412"), a_row(value="-1", period="2026-07"))
    answer = await upload(statistics, a_file(a_row(), *bad))
    receipt = answer.receipt
    assert (receipt.received, receipt.accepted, receipt.quarantined) == (4, 1, 3)
    found = [(problem.row, problem.column, problem.rule) for problem in answer.problems]
    assert found == [
        (3, "OBS_VALUE", "value-not-readable"),
        (4, "REF_AREA", "area-unknown"),
        (5, "OBS_VALUE", "value-out-of-range"),
    ]
    for problem in answer.problems:
        assert problem.reason_vi
        assert problem.remedy_vi
        assert problem.reason_en
        assert problem.remedy_en

    async def items():
        request = quarantine_pb2.ListQuarantineItemsRequest(door="file")
        call = statistics.quarantine.ListQuarantineItems(request, **as_role("agency-editor", tenant="nghe-an"))
        return (await call).items

    kept = await eventually(items)
    assert {(item.row, item.original.decode()) for item in kept} == set(enumerate(bad, 3))
    assert {item.origin for item in kept} == {"giai-ngan-2026-10.csv"}


@pytest.mark.parametrize(
    ("content", "reason", "place"),
    [
        (b"", "FILE_UNREADABLE", "piece"),
        (b"PK\x03\x04bomb", "FILE_UNREADABLE", "piece"),
        (a_file(a_row()).replace(b",", b";"), "FILE_UNREADABLE", "line 1"),
        (a_file(a_row()) + "Đã sửa".encode("utf-16-le") + b"\xff", "FILE_UNREADABLE", "piece"),
        (a_file(a_row()) + b"Ghi ch\xfa", "FILE_UNREADABLE", "line 3"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_whole(content, reason, place, statistics, fails, connect):
    error = await fails(statistics, content)
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert error.violations[0].field == place
    sql = await connect(statistics.urls)
    assert await sql.fetchval("SELECT count(*) FROM book") == 0


async def test_a_file_that_is_too_large_is_refused_while_it_comes(
    fresh_urls, start_service, publish_contract, investment_contract, eventually, fails
):
    async with start_service(fresh_urls, file_max_bytes=10_000) as service:
        await publish_contract(investment_contract)
        await eventually(lambda: source_is_known(service, fails))
        error = await fails(service, b"x" * 20_000, piece=4_000)
        assert (error.reason, error.metadata["limit"]) == ("FILE_TOO_LARGE", "10000")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source": "no-such"}, "SOURCE_UNKNOWN"),
        ({"format": intake_pb2.FILE_FORMAT_UNSPECIFIED}, "FORMAT_UNKNOWN"),
        ({"filename": "a\x00b"}, "INVALID_INPUT"),
        ({"filename": "x" * 256}, "INVALID_INPUT"),
        ({"reason": "x" * 1001}, "INVALID_INPUT"),
        ({"tenant": "vinh", "roles": ("oc-admin",)}, "SOURCE_UNKNOWN"),
        ({"tenant": "vinh", "roles": ("partner",)}, "METHOD_REFUSED"),
    ],
)
async def test_an_upload_with_a_wrong_header_or_caller_is_refused(changes, reason, statistics, fails):
    assert (await fails(statistics, a_file(a_row()), **changes)).reason == reason


async def test_pieces_without_a_header_and_a_second_header_are_refused(statistics, as_role):
    header = intake_pb2.UploadFileRequest(
        header=intake_pb2.FileHeader(source="public-investment", format=intake_pb2.FILE_FORMAT_SDMX_CSV)
    )
    piece = intake_pb2.UploadFileRequest(piece=a_file(a_row()))
    for parts in ([], [piece], [header, header], [intake_pb2.UploadFileRequest()]):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await statistics.intake.UploadFile(iter(parts), **as_role("agency-editor", tenant="nghe-an"))
        assert error_from_call(caught.value).violations[0].field == "header"


async def test_a_source_that_takes_no_files_says_so(under_contract, fails):
    error = await fails(under_contract, a_file(a_row()), source="air-quality", tenant="vinh", roles=("oc-admin",))
    assert error.reason == "FORMAT_UNKNOWN"
