"""The auth callout: the server asks about every log-in that is not a static user's, and this answers."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from ioc_ingest.devices.admission import Admit, LoginRequest, Refusal, Refuse, decide
from ioc_ingest.devices.claims import BadRequest, CalloutRequest, Issuer, read_request
from ioc_ingest.devices.incidents import Incident, IncidentKind
from ioc_ingest.devices.ports import DeviceDirectory, IncidentSink
from ioc_kit.clock import Clock

log = structlog.get_logger()
SUBJECT = "$SYS.REQ.USER.AUTH"
_QUEUE = "ingest-auth-callout"
_ANSWER_SECONDS = 4.0
"""Below the server's own five, so that the refusal is ours and says why."""


class AuthCallout:
    """Answers log-ins from a directory of devices. Start it only when the intake is prepared.

    `client` is a static user that the configuration exempts from the callout. Several replicas share the log-ins.
    `stay` is how long a device may stay on one log-in: the longest that a revocation can go unnoticed when nobody
    cuts the connection.
    """

    def __init__(
        self,
        client: Client,
        directory: DeviceDirectory,
        issuer_seed: str,
        clock: Clock,
        on_incident: IncidentSink,
        *,
        account: str = "IOC",
        stay: timedelta = timedelta(hours=24),
    ) -> None:
        self._client = client
        self._directory = directory
        self._issuer = Issuer(issuer_seed, account)
        self._clock = clock
        self._on_incident = on_incident
        self._stay = stay
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Admits devices from now on."""
        self._subscription = await self._client.subscribe(SUBJECT, queue=_QUEUE, cb=self._answer)
        await self._client.flush()

    async def stop(self) -> None:
        """Answers what was asked already; then no device can log in here. Those inside stay."""
        if self._subscription is not None:
            await self._subscription.drain()  # type: ignore[no-untyped-call]
            self._subscription = None

    async def _answer(self, message: Msg) -> None:
        try:
            request = read_request(message.data)
        except BadRequest as error:
            log.error("not a request of the server", problem=str(error))
            return
        decision = await self._decide(request)
        now = self._clock.now()
        if isinstance(decision, Admit):
            await message.respond(self._issuer.admit(request, decision, now, self._stay))
            return
        self._report(request.login, decision)
        await message.respond(self._issuer.refuse(request, decision.reason.value, now))

    async def _decide(self, request: CalloutRequest) -> Admit | Refuse:
        if request.login is None:
            return Refuse(Refusal.NOT_MQTT)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                record = await self._directory.find(request.login.user)
        except Exception as error:  # whatever keeps the directory from answering refuses this log-in
            log.error("the directory of devices does not answer", exc_info=error)
            return Refuse(Refusal.DIRECTORY_AWAY)
        return decide(request.login, record)

    def _report(self, login: LoginRequest | None, refused: Refuse) -> None:
        # Whoever did not prove to be that device must not be counted as it; the name tried goes to the detail.
        name = login.user[:64] if login else ""
        is_proven = refused.reason in (Refusal.REVOKED, Refusal.WRONG_CLIENT_ID)
        detail = f"{refused.reason.value}: {name!r}"
        log.warning("refused a log-in", reason=refused.reason.value, user=name)
        self._on_incident(Incident(IncidentKind.LOGIN_REFUSED, name if is_proven else None, detail))
