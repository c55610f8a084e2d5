"""Readings, what could not be used, the books, and receipts of files."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from ioc.ingest.v1 import balance_pb2, intake_pb2, observation_pb2, quarantine_pb2
from ioc_gateway.models.shown import Page, Quality, Shown, Text, example


class Observation(Shown):
    """A reading as the ledger has it."""

    model_config = example(
        series_key="air-quality/pm25_ugm3/16690/aq-vinh-01",
        tenant="vinh",
        at="2026-11-23T01:00:00Z",
        value=31.2,
        unit="ug/m3",
        quality="good",
        revision=1,
        received_at="2026-11-23T01:00:02Z",
        position=4711,
    )
    proto = observation_pb2.Observation
    series_key: str
    tenant: str
    at: AwareDatetime | None
    value: float
    unit: str
    quality: Quality | None
    revision: int = Field(description="1 for the first, 2 and up for corrections")
    received_at: AwareDatetime | None
    position: int


class QuarantineItem(Shown):
    """A row or message that broke its contract, with what would be right."""

    proto = quarantine_pb2.QuarantineItem
    item_id: str
    tenant: str
    source: str
    door: str
    origin: str
    received_at: AwareDatetime | None
    row: int
    field: str
    rule: str
    reason: Text | None
    remedy: Text | None
    original_base64: str
    original_bytes: int
    trace_id: str


class BalanceRow(Shown):
    """The books of one source and door for one hour of arrival."""

    proto = balance_pb2.BalanceRow
    tenant: str
    source: str
    door: str
    hour: AwareDatetime | None
    received: int
    accepted: int
    quarantined: int
    stored: int
    duplicate: int
    pending: int
    is_balanced: bool


class Balance(Shown):
    """The books: received = accepted + quarantined, accepted = stored + duplicate + pending."""

    proto = balance_pb2.GetBalanceResponse
    rows: list[BalanceRow]
    is_balanced: bool


class Receipt(Shown):
    """What was done with a file: accepted rows are durable."""

    proto = intake_pb2.Receipt
    batch_id: str
    received: int
    accepted: int
    quarantined: int
    position: int
    content_sha256: str
    received_at: AwareDatetime | None
    is_repeat: bool = Field(description="True when the same file came before: nothing was stored again")


class RowProblem(Shown):
    """Why a row went to quarantine."""

    proto = intake_pb2.RowProblem
    row: int = Field(description="Line in the file, the header being 1")
    column: str
    rule: str
    reason_vi: str
    reason_en: str
    remedy_vi: str
    remedy_en: str


class FileReceipt(Shown):
    """Answers an uploaded file."""

    proto = intake_pb2.UploadFileResponse
    receipt: Receipt
    problems: list[RowProblem] = Field(description="The first 100; all of them are in quarantine")


class ObservationPage(Page[Observation]):
    """A page of readings."""


class QuarantinePage(Page[QuarantineItem]):
    """A page of what could not be used, newest first."""
