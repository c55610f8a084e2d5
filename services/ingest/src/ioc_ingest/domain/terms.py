"""A tenant's contracts compiled into columns, and the check of a batch against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ioc_ingest.domain.columns import QUALITY_LAST, Bool, Columns, Int8, Int64
from ioc_ingest.domain.contract import Contract, Mode, PeriodKind, SeriesEntry
from ioc_ingest.domain.periods import VIET_NAM_US, is_period_start, longest_us
from ioc_ingest.domain.refusal import Refusal, Rule

_KINDS = tuple(PeriodKind)
_FOREVER = 2**62
_STORABLE_FIRST_US = -2_208_988_800_000_000
"""1900-01-01 UTC."""
_STORABLE_END_US = 4_102_444_800_000_000
"""2100-01-01 UTC: what lies outside is a broken clock, whatever the contract's mode says."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict on N readings: `rule` (N) is 0 where accepted."""

    rule: Int8
    observed: int
    """How many broke their contract and were let through because it only observes."""

    @property
    def is_accepted(self) -> Bool:
        """The mask (N) of accepted readings."""
        return np.equal(self.rule, Rule.NONE)


class Terms:
    """What one tenant may deliver of one source: per series its bounds, lateness, skew, mode. Immutable once built."""

    def __init__(self, contracts: Sequence[Contract], series: Sequence[SeriesEntry]) -> None:
        self.contracts: Mapping[str, Contract] = {contract.contract: contract for contract in contracts}
        self.entries: tuple[SeriesEntry, ...] = tuple(s for s in series if s.contract in self.contracts)
        self._place = {entry.key: place for place, entry in enumerate(self.entries)}
        owners = [self.contracts[entry.contract] for entry in self.entries]
        measures = [owner.measure_named(entry.measure) for owner, entry in zip(owners, self.entries, strict=True)]
        # The last row of each column stands for `unknown`, so that index -1 finds it.
        self._minimum = np.array(
            [-np.inf if m is None or m.minimum is None else m.minimum for m in measures] + [-np.inf], np.float64
        )
        self._maximum = np.array(
            [np.inf if m is None or m.maximum is None else m.maximum for m in measures] + [np.inf], np.float64
        )
        self._skew_us = _spans([owner.clock_skew for owner in owners])
        self._lateness_us = _spans([owner.allowed_lateness for owner in owners]) + np.array(
            [longest_us(owner.period_kind) for owner in owners] + [0], np.int64
        )
        self._kind = np.array([_KINDS.index(owner.period_kind) for owner in owners] + [0], np.int8)
        self._from_us = np.array([_day_us(owner.valid_from, -_FOREVER) for owner in owners] + [-_FOREVER], np.int64)
        self._to_us = np.array([_day_us(owner.valid_to, _FOREVER) for owner in owners] + [_FOREVER], np.int64)
        self._observes = np.array([owner.mode is Mode.OBSERVE for owner in owners] + [False], np.bool_)

    def entry(self, key: str) -> SeriesEntry | None:
        """The series of that key, or None."""
        place = self._place.get(key)
        return None if place is None else self.entries[place]

    def leading_contract(self, columns: Columns) -> Contract:
        """The contract of the first series that one of them covers; the first contract where none does."""
        for key in columns.series_keys:
            place = self._place.get(key)
            if place is not None:
                return self.contracts[self.entries[place].contract]
        return next(iter(self.contracts.values()))

    def check(self, columns: Columns, now: datetime) -> Checked:
        """Holds every reading against its contract; the first rule that is broken names the refusal."""
        now_us = to_us(now)
        unknown = len(self.entries)
        places = np.array([self._place.get(key, unknown) for key in columns.series_keys] or [unknown], np.int32)
        row = places[columns.index] if len(columns) else np.zeros(0, np.int32)
        rule = np.zeros(len(columns), np.int8)
        time, value = columns.time_us, columns.value
        broken = (
            (Rule.VALUE_OUT_OF_RANGE, (value < self._minimum[row]) | (value > self._maximum[row])),
            (Rule.CONTRACT_NOT_IN_FORCE, (time < self._from_us[row]) | (time >= self._to_us[row])),
            (Rule.PERIOD_START_WRONG, self._is_off_period(time, row)),
            (Rule.TIME_TOO_LATE, now_us - time > self._lateness_us[row]),
            (Rule.TIME_IN_FUTURE, time - now_us > self._skew_us[row]),
        )
        for name, mask in broken:
            rule[mask] = name
        observed = 0
        if self._observes.any():
            let_through = self._observes[row] & (rule != Rule.NONE)
            observed = int(let_through.sum())
            rule[let_through] = Rule.NONE
        rule[time < _STORABLE_FIRST_US] = Rule.TIME_TOO_LATE
        rule[time >= _STORABLE_END_US] = Rule.TIME_IN_FUTURE
        rule[(columns.quality < 0) | (columns.quality > QUALITY_LAST)] = Rule.QUALITY_UNKNOWN
        rule[~np.isfinite(value)] = Rule.VALUE_NOT_FINITE
        rule[row == unknown] = Rule.SERIES_UNKNOWN
        return Checked(rule, observed)

    def refusals(self, columns: Columns, checked: Checked, now: datetime) -> list[Refusal]:
        """One refusal for each reading that was not accepted, with what was found and what was expected."""
        rows = np.flatnonzero(checked.rule)
        return [self._refusal(columns, int(row), Rule(int(checked.rule[row])), now) for row in rows]

    def _refusal(self, columns: Columns, row: int, rule: Rule, now: datetime) -> Refusal:
        key = columns.key_of(row)
        value, time = float(columns.value[row]), time_text(int(columns.time_us[row]))
        place = self._place.get(key, len(self.entries))
        owner = self.contracts[self.entries[place].contract] if place < len(self.entries) else None
        facts = {"found": time, "received": now.astimezone(UTC).isoformat(timespec="seconds"), "series": key}
        name = "time_us"
        if rule is Rule.VALUE_OUT_OF_RANGE:
            name = "value"
            bounds = f"{self._minimum[place]:g} … {self._maximum[place]:g}"
            facts |= {"found": f"{value:g}", "expected": bounds}
        elif rule is Rule.VALUE_NOT_FINITE:
            name = "value"
        elif rule is Rule.QUALITY_UNKNOWN:
            name = "quality"
            facts |= {"found": str(int(columns.quality[row])), "expected": str(QUALITY_LAST)}
        elif rule is Rule.SERIES_UNKNOWN:
            name = "series_keys"
        elif rule is Rule.TIME_TOO_LATE and owner is not None:
            facts["expected"] = str(owner.allowed_lateness)
        elif rule is Rule.PERIOD_START_WRONG and owner is not None:
            facts["expected"] = owner.period_kind.value
        original = f"{key},{time},{value!r},{int(columns.quality[row])}"
        return Refusal(row + 1, rule, name, facts, original, key)

    def _is_off_period(self, time_us: Int64, row: NDArray[np.int32]) -> Bool:
        off = np.zeros(time_us.size, np.bool_)
        kinds = self._kind[row]
        for number in np.unique(kinds):
            if _KINDS[number] is not PeriodKind.INSTANT:
                mine = kinds == number
                off[mine] = ~is_period_start(time_us[mine], _KINDS[number])
        return off


def to_us(at: datetime) -> int:
    """Microseconds since 1970 UTC of an aware time."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_us(time_us: int) -> datetime:
    """The aware time of microseconds since 1970 UTC."""
    return _EPOCH + timedelta(microseconds=time_us)


def time_text(time_us: int) -> str:
    """RFC 3339 in UTC; a number where the year does not fit into four digits."""
    try:
        return from_us(time_us).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{time_us} us"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _spans(spans: Sequence[timedelta]) -> NDArray[np.int64]:
    return np.array([span // timedelta(microseconds=1) for span in spans] + [_FOREVER], np.int64)


def _day_us(day: date | None, default: int) -> int:
    if day is None:
        return default
    return to_us(datetime(day.year, day.month, day.day, tzinfo=UTC)) - VIET_NAM_US
