"""What the handlers need from outside."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ioc_kit.tenancy import Tenancy
from ioc_soc_bridge.domain.event import Door, Intake, RefusalReason, SecurityEvent
from ioc_soc_bridge.domain.events import SocEvent
from ioc_soc_bridge.domain.exchange import Centre, Match, ServedObject, StixObject
from ioc_soc_bridge.domain.incident import Incident
from ioc_soc_bridge.domain.marking import Tlp
from ioc_soc_bridge.domain.severity import Severity


@dataclass(frozen=True, slots=True)
class QuarantinedLine:
    """A refused line as it is kept; `times` says how often the same one came."""

    line_id: uuid.UUID
    tenant: str
    door: Door
    sensor: str
    reason: RefusalReason
    detail: str
    original: bytes
    size_bytes: int
    times: int
    first_at: datetime
    last_at: datetime


class SocTransaction(Protocol):
    """One transaction: what is put becomes visible, and what is emitted goes out, when the block ends well."""

    async def take_turn(self, tenant: str) -> None:
        """Waits until no other transaction writes for this tenant, and keeps others waiting until this one ends.

        Everything that writes calls it first. It makes `one open incident per key` a thing that does not have to be
        retried, and `added_at` grow in the order of the commits. Raises Forbidden when the caller may not write here.
        """

    async def known(self, tenant: str, fingerprints: Sequence[str]) -> set[str]:
        """Those of the fingerprints that are stored already."""

    async def add_events(
        self, tenant: str, events: Sequence[SecurityEvent], incident_of: Mapping[str, uuid.UUID], at: datetime
    ) -> None:
        """Stores events that are not known yet."""

    async def quarantine(self, tenant: str, intake: Intake, at: datetime) -> None:
        """Keeps the refused lines of an intake; one that is kept already is counted."""

    async def incidents_near(
        self, tenant: str, digests: Sequence[str], earliest: datetime, latest: datetime
    ) -> Sequence[Incident]:
        """Incidents of these keys that are open, or were seen between the two moments."""

    async def quiet_incidents(self, tenant: str, since: datetime, limit: int) -> Sequence[Incident]:
        """Open incidents with no event, and none delivered, since then."""

    async def tenants_with_quiet(self, since: datetime) -> Sequence[str]:
        """Tenants that have such incidents."""

    async def put_incidents(self, incidents: Sequence[Incident]) -> None:
        """Inserts or replaces by id, closed ones first. The database refuses a second open one of a key."""

    async def centre(self, tenant: str) -> Centre:
        """The centre's names; its code where no name is known."""

    async def centres(self) -> Sequence[Centre]:
        """Every centre that has a name or an event."""

    async def put_centre(self, centre: Centre) -> None:
        """Inserts or replaces by tenant."""

    async def add_objects(self, tenant: str, objects: Sequence[StixObject], at: datetime) -> None:
        """Adds those that are not there in this version. `added_at` is `at`, or just after the last one if later."""

    async def prune(self, *, quarantined_before: datetime, received_before: datetime, limit: int) -> int:
        """Deletes quarantined lines not met, and events not received, since then; returns how many.

        At most `limit` events at a time.
        """

    async def get_incident(self, incident_id: uuid.UUID) -> Incident | None:
        """The incident, or None."""

    async def list_incidents(
        self,
        *,
        minimum: Severity | None,
        before: tuple[datetime, uuid.UUID] | None,
        limit: int,
    ) -> Sequence[Incident]:
        """Incidents, last seen first."""

    async def list_quarantined(
        self, *, before: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> Sequence[QuarantinedLine]:
        """Refused lines, last met first."""

    async def list_objects(
        self, tenant: str, match: Match, up_to: Tlp, *, added_after: datetime | None, limit: int
    ) -> Sequence[ServedObject]:
        """Objects of a tenant's collection in order of `added_at`, none marked narrower than `up_to`."""

    def emit(self, *events: SocEvent) -> None:
        """Events that go out with the commit."""


class SocStore(Protocol):
    """Opens transactions. The composition root closes it."""

    def transaction(self, tenancy: Tenancy) -> AbstractAsyncContextManager[SocTransaction]:
        """A transaction that sees what the tenancy may see; commits at the end of the block, or rolls back."""


class Renderer(Protocol):
    """Makes the exchange form of an incident."""

    def __call__(self, centre: Centre, incident: Incident) -> Sequence[StixObject]:
        """All objects that tell this version of the incident, those that others refer to first."""
