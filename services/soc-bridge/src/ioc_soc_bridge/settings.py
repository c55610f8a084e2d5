"""What the SOC bridge reads from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from ioc_kit.settings import ServiceSettings
from ioc_soc_bridge.domain.marking import Tlp


@dataclass(frozen=True, slots=True)
class Binding:
    """A syslog listener and whose lines come in there: the protocol carries no token, so the port says it."""

    host: str
    port: int
    tenant: str
    sensor: str


class Settings(ServiceSettings):
    """Beyond what every service reads: syslog listeners, correlation, marking."""

    syslog_listen: Annotated[tuple[Binding, ...], NoDecode] = ()
    """IOC_SYSLOG_LISTEN="host:port=tenant/sensor[,...]"; empty for none. An IPv6 host stands in brackets."""
    syslog_max_frame_bytes: Annotated[int, Field(ge=2048, le=1024 * 1024)] = 64 * 1024
    syslog_max_connections: Annotated[int, Field(ge=1, le=1024)] = 64
    """On each listener."""
    syslog_idle_seconds: Annotated[float, Field(gt=0)] = 600.0
    """A connection on which nothing comes for so long is closed."""
    syslog_frame_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A frame that has begun must be whole within this time."""
    incident_window_minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] = 60
    """The longest silence within one incident."""
    stix_tlp: Tlp = Tlp.AMBER
    """IOC_STIX_TLP: clear, green, amber, amber+strict or red. Red is never served."""
    quarantine_days: Annotated[int, Field(ge=1, le=400)] = 30
    event_days: Annotated[int, Field(ge=183, le=3660)] = 366
    """How long an event is kept: at least the six months that level 3 asks of logs."""
    sweep_seconds: Annotated[float, Field(gt=0)] = 30.0
    """How often quiet incidents are closed and the quarantine is pruned."""

    @field_validator("syslog_listen", mode="before")
    @classmethod
    def _bindings(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(_binding(part.strip()) for part in value.split(",") if part.strip())

    @field_validator("stix_tlp", mode="before")
    @classmethod
    def _tlp(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        by_label = {tlp.label: tlp for tlp in Tlp}
        if value.lower() not in by_label:
            raise ValueError(f"is one of {', '.join(by_label)}")
        return by_label[value.lower()]

    @property
    def window(self) -> timedelta:
        """The longest silence within one incident."""
        return timedelta(minutes=self.incident_window_minutes)

    @property
    def keep_events(self) -> timedelta:
        """How long an event is kept."""
        return timedelta(days=self.event_days)

    @property
    def keep_quarantine(self) -> timedelta:
        """How long a refused line is kept after it was last met."""
        return timedelta(days=self.quarantine_days)


def _binding(text: str) -> Binding:
    address, _, owner = text.partition("=")
    host, _, port = address.rpartition(":")
    tenant, _, sensor = owner.partition("/")
    if not host or not port.isdigit() or int(port) > 65535 or not tenant or not sensor or "/" in sensor:
        raise ValueError(f"{text!r} is not host:port=tenant/sensor")
    return Binding(host.removeprefix("[").removesuffix("]"), int(port), tenant, sensor)
