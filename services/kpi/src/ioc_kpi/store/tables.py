"""Rows as they lie in the schema; they never leave this package."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

_MOMENT = DateTime(timezone=True)


class SetRow(SQLModel, table=True):
    __tablename__ = "indicator_set"

    code: str = Field(primary_key=True)
    document: dict[str, Any] = Field(sa_type=JSONB)


class IndicatorRow(SQLModel, table=True):
    __tablename__ = "indicator"

    id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    document: dict[str, Any] = Field(sa_type=JSONB)


class TargetRow(SQLModel, table=True):
    __tablename__ = "target"

    code: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    indicator: str
    document: dict[str, Any] = Field(sa_type=JSONB)


class SeriesRow(SQLModel, table=True):
    __tablename__ = "series"

    tenant: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    source: str
    measure: str
    first_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    newest_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    document: dict[str, Any] = Field(sa_type=JSONB)


class IntakeRow(SQLModel, table=True):
    __tablename__ = "intake"

    tenant: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    hour: datetime = Field(primary_key=True, sa_type=_MOMENT)
    stored: int
    refused: int


class WorkRow(SQLModel, table=True):
    __tablename__ = "pending_work"

    tenant: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    subject_key: str = Field(primary_key=True)
    period_start: datetime = Field(primary_key=True, sa_type=_MOMENT)
    period_kind: str
    area: str
    thing: str
    dimension_code: str
    due_at: datetime = Field(sa_type=_MOMENT)
    traceparent: str
    generation: int = 1
    attempts: int = 0
    lease: str | None = None
    leased_until: datetime | None = Field(default=None, sa_type=_MOMENT)


class ValueRow(SQLModel, table=True):
    __tablename__ = "indicator_value"

    id: str = Field(primary_key=True)
    tenant: str
    indicator: str
    set_code: str
    subject_key: str
    area: str
    thing: str
    dimension_code: str
    period_start: datetime = Field(sa_type=_MOMENT)
    revision: int
    value: float | None
    known_from: datetime = Field(sa_type=_MOMENT)
    known_to: datetime | None = Field(default=None, sa_type=_MOMENT)
    document: dict[str, Any] = Field(sa_type=JSONB)


class FreshnessRow(SQLModel, table=True):
    __tablename__ = "freshness"

    tenant: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    subject_key: str = Field(primary_key=True)
    newest_at: datetime = Field(sa_type=_MOMENT)
    stale_after: timedelta
    newest_period: datetime | None = Field(default=None, sa_type=_MOMENT)
