"""Domain events as events on the bus."""

from __future__ import annotations

from collections.abc import Callable

from ioc.alerts.v1 import events_pb2
from ioc_alerts.domain.events import AlertAcknowledged, AlertEvent, AlertRaised, AlertResolved, AlertRetracted
from ioc_alerts.rpc.convert import alert_to_proto
from ioc_kit.bus import Event, new_event

_Message = (
    type[events_pb2.AlertRaised]
    | type[events_pb2.AlertAcknowledged]
    | type[events_pb2.AlertResolved]
    | type[events_pb2.AlertRetracted]
)
_TOLD: dict[type[AlertEvent], tuple[_Message, str]] = {
    AlertRaised: (events_pb2.AlertRaised, "raised"),
    AlertAcknowledged: (events_pb2.AlertAcknowledged, "acknowledged"),
    AlertResolved: (events_pb2.AlertResolved, "resolved"),
    AlertRetracted: (events_pb2.AlertRetracted, "retracted"),
}


def events_maker() -> Callable[[AlertEvent], Event]:
    """A function that turns a domain event into the bus event that tells it, in the trace that is running."""

    def make(event: AlertEvent) -> Event:
        message, verb = _TOLD[type(event)]
        return new_event(
            message(alert=alert_to_proto(event.alert)),
            tenant=event.alert.tenant,
            source="alerts",
            noun="alert",
            verb=verb,
            at=event.transition.at,
        )

    return make
