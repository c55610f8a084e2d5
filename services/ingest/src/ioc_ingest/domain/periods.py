"""Starts of periods in Viet Nam time, for whole columns at once."""

from __future__ import annotations

import numpy as np

from ioc_ingest.domain.columns import Bool, Int64
from ioc_ingest.domain.contract import PeriodKind

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
VIET_NAM_US = 7 * HOUR_US
"""Asia/Ho_Chi_Minh has been UTC+7 without summer time since 1975: older statistics are not delivered."""

_NOMINAL_DAYS = {
    PeriodKind.DAY: 1,
    PeriodKind.WEEK: 7,
    PeriodKind.MONTH: 31,
    PeriodKind.QUARTER: 92,
    PeriodKind.YEAR: 366,
}


def longest_us(kind: PeriodKind) -> int:
    """The greatest length of a period in microseconds: lateness counts from its end. 0 for a moment."""
    if kind is PeriodKind.HOUR:
        return HOUR_US
    return _NOMINAL_DAYS.get(kind, 0) * DAY_US


def is_period_start(time_us: Int64, kind: PeriodKind) -> Bool:
    """For each time (microseconds since 1970 UTC) whether a period of the kind starts then."""
    if kind is PeriodKind.INSTANT:
        return np.ones(time_us.size, np.bool_)
    local = time_us + VIET_NAM_US
    if kind is PeriodKind.HOUR:
        return np.equal(local % HOUR_US, 0)
    is_midnight: Bool = local % DAY_US == 0
    if kind is PeriodKind.DAY:
        return is_midnight
    if kind is PeriodKind.WEEK:
        # 1970-01-01 was a Thursday, so Mondays are the days 4, 11, 18, …
        return is_midnight & np.equal(local // DAY_US % 7, 4)
    days = (local // DAY_US).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    is_first = is_midnight & (months.astype("datetime64[D]") == days)
    step = {PeriodKind.MONTH: 1, PeriodKind.QUARTER: 3, PeriodKind.YEAR: 12}[kind]
    return np.asarray(is_first & (months.astype(np.int64) % step == 0), np.bool_)
