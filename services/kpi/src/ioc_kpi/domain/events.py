"""What kpi tells others when it happens."""

from __future__ import annotations

from dataclasses import dataclass

from ioc_kpi.domain.value import IndicatorValue


@dataclass(frozen=True, slots=True)
class IndicatorComputed:
    """A value became known for the first time, or changed. `previous` is None when there was no number before."""

    value: IndicatorValue
    previous: float | None
    is_correction: bool


KpiEvent = IndicatorComputed
