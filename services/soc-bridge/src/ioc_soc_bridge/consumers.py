"""What the SOC bridge hears on the bus: refused log-ins, and how the centres are called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Final

from ioc.registry.v1 import events_pb2 as pb_registry
from ioc.soc.v1 import events_pb2 as pb
from ioc_kit.bus import DeadLetter, Event, Subscription
from ioc_kit.tenancy import background
from ioc_soc_bridge.domain.event import Door, Intake
from ioc_soc_bridge.domain.exchange import Centre
from ioc_soc_bridge.domain.login import SENSOR, refused_login
from ioc_soc_bridge.domain.text import clean
from ioc_soc_bridge.handlers import IntakeHandlers

LOGINS: Final = Subscription("GATEWAY", "soc-bridge-logins", ("ioc.*.gateway.v1.login.refused",))
TENANTS: Final = Subscription("REGISTRY", "soc-bridge-tenants", ("ioc.*.registry.v1.tenant.changed",))


def on_login_refused(handlers: IntakeHandlers) -> Callable[[Event], Awaitable[None]]:
    """Takes a refused log-in in. A repeat has the same fingerprint and so changes nothing."""

    async def handle(event: Event) -> None:
        message = event.read(pb.LoginRefused)
        try:
            at = message.at.ToDatetime(tzinfo=UTC) if message.HasField("at") else event.time.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise DeadLetter("`at` is outside the calendar") from error
        login = refused_login(
            event_id=event.id,
            why=message.why,
            client_ip=message.client_ip,
            path=message.path,
            count=message.count,
            at=at,
        )
        await handlers.take(background(event.tenant), Intake(Door.EVENT, SENSOR, (login,)))

    return handle


def on_tenant_changed(handlers: IntakeHandlers) -> Callable[[Event], Awaitable[None]]:
    """Keeps the names of the centres: they stand in what is handed on. The same name again changes nothing."""

    async def handle(event: Event) -> None:
        tenant = event.read(pb_registry.TenantChanged).tenant
        if tenant.tenant != event.tenant:
            raise DeadLetter(f"the event is of tenant {event.tenant!r} and tells of {tenant.tenant!r}")
        name = clean(tenant.name.vi, 200) or tenant.tenant
        await handlers.name_centre(Centre(tenant.tenant, name, clean(tenant.name.en, 200), event.time))

    return handle
