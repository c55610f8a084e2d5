"""The systems that the plan names, and how far each has come."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ioc_devtools.catalogue.entry import Code, Entry, Named, Text, Years

Phase = Literal["inherited", "expanded", "infrastructure"]
Milestone = Literal["consolidate", "make-smart", "model-kpi", "connect", "registered", "assessed", "connected", "live"]


class Privacy(Entry):
    """What may enter the platform: only aggregates, no cell below `k`, no reporter's name, no footage."""

    aggregate: bool = False
    k: Annotated[int, Field(ge=1)] | None = None
    mask_reporter: bool = False
    footage: Literal["never"] | None = None


class Readiness(Entry):
    """How far it has come: whether it is connected, and which steps (or stages) are done, with what shows it."""

    connected: bool
    done: tuple[Milestone, ...] = ()
    note: Text | None = None


class Source(Named):
    """One system of the plan; `ref` is the number printed in the annex, `partners` the file's `with`."""

    ref: Text
    phase: Phase
    lead: tuple[Code, ...]
    partners: tuple[Code, ...] = Field(alias="with")
    period: Years | None = None
    deduced: tuple[Literal["lead", "with", "period"], ...] = ()
    verified: bool | None = None
    origin: Literal["national", "shared", "own"] | None = None
    interface: Text
    cadence: Text
    measures: tuple[Code, ...]
    measures_note: Text | None = None
    layers: tuple[Code, ...] = ()
    uses: tuple[Text, ...] = ()
    privacy: Privacy | None = None
    readiness: Readiness

    @property
    def place_in_plan(self) -> str:
        """Where KH-655 names it, e.g. "annex 3.1.7" or "II.3.1"."""
        return f"annex {self.ref}" if self.ref[0].isdigit() else self.ref


class SourceFile(Entry):
    """sources.yaml"""

    sources: tuple[Source, ...]
