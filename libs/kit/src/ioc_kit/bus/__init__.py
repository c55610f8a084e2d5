"""JetStream: connecting, the event envelope, publishing durably, consuming idempotently with dead letters."""

from ioc_kit.bus.connection import Bus, StreamSpec
from ioc_kit.bus.consumer import Consumer, DeadLetter, Subscription
from ioc_kit.bus.envelope import Event, new_event
from ioc_kit.bus.pull import ConsumerGone, GroupPull

__all__ = [
    "Bus",
    "Consumer",
    "ConsumerGone",
    "DeadLetter",
    "Event",
    "GroupPull",
    "StreamSpec",
    "Subscription",
    "new_event",
]
