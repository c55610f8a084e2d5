"""The four grades of a number, by guidance 1709/BKHCN-CĐSQG: đúng, đủ, sạch, sống.

The thresholds are ours; each grade carries the figures that it follows from, so that a reader can judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ioc_kpi.domain.text import LocalizedText

_GOOD = 0.95
_HALF = 0.5


class GradeLevel(StrEnum):
    """POOR turns a number grey."""

    UNKNOWN = "unknown"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


@dataclass(frozen=True, slots=True)
class Grade:
    """A score of 0 to 1, the level that follows, and why."""

    score: float
    level: GradeLevel
    reason: LocalizedText

    @property
    def is_poor(self) -> bool:
        """True when the number must not be relied upon."""
        return self.level is GradeLevel.POOR


@dataclass(frozen=True, slots=True)
class Grades:
    """The four of them: đúng, đủ, sạch, sống."""

    correct: Grade
    complete: Grade
    clean: Grade
    live: Grade


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the grades follow from.

    `used` and `bad` count readings by their quality mark. Of `expected` readings `arrived` came; `coverage` is the mean
    over the windows of the share that came. The sources `stored` rows and had `refused` rows set aside in the last day.
    """

    used: int
    bad: int
    arrived: int
    expected: int
    coverage: float
    stored: int
    refused: int


def grade_correct(evidence: Evidence) -> Grade:
    """Đúng: the share of readings that are not marked bad."""
    total = evidence.used + evidence.bad
    if total == 0:
        return _NO_READING
    score = evidence.used / total
    return Grade(
        score,
        _level(score, _HALF),
        LocalizedText(
            f"{evidence.used} trên {total} số đo đạt chất lượng",
            f"{evidence.used} of {total} readings are of good quality",
        ),
    )


def grade_complete(evidence: Evidence, minimum: float) -> Grade:
    """Đủ: the share of the readings that the contract's cadence promises; below `minimum` the number is incomplete."""
    if evidence.expected == 0:
        return _PROMISE_UNKNOWN if evidence.used else _NO_READING
    return Grade(
        evidence.coverage,
        _level(evidence.coverage, minimum),
        LocalizedText(
            f"có {evidence.arrived} trên {evidence.expected} số đo theo cam kết",
            f"{evidence.arrived} of {evidence.expected} promised readings came",
        ),
    )


def grade_clean(evidence: Evidence) -> Grade:
    """Sạch: the share of what its sources sent in the last day that kept to the contract."""
    total = evidence.stored + evidence.refused
    if total == 0:
        return Grade(
            0.0,
            GradeLevel.UNKNOWN,
            LocalizedText("nguồn không gửi gì trong 24 giờ qua", "the source has sent nothing in the last 24 hours"),
        )
    score = evidence.stored / total
    return Grade(
        score,
        _level(score, _HALF),
        LocalizedText(
            f"trong 24 giờ qua {evidence.refused} trên {total} dòng của nguồn trái cam kết dữ liệu, bị cách ly",
            f"in 24 hours {evidence.refused} of the source's {total} rows broke the contract and were set aside",
        ),
    )


def grade_live(age: timedelta, stale_after: timedelta) -> Grade:
    """Sống: 1 when just measured, falling to 0 at the age from which the number is stale."""
    age = max(age, timedelta(0))
    score = max(0.0, 1 - age / stale_after)
    level = GradeLevel.POOR if age >= stale_after else GradeLevel.GOOD if score >= _HALF else GradeLevel.FAIR
    return Grade(
        score,
        level,
        LocalizedText(
            f"số đo mới nhất cách đây {_span_vi(age)}; từ {_span_vi(stale_after)} là cũ",
            f"the newest reading is {_span_en(age)} old; from {_span_en(stale_after)} it is stale",
        ),
    )


_NO_READING = Grade(0.0, GradeLevel.POOR, LocalizedText("không có số đo nào", "there is no reading"))
_PROMISE_UNKNOWN = Grade(
    0.0, GradeLevel.UNKNOWN, LocalizedText("chưa biết cam kết của nguồn", "what the source promises is not known yet")
)


def _level(score: float, minimum: float) -> GradeLevel:
    if score < minimum:
        return GradeLevel.POOR
    return GradeLevel.GOOD if score >= _GOOD else GradeLevel.FAIR


def _span_vi(span: timedelta) -> str:
    amount, unit = _span(span)
    return f"{amount} {('phút', 'giờ', 'ngày')[unit]}"


def _span_en(span: timedelta) -> str:
    amount, unit = _span(span)
    return f"{amount} {('minute', 'hour', 'day')[unit]}{'' if amount == 1 else 's'}"


def _span(span: timedelta) -> tuple[int, int]:
    minutes = int(span / timedelta(minutes=1))
    if minutes < 120:
        return minutes, 0
    return (minutes // 60, 1) if minutes < 48 * 60 else (minutes // 1440, 2)
