"""What is handed to SOC teams: objects of a collection, in the order in which they were added."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ioc_soc_bridge.domain.event import NAMESPACE
from ioc_soc_bridge.domain.marking import Tlp

SPEC_VERSION: Final = "2.1"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Centre:
    """Whose objects these are: the tenant, its names, and since when they are so."""

    tenant: str
    name_vi: str
    name_en: str
    named_at: datetime


@dataclass(frozen=True, slots=True)
class StixObject:
    """A rendered object. `version` is its `modified`, else its `created`; None for an object that has neither."""

    object_id: str
    type: str
    version: datetime | None
    tlp: Tlp
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ServedObject:
    """An object as it lies in a collection. `added_at` is unique in the collection and grows in order of commit."""

    object_id: str
    type: str
    version: datetime
    added_at: datetime
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """The one collection of a tenant. Its id follows from the tenant and never changes."""

    collection_id: uuid.UUID
    tenant: str
    name_vi: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Match:
    """TAXII 2.1 section 3.4 filters; an empty one takes all. Alternatives within one, all of the four at once."""

    ids: Sequence[str] = ()
    types: Sequence[str] = ()
    spec_versions: Sequence[str] = ()
    is_last: bool = True
    is_first: bool = False
    is_all: bool = False
    versions: Sequence[datetime] = ()
    """Exact versions, beside `first` and `last`."""


def collection_id(tenant: str) -> uuid.UUID:
    """The collection's id."""
    return uuid.uuid5(NAMESPACE, f"collection/{tenant}")


def collection_of(centre: Centre) -> Collection:
    """The collection of a centre."""
    return Collection(
        collection_id(centre.tenant),
        centre.tenant,
        f"Sự cố an toàn thông tin: {centre.name_vi}",
        f"Security incidents: {centre.name_en or centre.name_vi}",
    )


def microseconds(at: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (at - EPOCH) // timedelta(microseconds=1)


def from_microseconds(number: int) -> datetime:
    """The moment. Raises OverflowError outside the calendar."""
    return EPOCH + timedelta(microseconds=number)
