"""Texts, days and citations on the wire: what every request needs."""

from __future__ import annotations

from datetime import date

from ioc.type.v1 import period_pb2, text_pb2
from ioc_devtools.catalogue.catalogue import Catalogue
from ioc_devtools.catalogue.entry import Citation, PeriodKind, Verification

_VERIFICATION = {
    Verification.CONFIRMED: text_pb2.VERIFICATION_VERIFIED,
    Verification.SECONDARY: text_pb2.VERIFICATION_SECONDARY,
    Verification.GENERAL_KNOWLEDGE: text_pb2.VERIFICATION_GENERAL_KNOWLEDGE,
    Verification.UNVERIFIED: text_pb2.VERIFICATION_UNVERIFIED,
}
_PERIOD = {
    PeriodKind.HOUR: period_pb2.PERIOD_KIND_HOUR,
    PeriodKind.DAY: period_pb2.PERIOD_KIND_DAY,
    PeriodKind.WEEK: period_pb2.PERIOD_KIND_WEEK,
    PeriodKind.MONTH: period_pb2.PERIOD_KIND_MONTH,
    PeriodKind.QUARTER: period_pb2.PERIOD_KIND_QUARTER,
    PeriodKind.YEAR: period_pb2.PERIOD_KIND_YEAR,
}


def text_to_proto(vi: str | None, en: str | None) -> text_pb2.LocalizedText:
    """A text in both languages."""
    return text_pb2.LocalizedText(vi=vi or "", en=en or "")


def day_to_proto(day: date | None) -> str:
    """A day as "YYYY-MM-DD"; empty for none."""
    return day.isoformat() if day else ""


def period_to_proto(kind: PeriodKind | None) -> period_pb2.PeriodKind.ValueType:
    """A kind of period; a moment for none."""
    return _PERIOD[kind] if kind else period_pb2.PERIOD_KIND_INSTANT


def citation_to_proto(catalogue: Catalogue, citation: Citation | None) -> text_pb2.Citation | None:
    """A citation with its instrument's date, and the surer or less sure mark that the citation itself carries."""
    if citation is None:
        return None
    instrument = catalogue.instrument(citation.instrument)
    return text_pb2.Citation(
        instrument=citation.instrument,
        article=citation.at or "",
        issued_on=day_to_proto(instrument.issued_on),
        text=citation.note or "",
        verification=_VERIFICATION[citation.verification or instrument.verification],
    )
