"""The stations of catalog/contracts/air-quality.*.yaml, and how the air is there. A test holds them together."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "air-quality"
PARTICLES = ("pm25_ugm3", "pm10_ugm3", "temperature_c", "humidity_percent")
GASES = ("no2_ugm3", "so2_ugm3", "co_ugm3", "o3_ugm3")
ALL = PARTICLES + GASES


@dataclass(frozen=True, slots=True)
class Station:
    """A place where the air is measured. `base_pm25` is its usual level in µg/m³."""

    code: str
    tenant: str
    area: str
    base_pm25: float
    has_episodes: bool = False

    def series_key(self, measure: str) -> str:
        """The key of one of its series."""
        return f"{SOURCE}/{measure}/{self.area}/{self.code}"


@dataclass(frozen=True, slots=True)
class Device:
    """A station that publishes by MQTT what it measures itself; `administrator` has its credential issued."""

    station: Station
    administrator: str
    measures: tuple[str, ...] = ALL


@dataclass(frozen=True, slots=True)
class Centre:
    """A centre that pushes its stations' readings by gRPC, as a service account of its tenant."""

    tenant: str
    client: str
    stations: tuple[Station, ...]
    measures: tuple[str, ...] = ALL


_HOANG_MAI = Station("aq-hm-01", "hoang-mai", "17110", 30.0)

DEVICES = (
    Device(Station("aq-vinh-01", "nghe-an", "16681", 34.0), "quan.tri"),
    Device(Station("aq-vinh-02", "nghe-an", "16690", 38.0, has_episodes=True), "quan.tri"),
    Device(Station("aq-vinh-03", "nghe-an", "16702", 26.0), "quan.tri"),
    # Its centre has the gas analysers: what the station publishes and what the centre pushes never overlap.
    Device(_HOANG_MAI, "hoangmai.quan.tri", PARTICLES),
)
CENTRES = (
    Centre(
        "vinh", "vinh-ioc", (Station("aq-tt-01", "vinh", "16708", 29.0), Station("aq-tt-02", "vinh", "17920", 24.0))
    ),
    Centre("hoang-mai", "hoang-mai-ioc", (_HOANG_MAI,), GASES),
)
