"""Rules are data: what is watched, where the two thresholds stand, and what is said to people."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ioc_alerts.domain.judgement import Level
from ioc_alerts.domain.measurement import Measurement, TargetStatus
from ioc_alerts.domain.message import VIETNAM, problems
from ioc_alerts.domain.text import Citation, LocalizedText, printable
from ioc_kit.errors import FieldViolation, InvalidInput

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MAX_TEXT = 500
"""Characters of a name, a template or a remark."""


class RuleKind(StrEnum):
    """What a rule holds against its thresholds."""

    INDICATOR_THRESHOLD = "indicator-threshold"
    INDICATOR_BEHIND_TARGET = "indicator-behind-target"
    READING_THRESHOLD = "reading-threshold"


class Side(StrEnum):
    """On which side of the thresholds the trouble is."""

    ABOVE = "above"
    BELOW = "below"


class Severity(StrEnum):
    """How urgent an alert of the rule is, most urgent last."""

    INFO = "info"
    WARNING = "warning"
    SEVERE = "severe"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the least urgent."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Hysteresis: raises strictly beyond `raise_at`, resolves at `resolve_at` or on its safe side."""

    side: Side
    raise_at: float
    resolve_at: float

    def level_of(self, value: float) -> Level:
        """Where the value stands."""
        is_above = self.side is Side.ABOVE
        if value > self.raise_at if is_above else value < self.raise_at:
            return Level.BREACH
        if value <= self.resolve_at if is_above else value >= self.resolve_at:
            return Level.CLEAR
        return Level.BETWEEN


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the province; its alerts belong to the tenant whose value broke it."""

    code: str
    name: LocalizedText
    kind: RuleKind
    watched: tuple[str, str]
    """Set and code of the indicator, or source and measure of the readings."""
    severity: Severity
    title: LocalizedText
    message: LocalizedText
    thresholds: Thresholds | None = None
    """None for INDICATOR_BEHIND_TARGET, whose threshold is the target."""
    is_enabled: bool = True
    citation: Citation | None = None
    note: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    """Exclusive."""
    version: int = 0
    """Given by alerts when the rule is added or changed; 0 before."""

    @property
    def watches(self) -> str:
        """`<set>/<code>` or `<source>/<measure>`, as measurements name it."""
        return "/".join(self.watched)

    def is_in_force(self, moment: datetime) -> bool:
        """True when the rule is used for a period that starts at `moment`; days are Vietnam's."""
        day = moment.astimezone(VIETNAM).date()
        is_begun = self.valid_from is None or self.valid_from <= day
        return self.is_enabled and is_begun and (self.valid_to is None or day < self.valid_to)

    def level_of(self, measurement: Measurement) -> Level | None:
        """Where the measurement stands against the rule; None when it must not be judged.

        Not judged: a number that is stale or grey, missing or not finite, one of a day when the rule is not in force,
        and, for INDICATOR_BEHIND_TARGET, one without a target.
        """
        if not measurement.is_reliable or not self.is_in_force(measurement.mark.period):
            return None
        if measurement.value is None or not math.isfinite(measurement.value):
            return None
        if self.thresholds is not None:
            return self.thresholds.level_of(measurement.value)
        return _BY_STATUS[measurement.target_status]

    def threshold_for(self, measurement: Measurement) -> float | None:
        """The number that a message compares the value with."""
        return self.thresholds.raise_at if self.thresholds is not None else measurement.target


_BY_STATUS = {
    TargetStatus.UNKNOWN: None,
    TargetStatus.MET: Level.CLEAR,
    TargetStatus.WITHIN_MARGIN: Level.BETWEEN,
    TargetStatus.BEHIND: Level.BREACH,
}


def check(rules: Sequence[Rule]) -> None:
    """Raises InvalidInput that names every wrong field of every rule, so that a set is mended in one go."""
    wrong = [
        FieldViolation(f"rules[{index}].{field}", problem)
        for index, rule in enumerate(rules)
        for field, problem in _problems(rule)
    ]
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.code in seen:
            wrong.append(FieldViolation(f"rules[{index}].rule", f"{rule.code!r} stands in the set twice"))
        seen.add(rule.code)
    if wrong:
        raise InvalidInput(f"{wrong[0].field}: {wrong[0].description}", *wrong)


def _problems(rule: Rule) -> list[tuple[str, str]]:
    names = ("source", "measure") if rule.kind is RuleKind.READING_THRESHOLD else ("set", "code")
    found = [
        (field, f"{value!r} may hold letters, digits, `_`, `.`, `-` (1 to 64, a letter or digit first)")
        for field, value in (("rule", rule.code), *zip(names, rule.watched, strict=True))
        if not _CODE.fullmatch(value)
    ]
    for field, text in (("name", rule.name), ("title", rule.title), ("message", rule.message)):
        if not text.vi.strip():
            found.append((f"{field}.vi", "is missing: Vietnamese comes first"))
        for language, words in (("vi", text.vi), ("en", text.en)):
            if len(words) > MAX_TEXT:
                found.append((f"{field}.{language}", f"is longer than {MAX_TEXT} characters"))
            if printable(words) != " ".join(words.split()):
                found.append((f"{field}.{language}", "has control characters, or such as hide or reorder text"))
            if field != "name":
                found += [(f"{field}.{language}", problem) for problem in problems(words)]
    if len(rule.note) > MAX_TEXT or "\x00" in rule.note:
        found.append(("note", f"is longer than {MAX_TEXT} characters, or has a NUL in it"))
    if rule.valid_from and rule.valid_to and rule.valid_to <= rule.valid_from:
        found.append(("valid_to", "must be after valid_from"))
    return found + _threshold_problems(rule)


def _threshold_problems(rule: Rule) -> list[tuple[str, str]]:
    thresholds = rule.thresholds
    if rule.kind is RuleKind.INDICATOR_BEHIND_TARGET:
        return [("raise_threshold", "must not be set: the target is the threshold")] if thresholds else []
    if thresholds is None:
        return [("raise_threshold", "is missing, or resolve_threshold is: this kind of rule compares with both")]
    found = [
        (field, "must be a finite number")
        for field, value in (("raise_threshold", thresholds.raise_at), ("resolve_threshold", thresholds.resolve_at))
        if not math.isfinite(value)
    ]
    is_above = thresholds.side is Side.ABOVE
    low, high = sorted((thresholds.raise_at, thresholds.resolve_at))
    if not found and low != high and thresholds.raise_at != (high if is_above else low):
        side = "above" if is_above else "below"
        found.append(("resolve_threshold", f"must not be {side} raise_threshold: it would resolve what it raises"))
    return found
