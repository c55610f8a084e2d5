"""Which streams of the log front ends may follow, with the names that their events go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from google.protobuf.message import Message
from pydantic_core import to_json

from ioc.alerts.v1 import events_pb2 as alerts
from ioc.kpi.v1 import events_pb2 as kpi
from ioc.soc.v1 import events_pb2 as soc
from ioc_gateway.events.reader import Entry
from ioc_gateway.rendering import rendered
from ioc_kit.bus.envelope import from_message
from ioc_kit.errors import InvalidInput
from ioc_kit.tenancy import Caller, Scope

log = structlog.get_logger()
_READERS = frozenset(
    {
        "province-admin",
        "operator",
        "analyst",
        "agency-editor",
        "oc-admin",
        "oc-operator",
        "soc-analyst",
        "partner",
    }
)
"""Who reads alerts, as the policy of alerts has it; a feed is never open to more than its service is."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A stream of the log: its letter in ids, the events in it that are shown, and who may follow it."""

    letter: str
    stream: str
    service: str
    messages: Mapping[str, type[Message]]
    roles: frozenset[str]

    def subjects(self, tenant: str = "*") -> tuple[str, ...]:
        """The subjects of the events shown, of one tenant or of all."""
        return tuple(f"ioc.{tenant}.{self.service}.v1.{name}" for name in self.messages)


FEEDS = (
    Feed(
        "A",
        "ALERTS",
        "alerts",
        {
            "alert.raised": alerts.AlertRaised,
            "alert.acknowledged": alerts.AlertAcknowledged,
            "alert.resolved": alerts.AlertResolved,
            "alert.retracted": alerts.AlertRetracted,
        },
        _READERS,
    ),
    Feed("K", "KPI", "kpi", {"indicator.computed": kpi.IndicatorComputed}, _READERS | {"service"}),
    Feed(
        "S",
        "SOC",
        "soc",
        {"incident.opened": soc.IncidentOpened},
        frozenset({"soc-analyst", "province-admin", "oc-admin", "partner"}),
    ),
)


def feeds_for(caller: Caller) -> tuple[Feed, ...]:
    """The feeds that the caller's roles may follow."""
    return tuple(feed for feed in FEEDS if caller.has_any(*feed.roles))


def only_tenant(caller: Caller) -> str | None:
    """The one tenant whose events the caller gets; None for a caller who sees the whole province."""
    return None if caller.scope is Scope.PROVINCE else caller.tenant


@dataclass(frozen=True, slots=True)
class Item:
    """An event ready to be sent: the feed's letter, its position there, whose it is, its name, its data as JSON."""

    letter: str
    position: int
    tenant: str
    name: str
    data: str


def item_of(feed: Feed, entry: Entry) -> Item | None:
    """The entry as front ends get it; None when it does not read as an event of the feed (which is logged)."""
    message = entry.message
    try:
        event = from_message(message.subject, message.data, message.headers, entry.position)
        name = ".".join(message.subject.split(".")[4:])
        body = event.read(feed.messages[name])
    except (InvalidInput, KeyError) as error:
        log.warning("an event cannot be shown", subject=message.subject, position=entry.position, problem=str(error))
        return None
    data = {
        **rendered(body),
        "tenant": event.tenant,
        "at": event.time,
        "trace_id": event.headers.get("traceparent", "--").split("-")[1],
    }
    # The tenant is the subject's: `from_message` has held the header against it.
    return Item(feed.letter, entry.position, event.tenant, name, to_json(data, inf_nan_mode="null").decode())
