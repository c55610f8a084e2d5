"""JetStream: connecting, the event envelope, publishing durably, consuming idempotently with dead letters."""

from ioc_kit.bus.connection import Bus, StreamSpec
from ioc_kit.bus.consumer import Consumer, DeadLetter, Subscription
from ioc_kit.bus.envelope import Event, new_event

__all__ = ["Bus", "Consumer", "DeadLetter", "Event", "StreamSpec", "Subscription", "new_event"]
