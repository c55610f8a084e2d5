"""What the SOC bridge tells others when it happens."""

from __future__ import annotations

from dataclasses import dataclass

from ioc_soc_bridge.domain.incident import Incident


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """There is a new incident to look at."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class IncidentUpdated:
    """An incident got worse, grew, or closed."""

    incident: Incident


SocEvent = IncidentOpened | IncidentUpdated
