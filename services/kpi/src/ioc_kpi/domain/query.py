"""What may be asked of the values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LatestQuery:
    """The newest value of each indicator and subject; empty filters keep all. `after`: indicator, subject, tenant."""

    set_code: str = ""
    code: str = ""
    area: str = ""
    after: tuple[str, str, str] | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Values of one indicator whose period starts in [start, end), as known at `as_of` (None: now).

    With versions: every version that was known by then. `after`: period start in ISO 8601, subject, tenant, revision.
    """

    indicator: str
    area: str = ""
    thing: str = ""
    dimension_code: str = ""
    start: datetime | None = None
    end: datetime | None = None
    as_of: datetime | None = None
    has_versions: bool = False
    after: tuple[str, str, str, int] | None = None
    limit: int = 100
