"""The server's own account: which devices were cut off and why, and the power to cut one off."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import TimeoutError as NatsTimeout

from ioc_ingest.devices.incidents import Incident, IncidentKind
from ioc_ingest.devices.ports import IncidentSink

log = structlog.get_logger()
_QUEUE = "ingest-disconnects"
_REPLY_SECONDS = 0.3
_KINDS = {
    "Maximum Message Payload Exceeded": IncidentKind.TOO_LARGE,
    "Protocol Violation": IncidentKind.BROKEN_PROTOCOL,
    "Parse Error": IncidentKind.BROKEN_PROTOCOL,
}
"""The server's reasons for ending a connection (`ClosedState`) that a device is to blame for after its log-in."""


class DeviceConnections:
    """Watches and ends MQTT connections. `client` is a static user of the system account, not of the devices'."""

    def __init__(self, client: Client, on_incident: IncidentSink, *, account: str = "IOC") -> None:
        self._client = client
        self._on_incident = on_incident
        self._account = account
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Reports devices that are cut off, from now on."""
        subject = f"$SYS.ACCOUNT.{self._account}.DISCONNECT"
        self._subscription = await self._client.subscribe(subject, queue=_QUEUE, cb=self._take)
        await self._client.flush()

    async def stop(self) -> None:
        """Reports no more."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()
            self._subscription = None

    async def cut_off(self, device_id: str, begun_before: datetime | None = None) -> int:
        """Ends the device's connections, on whichever server they are; returns how many were ended.

        With `begun_before` those begun later stay: they logged in with the credential that holds now.
        Revoke first: a device that is cut off logs in again at once.
        """
        ended = 0
        question = json.dumps({"mqtt_client": device_id}).encode()
        for answer in await self._ask_all(f"$SYS.REQ.ACCOUNT.{self._account}.CONNZ", question):
            server = answer["server"]["id"]
            for connection in answer.get("data", {}).get("connections") or []:
                if begun_before is not None and datetime.fromisoformat(connection["start"]) >= begun_before:
                    continue
                request = json.dumps({"cid": connection["cid"]}).encode()
                await self._client.request(f"$SYS.REQ.SERVER.{server}.KICK", request, timeout=5)
                ended += 1
        return ended

    async def _ask_all(self, subject: str, question: bytes) -> list[dict[str, Any]]:
        """Every server of a cluster answers for itself; none says how many there are."""
        inbox = self._client.new_inbox()
        answers: list[dict[str, Any]] = []
        subscription = await self._client.subscribe(inbox)
        try:
            await self._client.publish(subject, question, reply=inbox)
            while True:
                try:
                    message = await subscription.next_msg(timeout=_REPLY_SECONDS if answers else 5.0)
                except NatsTimeout:
                    return answers
                answers.append(json.loads(message.data))
        finally:
            await subscription.unsubscribe()

    async def _take(self, message: Msg) -> None:
        try:
            advisory = json.loads(message.data)
            client, reason = advisory["client"], advisory["reason"]
        except (ValueError, KeyError, TypeError) as error:
            log.error("cannot read the server's advisory", problem=repr(error))
            return
        kind = _KINDS.get(reason)
        if kind is not None and client.get("client_type") == "mqtt":
            self._on_incident(Incident(kind, client.get("client_id"), reason))
