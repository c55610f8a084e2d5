"""What the MQTT door needs from the rest of ingest."""

from __future__ import annotations

from typing import Protocol

from ioc_ingest.devices.admission import DeviceRecord
from ioc_ingest.devices.incidents import Incident


class DeviceDirectory(Protocol):
    """The devices that may log in: a read model of the registry. It must answer from memory or one indexed row:

    the server gives the callout five seconds, and after a power cut every device asks at once. Whatever it raises
    refuses that log-in; the device tries again.
    """

    async def find(self, device_id: str) -> DeviceRecord | None:
        """The device of that name, revoked ones too; None when there is none. The name is not checked in any way."""
        ...


class IncidentSink(Protocol):
    """Takes incidents. It is called on the hot path: it counts or queues, never waits, never raises."""

    def __call__(self, incident: Incident) -> None:
        """Takes one."""
        ...
