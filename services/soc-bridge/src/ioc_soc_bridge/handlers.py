"""The SOC bridge's use cases: one method, one verb."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ioc_kit.clock import Clock
from ioc_kit.errors import InvalidInput
from ioc_kit.rpc import Page, decode_page_token, encode_page_token
from ioc_kit.rpc.paging import clamp_page_size
from ioc_kit.telemetry import current_trace_id
from ioc_kit.tenancy import Caller, Scope, Tenancy, background
from ioc_soc_bridge.domain.correlation import correlate
from ioc_soc_bridge.domain.errors import CollectionNotFound, IncidentNotFound
from ioc_soc_bridge.domain.event import Intake, Receipt, SecurityEvent
from ioc_soc_bridge.domain.events import IncidentOpened, IncidentUpdated
from ioc_soc_bridge.domain.exchange import (
    Centre,
    Collection,
    Match,
    ServedObject,
    StixObject,
    collection_of,
    from_microseconds,
    microseconds,
)
from ioc_soc_bridge.domain.incident import Incident, closed, is_worth_telling, key_of, told
from ioc_soc_bridge.domain.marking import Tlp, served_up_to
from ioc_soc_bridge.domain.severity import Severity
from ioc_soc_bridge.ports import QuarantinedLine, Renderer, SocStore, SocTransaction

log = structlog.get_logger()
_QUIET_BATCH = 200
_PRUNE_BATCH = 10_000
_BREATH = 50


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator sets."""

    window: timedelta = timedelta(minutes=60)
    """The longest silence within one incident."""
    tlp: Tlp = Tlp.AMBER
    """The marking of what is handed on."""
    keep_quarantine: timedelta = timedelta(days=30)
    keep_events: timedelta = timedelta(days=366)
    """Level 3 asks that logs are kept for at least six months."""


class IntakeHandlers:
    """Takes events in, makes incidents of them, tells of them."""

    def __init__(self, store: SocStore, clock: Clock, render: Renderer, rules: Rules) -> None:
        self._store = store
        self._clock = clock
        self._render = render
        self._rules = rules

    async def take(self, tenancy: Tenancy, intake: Intake) -> Receipt:
        """Stores what a protocol has read, for the tenancy's tenant. Taking the same again changes nothing.

        Raises Forbidden when the tenancy may not write, Unavailable when nothing was stored.
        """
        now, tenant = self._clock.now(), tenancy.tenant
        distinct = {event.fingerprint: event for event in intake.events}
        async with self._store.transaction(tenancy) as transaction:
            await transaction.take_turn(tenant)
            known = await transaction.known(tenant, list(distinct))
            fresh = [event for fingerprint, event in distinct.items() if fingerprint not in known]
            incident_of = await self._correlate(transaction, tenant, fresh, now)
            await transaction.add_events(tenant, fresh, incident_of, now)
            await transaction.quarantine(tenant, intake, now)
        return Receipt(
            received=intake.received,
            accepted=len(fresh),
            duplicate=len(intake.events) - len(fresh),
            ignored=intake.ignored,
            quarantined=intake.refused,
            incident_ids=tuple(dict.fromkeys(incident_of.values())),
        )

    async def close_quiet(self) -> int:
        """Closes open incidents after a window of silence; returns how many."""
        now = self._clock.now()
        since = now - self._rules.window
        async with self._store.transaction(background("")) as transaction:
            tenants = await transaction.tenants_with_quiet(since)
        count = 0
        for tenant in tenants:
            async with self._store.transaction(background(tenant)) as transaction:
                await transaction.take_turn(tenant)
                quiet = await transaction.quiet_incidents(tenant, since, _QUIET_BATCH)
                await self._put(transaction, tenant, [closed(incident, now) for incident in quiet], now)
                count += len(quiet)
        return count

    async def prune(self) -> int:
        """Deletes quarantined lines and events whose time is over; returns how many."""
        now = self._clock.now()
        async with self._store.transaction(background("")) as transaction:
            return await transaction.prune(
                quarantined_before=now - self._rules.keep_quarantine,
                received_before=now - self._rules.keep_events,
                limit=_PRUNE_BATCH,
            )

    async def name_centre(self, centre: Centre) -> None:
        """Records how a tenant's centre is called."""
        async with self._store.transaction(background(centre.tenant)) as transaction:
            await transaction.put_centre(centre)

    async def _correlate(
        self, transaction: SocTransaction, tenant: str, events: Iterable[SecurityEvent], now: datetime
    ) -> Mapping[str, uuid.UUID]:
        by_key: dict[str, list[SecurityEvent]] = defaultdict(list)
        for event in events:
            if event.opens_incident:
                by_key[key_of(event).digest].append(event)
        if not by_key:
            return {}
        times = [event.at for group in by_key.values() for event in group]
        window = self._rules.window
        near = await transaction.incidents_near(tenant, list(by_key), min(times) - window, max(times) + window)
        known: dict[str, list[Incident]] = defaultdict(list)
        for incident in near:
            known[incident.key.digest].append(incident)
        incident_of: dict[str, uuid.UUID] = {}
        changed: list[Incident] = []
        for digest, group in by_key.items():
            result = correlate(tenant, known[digest], group, window, now, trace_id=current_trace_id())
            changed += result.incidents
            incident_of |= result.incident_of
        await self._put(transaction, tenant, changed, now)
        return incident_of

    async def _put(
        self, transaction: SocTransaction, tenant: str, incidents: Sequence[Incident], now: datetime
    ) -> None:
        centre = await transaction.centre(tenant)
        versions: list[Incident] = []
        objects: list[StixObject] = []
        for number, incident in enumerate(incidents, 1):
            if number % _BREATH == 0:
                # A submission may hold thousands of addresses: other calls get their turn in between.
                await asyncio.sleep(0)
            if not is_worth_telling(incident):
                versions.append(incident)
                continue
            version = told(incident, now, self._rules.tlp)
            versions.append(version)
            objects += self._render(centre, version)
            transaction.emit(IncidentOpened(version) if version.revision == 1 else IncidentUpdated(version))
            log.debug("incident told", incident=str(version.incident_id), revision=version.revision)
        await transaction.put_incidents(versions)
        await transaction.add_objects(tenant, objects, now)


