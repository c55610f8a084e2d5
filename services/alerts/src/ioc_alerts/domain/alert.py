"""An alert and its life: OPEN -> ACKNOWLEDGED -> RESOLVED, or RETRACTED when the data that raised it were corrected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ioc_alerts.domain.errors import AlertChanged, AlertClosed
from ioc_alerts.domain.judgement import Evidence
from ioc_alerts.domain.measurement import Measurement
from ioc_alerts.domain.message import Facts, render
from ioc_alerts.domain.rule import Rule, Severity
from ioc_alerts.domain.subject import Subject
from ioc_alerts.domain.text import LocalizedText


class AlertState(StrEnum):
    """Where an alert is in its life. Nothing leads out of the last two."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    RETRACTED = "retracted"

    @property
    def is_open(self) -> bool:
        """True while the trouble lasts, seen by a person or not."""
        return self in (AlertState.OPEN, AlertState.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Alert:
    """One trouble with one subject under one rule. `revision` counts its transitions; the etag follows from it."""

    alert_id: str
    tenant: str
    rule: str
    rule_version: int
    severity: Severity
    subject: Subject
    origin: str
    """`<set>/<code>` of the indicator, or the series key."""
    value_id: str
    """The indicator value that raised it; empty for a reading."""
    title: LocalizedText
    message: LocalizedText
    unit: str
    threshold: float | None
    raised_value: float
    evidence: Evidence
    """The periods it stands on: what a later correction is held against."""
    raised_at: datetime
    trace_id: str
    """The trace that raised it, 32 hex digits; empty when it was not traced."""
    state: AlertState
    last_value: float
    last_period: datetime
    seen_count: int = 1
    """Measurements recorded while it was open, the first included; not more often than the quiet span allows."""
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledge_note: str = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    """Empty while it is open, and when the platform closed it."""
    revision: int = 1

    @property
    def key(self) -> str:
        """Rule and subject: in a tenant, at most one alert of a key is open."""
        return f"{self.rule}/{self.subject.key}"

    @property
    def etag(self) -> str:
        """Changes with each step of its life, and not with each reading: an operator decides upon the state."""
        return f"{self.alert_id}-{self.revision}"


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of an alert's life; kept for ever. `from_state` is None for the first, `by` empty for the platform."""

    alert_id: str
    tenant: str
    number: int
    """1 for the first."""
    from_state: AlertState | None
    to_state: AlertState
    at: datetime
    by: str = ""
    note: str = ""
    value: float | None = None
    """The value that made the platform act; None when a person did."""
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """An alert after a step, and the step."""

    alert: Alert
    transition: Transition


@dataclass(frozen=True, slots=True)
class Occasion:
    """When something is done to an alert, and in which trace."""

    at: datetime
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decides: who, why, and on which version of the alert (`etag` empty: on whatever stands)."""

    by: str
    note: str = ""
    etag: str = ""


def raise_alert(rule: Rule, measurement: Measurement, alert_id: str, tenant: str, occasion: Occasion) -> Change:
    """A new alert about a measurement in breach of the rule."""
    value = _known(measurement)
    facts = Facts(measurement, rule.threshold_for(measurement))
    alert = Alert(
        alert_id=alert_id,
        tenant=tenant,
        rule=rule.code,
        rule_version=rule.version,
        severity=rule.severity,
        subject=measurement.subject,
        origin=measurement.origin,
        value_id=measurement.value_id,
        title=render(rule.title, facts),
        message=render(rule.message, facts),
        unit=measurement.unit,
        threshold=facts.threshold,
        raised_value=value,
        evidence=Evidence(measurement.mark, measurement.mark),
        raised_at=occasion.at,
        trace_id=occasion.trace_id,
        state=AlertState.OPEN,
        last_value=value,
        last_period=measurement.mark.period,
    )
    first = Transition(alert_id, tenant, 1, None, AlertState.OPEN, occasion.at, value=value, trace_id=occasion.trace_id)
    return Change(alert, first)


def see(alert: Alert, measurement: Measurement, evidence: Evidence) -> Alert:
    """The alert after a measurement that leaves it open; a correction of an older period leaves its last value."""
    if measurement.mark.period < alert.last_period:
        return replace(alert, evidence=evidence)
    return replace(
        alert,
        evidence=evidence,
        last_value=_known(measurement),
        last_period=measurement.mark.period,
        seen_count=alert.seen_count + 1,
    )


def end(alert: Alert, state: AlertState, measurement: Measurement, occasion: Occasion) -> Change:
    """The alert closed by the platform: RESOLVED by a newer value, or RETRACTED by a correction."""
    value = _known(measurement)
    if measurement.mark.period >= alert.last_period:
        alert = replace(alert, last_value=value, last_period=measurement.mark.period)
    return _step(alert, state, occasion, value=value)


def acknowledge(alert: Alert, decision: Decision, occasion: Occasion) -> Change | None:
    """The alert taken by a person; None when somebody has already, which is harmless.

    Raises AlertClosed, or AlertChanged when the decision rests on an older version.
    """
    if not alert.state.is_open:
        raise AlertClosed(alert, "acknowledge")
    if alert.state is AlertState.ACKNOWLEDGED:
        return None
    _check_etag(alert, decision)
    return _step(alert, AlertState.ACKNOWLEDGED, occasion, decision)


def resolve(alert: Alert, decision: Decision, occasion: Occasion) -> Change:
    """The alert closed by a person. Raises AlertClosed, or AlertChanged when they decided on an older version."""
    if not alert.state.is_open:
        raise AlertClosed(alert, "resolve")
    _check_etag(alert, decision)
    return _step(alert, AlertState.RESOLVED, occasion, decision)


def _step(
    alert: Alert,
    state: AlertState,
    occasion: Occasion,
    decision: Decision = Decision(by=""),
    *,
    value: float | None = None,
) -> Change:
    moved = replace(alert, state=state, revision=alert.revision + 1)
    if state is AlertState.ACKNOWLEDGED:
        moved = replace(moved, acknowledged_at=occasion.at, acknowledged_by=decision.by, acknowledge_note=decision.note)
    else:
        moved = replace(moved, closed_at=occasion.at, closed_by=decision.by)
    step = Transition(
        alert.alert_id,
        alert.tenant,
        moved.revision,
        alert.state,
        state,
        occasion.at,
        decision.by,
        decision.note,
        value,
        occasion.trace_id,
    )
    return Change(moved, step)


def _check_etag(alert: Alert, decision: Decision) -> None:
    if decision.etag and decision.etag != alert.etag:
        raise AlertChanged(alert)


def _known(measurement: Measurement) -> float:
    if measurement.value is None:
        raise ValueError("a measurement without a number is never judged")
    return measurement.value
