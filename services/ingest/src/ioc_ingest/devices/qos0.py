"""Counts what devices publish with QoS 0: it is in no stream, so nobody can promise anything about it."""

from __future__ import annotations

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from ioc_ingest.devices.incidents import Incident, IncidentKind
from ioc_ingest.devices.ports import IncidentSink

_SUBJECTS = "dev.*.*.>"
_QUEUE = "ingest-qos0"


class Qos0Watch:
    """Listens to the plain subjects of devices, where the server hands on every publish with its QoS in a header.

    QoS 1 and 2 pass here too and are left alone: the intake has them. Several replicas share the counting.
    """

    def __init__(self, client: Client, on_incident: IncidentSink) -> None:
        self._client = client
        self._on_incident = on_incident
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Counts from now on."""
        self._subscription = await self._client.subscribe(_SUBJECTS, queue=_QUEUE, cb=self._take)
        await self._client.flush()

    async def stop(self) -> None:
        """Counts no more."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()
            self._subscription = None

    async def _take(self, message: Msg) -> None:
        levels = message.subject.split(".", 3)
        if (message.headers or {}).get("Nmqtt-Pub") == "0" and not levels[3].startswith("down"):
            self._on_incident(Incident(IncidentKind.NOT_DURABLE, levels[2], f"QoS 0 on {message.subject}"))
