"""What the app is built of: what routes find in `app.state.parts`, and the loops that run beside them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ioc_gateway.addresses import TrustedProxies
from ioc_gateway.events.hub import Hub
from ioc_gateway.limits import Limits
from ioc_gateway.peers import Peers
from ioc_gateway.readiness import Readiness
from ioc_gateway.refusals import Refusals
from ioc_gateway.settings import Settings
from ioc_kit.auth import TokenVerifier
from ioc_kit.bus import Bus
from ioc_kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Parts:
    """Made once by `build`; closed by its stack."""

    settings: Settings
    clock: Clock
    verifier: TokenVerifier
    limits: Limits
    proxies: TrustedProxies
    refusals: Refusals
    peers: Peers
    bus: Bus
    hub: Hub
    readiness: Readiness

    async def run(self) -> None:
        """Follows the event streams and publishes refused log-ins until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.hub.run())
            group.create_task(self.refusals.run())

    async def drain(self, seconds: float) -> None:
        """Says not ready, ends the open event streams and publishes what is left to publish."""
        self.readiness.is_draining = True
        await self.hub.close(seconds)
        await self.refusals.publish_pending()
