"""Questions to the ledger and its answers: one window of one series, with figures but no meaning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ioc_kpi.domain.indicator import Aggregate
from ioc_kpi.domain.period import Period


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one series' time, the end exclusive."""

    series_key: str
    period: Period


@dataclass(frozen=True, slots=True)
class Figures:
    """What the ledger says of a window: `count` usable readings and what they come to, `bad` ones left out.

    `position` is the greatest ledger position in the window, 0 when it is empty.
    """

    count: int = 0
    total: float = 0.0
    minimum: float = math.nan
    maximum: float = math.nan
    last: float = math.nan
    last_at: datetime | None = None
    bad: int = 0
    position: int = 0
    contract_version: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The ledger's figures for each window asked, and the position up to which the ledger was complete."""

    figures: dict[Window, Figures]
    position: int


def combine(aggregate: Aggregate, several: Sequence[Figures]) -> float | None:
    """The aggregate over the windows of several series, in the order given; None when all are empty.

    A mean weighs each reading alike, whatever series it is in; the last is the newest by time.
    """
    filled = [figures for figures in several if figures.count]
    if not filled:
        return None
    match aggregate:
        case Aggregate.COUNT:
            return float(sum(figures.count for figures in filled))
        case Aggregate.SUM:
            return math.fsum(figures.total for figures in filled)
        case Aggregate.MEAN:
            return math.fsum(figures.total for figures in filled) / sum(figures.count for figures in filled)
        case Aggregate.MIN:
            return min(figures.minimum for figures in filled)
        case Aggregate.MAX:
            return max(figures.maximum for figures in filled)
        case Aggregate.LAST:
            return max(filled, key=lambda figures: (figures.last_at is not None, figures.last_at)).last
