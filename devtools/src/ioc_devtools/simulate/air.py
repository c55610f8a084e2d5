"""The air at a station in a minute: plausible days, the same for the same seed whenever they are asked for.

Traffic makes two peaks a day in particles, the sun one in ozone. Where there are episodes (a craft village burning
straw upwind), particles rise for some hours once a day, first in the hours before the world began.
"""

from __future__ import annotations

from itertools import pairwise
from math import exp

from ioc_devtools.simulate.chance import drift, swing, unit
from ioc_devtools.simulate.stations import Station

MINUTES_A_DAY = 1440
_VIET_NAM_MINUTES = 7 * 60
_EPISODE_UGM3 = 105.0
"""Over the usual level it takes NowCast past 80 µg/m³, where VN_AQI is 150 (QĐ 1459)."""
_EPISODE_HOURS = ((-5.0, 0.0), (-3.5, 1.0), (1.0, 1.0), (2.5, 0.0))
"""Hours from the beginning of the world, and how much of the episode there is; straight lines in between."""


class Air:
    """What stations measure. `began` is the minute (since 1970, UTC) in which the world was first started."""

    def __init__(self, seed: int, began: int) -> None:
        self._seed = seed
        self._began = began

    def measure(self, station: Station, minute: int) -> dict[str, float]:
        """All measures of a station in one minute, in the units of its contract."""
        hour = (minute + _VIET_NAM_MINUTES) % MINUTES_A_DAY / 60
        names = (self._seed, station.code)
        day = 1.0 + 0.25 * drift(minute, MINUTES_A_DAY, *names, "day")
        traffic = _peak(hour, 7.5, 1.6) + 1.2 * _peak(hour, 18.5, 2.0)
        usual = station.base_pm25 * day * (0.72 + 0.4 * traffic) * (1.0 + 0.12 * drift(minute, 60, *names, "pm25"))
        pm25 = (usual + self._episode(station, minute)) * (1.0 + 0.03 * swing(*names, "pm25", minute))
        sun = _peak(hour, 12.8, 2.6)
        temperature = 23.0 + 5.0 * sun + 2.0 * drift(minute, MINUTES_A_DAY, *names, "warmth")
        return {
            "pm25_ugm3": round(pm25, 1),
            "pm10_ugm3": round(pm25 * 1.35 + 6.0 + 4.0 * drift(minute, 90, *names, "pm10"), 1),
            "temperature_c": round(temperature + 0.1 * swing(*names, "t", minute), 1),
            "humidity_percent": round(min(99.0, 82.0 - 22.0 * sun + 6.0 * drift(minute, 240, *names, "rh")), 1),
            "no2_ugm3": round(18.0 + 24.0 * traffic * day + 3.0 * drift(minute, 60, *names, "no2"), 1),
            "so2_ugm3": round(11.0 + 4.0 * traffic + 3.0 * drift(minute, 120, *names, "so2"), 1),
            "co_ugm3": round(620.0 + 480.0 * traffic * day + 60.0 * drift(minute, 60, *names, "co")),
            "o3_ugm3": round(34.0 + 62.0 * sun * day + 6.0 * drift(minute, 60, *names, "o3"), 1),
        }

    def _episode(self, station: Station, minute: int) -> float:
        """µg/m³ of PM2.5 on top of the usual."""
        if not station.has_episodes:
            return 0.0
        days, within = divmod(minute - self._began + MINUTES_A_DAY // 2, MINUTES_A_DAY)
        strength = 1.0 if days == 0 else 0.6 + 0.4 * unit(self._seed, station.code, "episode", days)
        return _EPISODE_UGM3 * strength * _along((within - MINUTES_A_DAY // 2) / 60)


def _along(hour: float) -> float:
    points = _EPISODE_HOURS
    for (from_hour, before), (to_hour, after) in pairwise(points):
        if from_hour <= hour <= to_hour:
            return before + (after - before) * (hour - from_hour) / (to_hour - from_hour)
    return 0.0


def _peak(hour: float, at: float, width: float) -> float:
    distance = min(abs(hour - at), 24 - abs(hour - at))
    return exp(-0.5 * (distance / width) ** 2)
