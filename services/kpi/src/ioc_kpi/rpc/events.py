"""Domain events as events on the bus."""

from __future__ import annotations

from collections.abc import Callable

from ioc.kpi.v1 import events_pb2
from ioc_kit.bus import Event, new_event
from ioc_kit.clock import Clock
from ioc_kpi.domain.events import KpiEvent
from ioc_kpi.domain.value import show
from ioc_kpi.rpc.convert_value import shown_to_proto


def event_maker(clock: Clock) -> Callable[[KpiEvent], Event]:
    """A function that turns a domain event into the bus event that tells it."""

    def make(event: KpiEvent) -> Event:
        now = clock.now()
        # As it became known: whoever looks later asks for it, and sees its age then.
        message = events_pb2.IndicatorComputed(
            value=shown_to_proto(show(event.value, None, now)),
            previous=event.previous,
            is_correction=event.is_correction,
        )
        return new_event(message, tenant=event.value.tenant, source="kpi", noun="indicator", verb="computed", at=now)

    return make
