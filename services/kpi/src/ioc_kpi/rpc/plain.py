"""What several nouns share on the wire: text, days, moments, periods, citations, enums by their names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.type.v1 import period_pb2, text_pb2
from ioc_kit.errors import InvalidInput
from ioc_kpi.domain.period import Period, PeriodKind
from ioc_kpi.domain.text import Citation, LocalizedText, Verification

E = TypeVar("E", bound=StrEnum)
PERIOD_KINDS = {kind: period_pb2.PeriodKind.Value(f"PERIOD_KIND_{kind.name}") for kind in PeriodKind}
_VERIFICATIONS = {each: text_pb2.Verification.Value(f"VERIFICATION_{each.name}") for each in Verification}


def enum_from_proto(table: Mapping[E, int], number: int, field: str) -> E:
    """The member with that number. Raises InvalidInput that names the field and what it may be."""
    for member, value in table.items():
        if value == number:
            return member
    raise InvalidInput.field(field, f"must be one of {', '.join(member.name for member in table)}")


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


def moment_from_proto(stamp: Timestamp, field: str) -> datetime:
    """The moment, UTC. Raises InvalidInput for one outside the years 1 to 9999."""
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput.field(field, "is not a time between the years 1 and 9999") from error


def span_to_proto(span: timedelta | None) -> Duration | None:
    """A duration, or None for none."""
    if span is None:
        return None
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def period_to_proto(period: Period) -> period_pb2.Period:
    return period_pb2.Period(
        kind=PERIOD_KINDS[period.kind],
        start=moment_to_proto(period.start),
        end=moment_to_proto(period.end),
    )


def text_to_proto(text: LocalizedText) -> text_pb2.LocalizedText:
    return text_pb2.LocalizedText(vi=text.vi, en=text.en)


def text_from_proto(message: text_pb2.LocalizedText) -> LocalizedText:
    return LocalizedText(message.vi, message.en)


def citation_to_proto(citation: Citation | None) -> text_pb2.Citation | None:
    """A citation, or None for none."""
    if citation is None:
        return None
    return text_pb2.Citation(
        instrument=citation.instrument,
        article=citation.article,
        issued_on=citation.issued_on,
        text=citation.text,
        verification=_VERIFICATIONS[citation.verification],
    )


def citation_from_proto(message: text_pb2.Citation) -> Citation | None:
    """A citation; None when it names no instrument."""
    if not message.instrument:
        return None
    verification = enum_from_proto(_VERIFICATIONS, message.verification, "citation.verification")
    return Citation(message.instrument, message.article, message.issued_on, message.text, verification)
