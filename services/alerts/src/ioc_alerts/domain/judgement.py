"""When a measurement raises, resolves or retracts an alert. Judged by period, so that the order of arrival is nothing.

The newest period decides. An older one matters only when it corrects the evidence on which an open alert stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    """An older period changed, and the open alert stands on other evidence now."""
    RAISE = "raise"
    RESOLVE = "resolve"
    RETRACT = "retract"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The periods on which an open alert stands: the one that raised it, and the newest one known in breach."""

    raised_by: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one key. `evidence` is there exactly when an alert is open.

    `settled_until` is the newest period that a person has dealt with by resolving the alert: computing that period
    again raises nothing, a newer one does.
    """

    last_period: datetime | None = None
    settled_until: datetime | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one measurement, and what is known afterwards."""

    verdict: Verdict
    standing: Standing


def judge(standing: Standing, level: Level, period: datetime) -> Judgement:
    """Judges the value at `level` of the period that starts at `period`.

    The same measurement judged again changes nothing more: deliveries may be repeated.
    """
    if standing.last_period is not None and period < standing.last_period:
        return _correct(standing, level, period)
    moved = replace(standing, last_period=period)
    if standing.evidence is None:
        is_settled = standing.settled_until is not None and period <= standing.settled_until
        if level is not Level.BREACH or is_settled:
            return Judgement(Verdict.SEEN, moved)
        return Judgement(Verdict.RAISE, replace(moved, evidence=Evidence(period, period)))
    if level is Level.BREACH:
        return Judgement(Verdict.SEEN, replace(moved, evidence=replace(standing.evidence, latest=period)))
    if level is Level.CLEAR:
        is_correction = period == standing.evidence.raised_by
        return Judgement(Verdict.RETRACT if is_correction else Verdict.RESOLVE, replace(moved, evidence=None))
    return Judgement(Verdict.SEEN, replace(moved, evidence=_without(standing.evidence, period)))


def _correct(standing: Standing, level: Level, period: datetime) -> Judgement:
    """An older period came again: it counts when the open alert stands on it and it does not hold any more."""
    evidence = standing.evidence
    if evidence is None or level is Level.BREACH:
        return Judgement(Verdict.IGNORED, standing)
    if period == evidence.raised_by and level is Level.CLEAR:
        if evidence.latest == evidence.raised_by:
            return Judgement(Verdict.RETRACT, replace(standing, evidence=None))
        # The first breach never was, a later one still is: withdrawing the warning now would be wrong.
        return Judgement(Verdict.CORRECTED, replace(standing, evidence=Evidence(evidence.latest, evidence.latest)))
    remaining = _without(evidence, period)
    if remaining == evidence:
        return Judgement(Verdict.IGNORED, standing)
    return Judgement(Verdict.CORRECTED, replace(standing, evidence=remaining))


def _without(evidence: Evidence, period: datetime) -> Evidence:
    """The evidence left when `period` is in breach no more; what raised the alert stays until it is retracted."""
    return replace(evidence, latest=evidence.raised_by) if period == evidence.latest else evidence
