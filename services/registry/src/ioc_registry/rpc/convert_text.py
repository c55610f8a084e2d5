"""Texts, citations, days and spans to proto and back: what every other conversion uses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.type.v1 import text_pb2
from ioc_kit.errors import InvalidInput
from ioc_registry.domain.text import Citation, LocalizedText

E = TypeVar("E")


def day_to_text(day: date | None) -> str:
    """`YYYY-MM-DD`, or an empty text."""
    return day.isoformat() if day is not None else ""


def day_from_text(text: str, field: str) -> date | None:
    """The day, None for an empty text. Raises InvalidInput that names the field."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput.field(field, f"{text!r} is not a day like 2025-07-01") from error


def moment_to_proto(moment: datetime | None) -> Timestamp | None:
    """A timestamp, or None for none."""
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def text_to_proto(text: LocalizedText) -> text_pb2.LocalizedText:
    return text_pb2.LocalizedText(vi=text.vi, en=text.en)


def text_from_proto(message: text_pb2.LocalizedText) -> LocalizedText:
    return LocalizedText(message.vi, message.en)


def citation_to_proto(citation: Citation) -> text_pb2.Citation:
    name = f"VERIFICATION_{citation.verification.upper().replace('-', '_')}"
    return text_pb2.Citation(
        instrument=citation.instrument,
        article=citation.article,
        issued_on=day_to_text(citation.issued_on),
        text=citation.text,
        verification=text_pb2.Verification.Value(name),
    )


def citation_from_proto(message: text_pb2.Citation) -> Citation:
    name = text_pb2.Verification.Name(message.verification).removeprefix("VERIFICATION_").lower().replace("_", "-")
    return Citation(
        message.instrument,
        message.article,
        day_from_text(message.issued_on, "citation.issued_on"),
        message.text,
        "unverified" if name == "unspecified" else name,
    )


def code_from_text(text: str, field: str) -> str:
    if not text or len(text) > 64 or not text.isascii() or not text.isprintable() or "/" in text or " " in text:
        raise InvalidInput.field(
            field, f"{text[:80]!r} is not a code of 1 to 64 printable characters without space or /"
        )
    return text


def moment_from_proto(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


def span_to_proto(span: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def enum_from_proto(names: Mapping[E, int], number: int, default: E) -> E:
    return next((name for name, value in names.items() if value == number), default)
