"""Messages to people, in two languages, from a rule's template. What is filled in is never read as template again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ioc_alerts.domain.measurement import Measurement, PeriodKind
from ioc_alerts.domain.text import LocalizedText, printable

FIELDS = frozenset({"value", "threshold", "unit", "place", "period"})
VIETNAM = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh: without daylight saving since 1975, so that no time zone database is needed."""
_FIELD = re.compile(r"\{([^{}]*)\}")
_PATTERNS = {
    PeriodKind.INSTANT: ("%H:%M:%S %d/%m/%Y", "%Y-%m-%d %H:%M:%S"),
    PeriodKind.HOUR: ("%H:%M %d/%m/%Y", "%Y-%m-%d %H:%M"),
    PeriodKind.DAY: ("%d/%m/%Y", "%Y-%m-%d"),
    PeriodKind.WEEK: ("%d/%m/%Y", "%Y-%m-%d"),
    PeriodKind.MONTH: ("%m/%Y", "%Y-%m"),
    PeriodKind.YEAR: ("%Y", "%Y"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a message may tell of: the measurement, and the threshold that it crossed."""

    measurement: Measurement
    threshold: float | None


def problems(template: str) -> list[str]:
    """What is wrong with a template, one sentence each; empty when it can be used."""
    found = []
    unknown = sorted({name for name in _FIELD.findall(template) if name not in FIELDS})
    if unknown:
        found.append(f"has unknown fields {', '.join(map(repr, unknown))}; known are {', '.join(sorted(FIELDS))}")
    if re.search(r"[{}]", _FIELD.sub("", template)):
        found.append("has a brace without its pair")
    return found


def render(template: LocalizedText, facts: Facts) -> LocalizedText:
    """The message in both languages; English stays empty when the template has none.

    Braces, quotes, markup and control characters in a value are only text: one pass, no format language.
    """
    return LocalizedText(_fill(template.vi, _words(facts, "vi")), _fill(template.en, _words(facts, "en")))


def number(value: float | None, language: str) -> str:
    """A number as the language writes it, with at most two decimals, more for small ones; `–` for none.

    >>> number(1234.5, "vi"), number(1234.5, "en"), number(0.0123, "vi")
    ('1.234,5', '1,234.5', '0,0123')
    """
    if value is None:
        return "–"
    decimals = 2 if abs(value) >= 1 or value == 0 else 4
    text = f"{value:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    text = "0" if text == "-0" else text
    return text.translate(str.maketrans(",.", ".,")) if language == "vi" else text


def _fill(template: str, words: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda match: words.get(match[1], match[0]), template)


def _words(facts: Facts, language: str) -> dict[str, str]:
    measurement = facts.measurement
    return {
        "value": number(measurement.value, language),
        "threshold": number(facts.threshold, language),
        "unit": printable(measurement.unit),
        "place": printable(_place(measurement, language)),
        "period": _period(measurement.mark.period, measurement.period_kind, language),
    }


def _place(measurement: Measurement, language: str) -> str:
    named = measurement.place
    name = (named.en or named.vi) if language == "en" else named.vi
    # A dimension is part of what the alert is about: without it two alerts of one area would read the same.
    codes = [value for _, value in measurement.subject.dimensions]
    return ", ".join([name or measurement.subject.thing or measurement.subject.area, *codes])


def _period(start: datetime, kind: PeriodKind, language: str) -> str:
    local = start.astimezone(VIETNAM)
    if kind is PeriodKind.QUARTER:
        quarter = (local.month + 2) // 3
        return f"quý {quarter}/{local.year}" if language == "vi" else f"{local.year}-Q{quarter}"
    text = local.strftime(_PATTERNS[kind][language == "en"])
    if kind is PeriodKind.WEEK:
        return f"tuần từ {text}" if language == "vi" else f"week of {text}"
    return text
