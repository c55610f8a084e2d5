"""When a measurement raises, resolves or retracts an alert. Judged by period, so that the order of arrival is nothing.

The newest period decides. An older one matters only when it corrects the evidence on which an open alert stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """Where a value stands against a rule's two thresholds."""

    BREACH = "breach"
    """Beyond the raising threshold."""
    BETWEEN = "between"
    """Beyond the resolving threshold but not the raising one: changes nothing, so that an alert does not flap."""
    CLEAR = "clear"
    """At or within the resolving threshold."""


class Verdict(StrEnum):
    """What follows from a measurement."""

    IGNORED = "ignored"
    """Older than what was judged already, and no evidence of an open alert: nothing changes."""
    SEEN = "seen"
    """The state stays; last value and last period move on."""
    CORRECTED = "corrected"
    """An older period on which the open alert stands was computed again; it stays open."""
    RAISE = "raise"
    RESOLVE = "resolve"
    RETRACT = "retract"


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A period, by its start, and which computation of it: of one period, the higher version is the newer."""

    period: datetime
    version: int
    is_provisional: bool = field(default=False, compare=False)
    """True while the period runs: its value moves as time goes on, which corrects nothing."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """On what an open alert stands: the period that raised it, and the newest one known in breach."""

    raised_by: Mark
    latest: Mark

    def is_touched_by(self, mark: Mark) -> bool:
        """True when the mark is a newer computation of a period on which the alert stands."""
        return any(own.period == mark.period and own.version < mark.version for own in (self.raised_by, self.latest))

    def renewed(self, mark: Mark) -> Evidence:
        """The same periods, with the mark in place of the older computation."""
        raised_by, latest = (mark if own.period == mark.period else own for own in (self.raised_by, self.latest))
        return Evidence(raised_by, latest)

    def without(self, mark: Mark) -> Evidence:
        """What is left when the marked period is in breach no more; the raising period stays until it is retracted."""
        if mark.period == self.raised_by.period:
            return self.renewed(mark)
        return Evidence(self.raised_by, self.raised_by) if mark.period == self.latest.period else self


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one key. `evidence` is there exactly when an alert is open.

    `is_settled`: a person closed the alert while the cause went on, so that nothing is raised before it has gone.
    """

    last: Mark | None = None
    is_settled: bool = False
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one measurement, and what is known afterwards."""

    verdict: Verdict
    standing: Standing


def judge(standing: Standing, level: Level, mark: Mark) -> Judgement:
    """Judges the value at `level` of the marked period.

    The same measurement judged again changes nothing, whatever came between: deliveries may be repeated.
    """
    last = standing.last
    if last is not None and mark.period < last.period:
        return _correct(standing, level, mark)
    if last is not None and mark.period == last.period and mark.version <= last.version:
        return Judgement(Verdict.IGNORED, standing)
    is_settled = standing.is_settled and level is not Level.CLEAR
    moved = replace(standing, last=mark, is_settled=is_settled)
    evidence = standing.evidence
    if evidence is None:
        if level is not Level.BREACH or is_settled:
            return Judgement(Verdict.SEEN, moved)
        return Judgement(Verdict.RAISE, replace(moved, evidence=Evidence(mark, mark)))
    if level is Level.BREACH:
        return Judgement(Verdict.SEEN, replace(moved, evidence=replace(evidence.renewed(mark), latest=mark)))
    if level is Level.BETWEEN:
        return Judgement(Verdict.SEEN, replace(moved, evidence=evidence.without(mark)))
    # A value of the running hour that falls has come back, like that of the next hour; a finished one was corrected.
    is_correction = mark.period == evidence.raised_by.period and not evidence.raised_by.is_provisional
    return Judgement(Verdict.RETRACT if is_correction else Verdict.RESOLVE, replace(moved, evidence=None))


def _correct(standing: Standing, level: Level, mark: Mark) -> Judgement:
    """An older period was computed again: it counts when the open alert stands on it."""
    evidence = standing.evidence
    if evidence is None or not evidence.is_touched_by(mark):
        return Judgement(Verdict.IGNORED, standing)
    is_raising = mark.period == evidence.raised_by.period
    if level is Level.BREACH:
        left = evidence.renewed(mark)
    elif level is Level.BETWEEN or not is_raising:
        left = evidence.without(mark)
    elif evidence.latest.period != mark.period:
        # The first breach never was, a later one still is: taking the warning back now would be wrong.
        left = Evidence(evidence.latest, evidence.latest)
    else:
        return Judgement(Verdict.RETRACT, replace(standing, evidence=None))
    return Judgement(Verdict.CORRECTED, replace(standing, evidence=left))