class IncidentHandlers:
    """Reads incidents and the quarantine."""

    def __init__(self, store: SocStore) -> None:
        self._store = store

    async def get(self, caller: Caller, incident_id: str) -> Incident:
        """One incident. Raises IncidentNotFound."""
        try:
            wanted = uuid.UUID(incident_id)
        except ValueError:
            raise IncidentNotFound(incident_id[:64]) from None
        async with self._store.transaction(caller.tenancy) as transaction:
            found = await transaction.get_incident(wanted)
        if found is None:
            raise IncidentNotFound(incident_id)
        return found

    async def list(
        self,
        caller: Caller,
        *,
        minimum: Severity | None,
        page_size: int,
        page_token: str,
    ) -> Page[Incident]:
        """Incidents, last seen first."""
        size = clamp_page_size(page_size)
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.list_incidents(minimum=minimum, before=_before(page_token), limit=size + 1)
        last = rows[size - 1] if len(rows) > size else None
        return Page(rows[:size], _token(last.last_seen_at, last.incident_id) if last else "")

    async def list_quarantined(self, caller: Caller, *, page_size: int, page_token: str) -> Page[QuarantinedLine]:
        """Refused lines, last met first."""
        size = clamp_page_size(page_size)
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.list_quarantined(before=_before(page_token), limit=size + 1)
        last = rows[size - 1] if len(rows) > size else None
        return Page(rows[:size], _token(last.last_at, last.line_id) if last else "")


class ExchangeHandlers:
    """Serves collections: to each caller what the marking allows."""

    def __init__(self, store: SocStore) -> None:
        self._store = store

    async def list_collections(self, caller: Caller, *, page_size: int, page_token: str) -> Page[Collection]:
        """The collections within the caller's reach, in order of tenant."""
        size = clamp_page_size(page_size)
        after = decode_page_token(page_token, str)
        found = [each for each in await self._collections(caller) if after is None or each.tenant > str(after[0])]
        token = encode_page_token(found[size - 1].tenant) if len(found) > size else ""
        return Page(found[:size], token)

    async def _collections(self, caller: Caller) -> Sequence[Collection]:
        """The caller's own collection, and for the province those of all centres, in order of tenant."""
        async with self._store.transaction(caller.tenancy) as transaction:
            if caller.scope is Scope.PROVINCE:
                found = {centre.tenant: centre for centre in await transaction.centres()}
            else:
                found = {}
            if caller.tenant not in found:
                found[caller.tenant] = await transaction.centre(caller.tenant)
        return [collection_of(found[tenant]) for tenant in sorted(found)]

    async def get_collection(self, caller: Caller, wanted: str) -> Collection:
        """One collection. Raises CollectionNotFound."""
        for collection in await self._collections(caller):
            if str(collection.collection_id) == wanted.lower():
                return collection
        raise CollectionNotFound(wanted[:64])

    async def list_objects(
        self,
        caller: Caller,
        wanted: str,
        match: Match,
        *,
        added_after: datetime | None,
        page_size: int,
        page_token: str,
    ) -> Page[ServedObject]:
        """Objects in order of the time they were added; the token is that time, so a page is never skipped or shifted.

        Raises CollectionNotFound.
        """
        collection = await self.get_collection(caller, wanted)
        size = clamp_page_size(page_size)
        if page_token:
            resumed = _resumed(page_token)
            added_after = max(resumed, added_after) if added_after else resumed
        # The narrowed caller's own tenant is not in the token any more: READ means another's collection.
        is_own = collection.tenant == caller.tenant and caller.scope is not Scope.READ
        up_to = served_up_to(caller.roles, is_own_tenant=is_own)
        async with self._store.transaction(caller.tenancy) as transaction:
            rows = await transaction.list_objects(
                collection.tenant, match, up_to, added_after=added_after, limit=size + 1
            )
        more = len(rows) > size
        return Page(rows[:size], encode_page_token(microseconds(rows[size - 1].added_at)) if more else "")


def _token(at: datetime, identifier: uuid.UUID) -> str:
    return encode_page_token(microseconds(at), str(identifier))


def _before(token: str) -> tuple[datetime, uuid.UUID] | None:
    key = decode_page_token(token, int, str)
    if key is None:
        return None
    try:
        return from_microseconds(int(key[0])), uuid.UUID(str(key[1]))
    except (ValueError, OverflowError):
        raise InvalidInput.field("page_token", "is not one that this list handed out; start again without it") from None


def _resumed(token: str) -> datetime:
    key = decode_page_token(token, int)
    assert key is not None  # noqa: S101  # only an empty token decodes to None
    try:
        return from_microseconds(int(key[0]))
    except OverflowError:
        raise InvalidInput.field("page_token", "is not one that this list handed out; start again without it") from None
