"""What alerts tells others when it happens."""

from __future__ import annotations

from dataclasses import dataclass

from ioc_alerts.domain.alert import Alert, AlertState, Change, Transition


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """A new alert is open."""

    alert: Alert
    transition: Transition


@dataclass(frozen=True, slots=True)
class AlertAcknowledged:
    """A person has seen an alert."""

    alert: Alert
    transition: Transition


@dataclass(frozen=True, slots=True)
class AlertResolved:
    """An alert has ended: the value came back, or a person closed it."""

    alert: Alert
    transition: Transition


@dataclass(frozen=True, slots=True)
class AlertRetracted:
    """An alert should not have been: the data that raised it were corrected."""

    alert: Alert
    transition: Transition


AlertEvent = AlertRaised | AlertAcknowledged | AlertResolved | AlertRetracted
_KINDS: dict[AlertState, type[AlertEvent]] = {
    AlertState.OPEN: AlertRaised,
    AlertState.ACKNOWLEDGED: AlertAcknowledged,
    AlertState.RESOLVED: AlertResolved,
    AlertState.RETRACTED: AlertRetracted,
}


def event_of(change: Change) -> AlertEvent:
    """The event that tells of a step in an alert's life."""
    return _KINDS[change.transition.to_state](change.alert, change.transition)
