"""Sources: what the plan says of them, how ready they are, and what really arrives."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ioc.ingest.v1 import observation_pb2
from ioc.registry.v1 import source_pb2
from ioc_gateway.models.shown import Page, Shown, Text
from ioc_gateway.plain_text import PlainText

StepState = Literal["not-started", "in-progress", "done"]


class ReadinessStep(Shown):
    """One step of readiness by the plan's II.3.2."""

    proto = source_pb2.ReadinessStep
    code: str = Field(description="consolidate, make-smart, model-kpi, connect, or a step of the other systems")
    state: StepState | None
    evidence: str
    updated_at: AwareDatetime | None


class Readiness(Shown):
    """What has been done towards connecting a source."""

    proto = source_pb2.Readiness
    is_connected: bool
    steps: list[ReadinessStep]
    note: str


class SourceStatus(Shown):
    """What really arrived from a source, for one tenant."""

    proto = observation_pb2.SourceStatus
    tenant: str
    series_count: int
    last_observed_at: AwareDatetime | None
    last_received_at: AwareDatetime | None
    age_seconds: float | None = Field(description="Since the newest reading arrived; null when none ever did")
    cadence_seconds: float | None
    stored_24h: int
    quarantined_24h: int
    is_stale: bool = Field(description="Nothing came for longer than the cadence allows: show it grey")


class Source(Shown):
    """A system that the plan names. `status` is empty when nothing can arrive yet."""

    proto = source_pb2.Source
    code: str
    ref: str = Field(description="The number printed in the plan's annex")
    phase: str
    name: Text | None
    leads: list[str]
    partners: list[str]
    period_from: int
    period_to: int
    period_outlook: int
    interface: str
    cadence: str
    measures: list[str]
    layers: list[str]
    privacy: str
    origin: str
    note: str
    is_verified: bool
    deduced: list[str]
    readiness: Readiness | None
    status: list[SourceStatus] = Field(description="One for each tenant within your reach that has a contract for it")
    is_status_known: bool = Field(
        description="False while the part that knows the status does not answer: show it grey"
    )


class SourcePage(Page[Source]):
    """A page of sources, in order of code."""


class StepChange(BaseModel):
    """A step as it is to be recorded."""

    model_config = ConfigDict(extra="forbid")
    code: Annotated[PlainText, Field(min_length=1, max_length=64)]
    state: StepState
    evidence: Annotated[PlainText, Field(max_length=2000)] = ""


class ReadinessChange(BaseModel):
    """The whole readiness of a source as it is now; it replaces what was recorded."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "is_connected": True,
                    "steps": [{"code": "consolidate", "state": "done", "evidence": "Biên bản 12/BB-SNNMT"}],
                    "note": "",
                }
            ]
        },
    )
    is_connected: bool
    steps: Annotated[list[StepChange], Field(max_length=20)]
    note: Annotated[PlainText, Field(max_length=2000)] = ""
