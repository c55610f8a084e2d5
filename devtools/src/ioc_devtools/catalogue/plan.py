"""The rest of the plan as data: steps, stages, tasks, duties, rules."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ioc_devtools.catalogue.entry import Code, Entry, Text, Years


class Step(Entry):
    """One of the four steps of the expanded fields (II.3.2)."""

    step: Annotated[int, Field(ge=1, le=4)]
    code: Code
    name_vi: Text
    name_en: Text
    how_vi: Text | None = None
    note: Text | None = None


class Stage(Entry):
    """One of the four stages of inherited services and infrastructure."""

    stage: Annotated[int, Field(ge=1, le=4)]
    code: Code
    name_vi: Text
    name_en: Text


class Task(Entry):
    """A task of the annex that is not a data system."""

    ref: Text
    name_vi: Text
    lead: tuple[Code, ...]
    partners: tuple[Code, ...] = Field(default=(), alias="with")
    period: Years
    note: Text | None = None


class Duty(Entry):
    """What section IV lays on an agency."""

    ref: Text
    lead: tuple[Code, ...]
    partners: tuple[Code, ...] = Field(default=(), alias="with")
    text_en: Text


class Principle(Entry):
    """What the plan says about the centres and their data."""

    cite: Text
    text_en: Text


class Plan(Entry):
    """plan.yaml: `instrument` is the plan that every `ref` and `cite` of the file is a place in."""

    instrument: Code
    steps: tuple[Step, ...]
    stages: tuple[Stage, ...]
    tasks: tuple[Task, ...]
    duties: tuple[Duty, ...]
    rules: tuple[Principle, ...]
