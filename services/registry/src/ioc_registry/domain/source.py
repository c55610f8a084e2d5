"""The systems of the plan, and how ready each is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ioc_registry.domain.text import LocalizedText


class StepState(StrEnum):
    """How far one step of readiness has come."""

    NOT_STARTED = "not-started"
    IN_PROGRESS = "in-progress"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of readiness: for annex 3.2-3.3 `consolidate`, `make-smart`, `model-kpi`, `connect`."""

    code: str
    state: StepState = StepState.NOT_STARTED
    evidence: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """What has been done towards connecting a source. Whether data really arrive, ingest knows."""

    is_connected: bool = False
    steps: tuple[Step, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A system that the plan names; `ref` is the number printed in its annex."""

    code: str
    ref: str
    phase: str
    name: LocalizedText
    leads: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    period_from: int | None = None
    period_to: int | None = None
    period_outlook: int | None = None
    interface: str = ""
    cadence: str = ""
    measures: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    privacy: str = ""
    origin: str = ""
    note: str = ""
    is_verified: bool = True
    deduced: tuple[str, ...] = ()
    readiness: Readiness = field(default_factory=Readiness)
