"""What the service knows of a series: its place, from its key, and its terms, from the registry's contracts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ioc_kpi.domain.errors import SeriesKeyInvalid
from ioc_kpi.domain.text import NO_TEXT, LocalizedText

_PARTS_OF_A_PLACE = (3, 4)
INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Series:
    """A series of one tenant. `contract_version` 0 and a cadence of None: no contract has been seen yet."""

    tenant: str
    key: str
    source: str
    measure: str
    area: str
    thing: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()
    period_kind: str = INSTANT
    cadence: timedelta | None = None
    contract: str = ""
    contract_version: int = 0
    name: LocalizedText = NO_TEXT
    """Name of the thing, for people."""
    first_at: datetime | None = None
    newest_at: datetime | None = None
    """Times of the oldest and the newest observation that the ledger has told of."""

    @property
    def is_instant(self) -> bool:
        """True when an observation's time is a moment; otherwise it is the start of a period."""
        return self.period_kind == INSTANT


@dataclass(frozen=True, slots=True)
class Activity:
    """What changed in a series: rows from `first_at` to `newest_at`, both included."""

    tenant: str
    series_key: str
    first_at: datetime
    newest_at: datetime


def parse_key(tenant: str, key: str) -> Series:
    """The series that a key names: `<source>/<measure>/<area>[/<thing>][/<DIM>=<value>...]`.

    Observations may come before the contract that describes their series; the key says enough to place them.
    Raises SeriesKeyInvalid.
    """
    parts = key.split("/")
    place = [part for part in parts if "=" not in part]
    pairs = [part.split("=", 1) for part in parts[len(place) :]]
    if len(place) not in _PARTS_OF_A_PLACE or not all(parts) or any(len(pair) != 2 for pair in pairs):
        raise SeriesKeyInvalid(key)
    source, measure, area, *thing = place
    dimensions = tuple(sorted((name, value) for name, value in pairs))
    return Series(tenant, key, source, measure, area, "".join(thing), dimensions)
