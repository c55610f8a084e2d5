"""The Vietnamese air quality index, VN_AQI, by QĐ 1459/QĐ-TCMT of 12 November 2019 (instrument `QD-1459`).

Concentrations are in µg/m³, CO as well. Where the decision's print and its arithmetic part, the docstring says so.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

INSTRUMENT = "QD-1459"
MAXIMUM = 500
NOWCAST_HOURS = 12


class Parameter(StrEnum):
    """What is measured; the value is the word that lineage and events use."""

    PM25 = "pm25"
    PM10 = "pm10"
    NO2 = "no2"
    SO2 = "so2"
    CO = "co"
    O3 = "o3"


PARTICLES = (Parameter.PM25, Parameter.PM10)

_INDEX = (0.0, 50.0, 100.0, 150.0, 200.0, 300.0, 400.0, 500.0)
# Breakpoints BP_i of the decision, in the order of _INDEX. The last is printed as ">=": the index is 500 from there on,
# since the decision does not extrapolate. O3 has a column for 1-hour and one for 8-hour means that ends at 400.
_O3_8H = (0.0, 100.0, 120.0, 170.0, 210.0, 400.0)
_BREAKPOINTS: Mapping[Parameter, tuple[float, ...]] = {
    Parameter.O3: (0.0, 160.0, 200.0, 300.0, 400.0, 800.0, 1000.0, 1200.0),
    Parameter.CO: (0.0, 10000.0, 30000.0, 45000.0, 60000.0, 90000.0, 120000.0, 150000.0),
    Parameter.SO2: (0.0, 125.0, 350.0, 550.0, 800.0, 1600.0, 2100.0, 2630.0),
    Parameter.NO2: (0.0, 100.0, 200.0, 700.0, 1200.0, 2350.0, 3100.0, 3850.0),
    Parameter.PM10: (0.0, 50.0, 150.0, 250.0, 350.0, 420.0, 500.0, 600.0),
    Parameter.PM25: (0.0, 25.0, 50.0, 80.0, 150.0, 250.0, 350.0, 500.0),
}


@dataclass(frozen=True, slots=True)
class Band:
    """A named range of the index, both ends included, with the colour that publication has to use."""

    lower: int
    upper: int
    code: str
    name_vi: str
    name_en: str
    colour: str


BANDS = (
    Band(0, 50, "good", "Tốt", "Good", "#00E400"),
    Band(51, 100, "moderate", "Trung bình", "Moderate", "#FFFF00"),
    Band(101, 150, "poor", "Kém", "Poor", "#FF7E00"),
    Band(151, 200, "bad", "Xấu", "Bad", "#FF0000"),
    Band(201, 300, "very-bad", "Rất xấu", "Very bad", "#8F3F97"),
    Band(301, MAXIMUM, "hazardous", "Nguy hại", "Hazardous", "#7E0023"),
)


@dataclass(frozen=True, slots=True)
class AirQuality:
    """An index with what it came from: unrounded sub-indices, and the parameter that decided."""

    index: int
    dominant: Parameter
    sub_indices: Mapping[Parameter, float]

    @property
    def band(self) -> Band:
        """The band that the index lies in."""
        return band(self.index)


def band(index: int) -> Band:
    """The band of an index of 0 to 500. Raises ValueError outside."""
    for each in BANDS:
        if each.lower <= index <= each.upper:
            return each
    raise ValueError(f"an index of {index} is outside 0 to {MAXIMUM}")


def sub_index(parameter: Parameter, concentration: float) -> float:
    """Formula 1 (and 2, when given a NowCast): the unrounded index of one parameter; O3 is the 1-hour mean.

    A concentration below zero, as instruments give around their zero point, counts as zero.
    """
    return _interpolate(_BREAKPOINTS[parameter], concentration)


def sub_index_o3_8h(concentration: float) -> float | None:
    """The index of an 8-hour mean of O3; None above 400 µg/m³, where the decision has no column."""
    return None if concentration > _O3_8H[-1] else _interpolate(_O3_8H, concentration)


def nowcast_weight(means: Sequence[float | None]) -> float:
    """w of the NowCast: Cmin / Cmax of the hours that are there, at least 1/2. Raises ValueError when none is."""
    known = [mean for mean in means if mean is not None]
    if not known:
        raise ValueError("no hour has a mean")
    highest = max(known)
    # All hours at zero: every weight gives zero.
    return max(min(known) / highest, 0.5) if highest > 0 else 1.0


def nowcast(means: Sequence[float | None]) -> float | None:
    """The NowCast of up to 12 hourly means, c1 (the newest) first; None unless two of c1, c2, c3 are there.

    For w = 1/2 the decision prints a sum that is right only when no hour is missing; the normalised form, which it
    prints for w > 1/2, is used for both: they agree when all hours are there (up to 1/4096), and a missing hour then
    has the weight zero that the decision gives it.
    """
    hours = [None if mean is None else max(mean, 0.0) for mean in means[:NOWCAST_HOURS]]
    if sum(mean is not None for mean in hours[:3]) < 2:
        return None
    weight = nowcast_weight(hours)
    weighted = [(weight**age, mean) for age, mean in enumerate(hours) if mean is not None]
    return math.fsum(factor * mean for factor, mean in weighted) / math.fsum(factor for factor, _ in weighted)


def hourly(
    particles: Mapping[Parameter, Sequence[float | None]], gases: Mapping[Parameter, float | None]
) -> AirQuality | None:
    """The index of an hour: NowCast for PM2.5 and PM10 (means with the newest first), 1-hour means for the gases.

    None when neither PM2.5 nor PM10 has a NowCast: one of them is mandatory.
    """
    concentrations = {parameter: nowcast(particles.get(parameter, ())) for parameter in PARTICLES}
    if all(value is None for value in concentrations.values()):
        return None
    return _worst(
        {
            parameter: sub_index(parameter, value)
            for parameter, value in {**concentrations, **gases}.items()
            if value is not None
        }
    )


def daily(
    particles_24h: Mapping[Parameter, float | None],
    gases_max_1h: Mapping[Parameter, float | None],
    o3_max_8h: float | None = None,
) -> AirQuality | None:
    """The index of a day: 24-hour means of PM, maximum 1-hour means of gases, for O3 the larger of 1 h and 8 h.

    The day's hours are those that end from 01:00 to 00:00 of the next day. None without PM2.5 and PM10.
    """
    if all(particles_24h.get(parameter) is None for parameter in PARTICLES):
        return None
    found = {
        parameter: sub_index(parameter, value)
        for parameter, value in {**particles_24h, **gases_max_1h}.items()
        if value is not None
    }
    from_8h = None if o3_max_8h is None else sub_index_o3_8h(o3_max_8h)
    if from_8h is not None:
        found[Parameter.O3] = max(found.get(Parameter.O3, 0.0), from_8h)
    return _worst(found)


def round_half_up(index: float) -> int:
    """The nearest whole number, halves up. Noise of binary fractions (below 1e-9) does not decide a half."""
    return math.floor(round(index, 9) + 0.5)


def _interpolate(breakpoints: Sequence[float], concentration: float) -> float:
    if not math.isfinite(concentration):
        raise ValueError(f"{concentration} is no concentration")
    value = max(concentration, 0.0)
    if value >= breakpoints[-1]:
        return _INDEX[len(breakpoints) - 1]
    upper = bisect.bisect_right(breakpoints, value)
    low, high = breakpoints[upper - 1], breakpoints[upper]
    return (_INDEX[upper] - _INDEX[upper - 1]) / (high - low) * (value - low) + _INDEX[upper - 1]


def _worst(sub_indices: Mapping[Parameter, float]) -> AirQuality:
    dominant = max(sub_indices, key=lambda parameter: sub_indices[parameter])
    return AirQuality(round_half_up(sub_indices[dominant]), dominant, dict(sub_indices))
