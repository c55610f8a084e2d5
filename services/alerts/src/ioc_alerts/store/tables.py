"""Rows as they lie in the schema; they never leave this package."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

_MOMENT: Any = DateTime(timezone=True)


class _Row(SQLModel):
    # Of its own, so that a process that loads several services (a test run) may know two tables of one name.
    metadata = MetaData()


class RuleRow(_Row, table=True):
    __tablename__ = "rule"

    code: str = Field(primary_key=True)
    kind: str
    watches: str
    version: int
    document: dict[str, Any] = Field(sa_type=JSONB)


class StandingRow(_Row, table=True):
    __tablename__ = "standing"

    tenant: str = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    last_period: datetime | None = Field(sa_type=_MOMENT)
    last_version: int | None = Field(sa_type=BigInteger)
    is_settled: bool


class AlertRow(_Row, table=True):
    __tablename__ = "alert"

    alert_id: str = Field(primary_key=True)
    tenant: str
    rule: str
    subject: str
    area: str
    state: str
    severity_rank: int
    raised_at: datetime = Field(sa_type=_MOMENT)
    revision: int
    document: dict[str, Any] = Field(sa_type=JSONB)


class TransitionRow(_Row, table=True):
    __tablename__ = "transition"

    alert_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    tenant: str
    document: dict[str, Any] = Field(sa_type=JSONB)


class CommandRow(_Row, table=True):
    __tablename__ = "command"

    tenant: str = Field(primary_key=True)
    caller: str = Field(primary_key=True)
    request_id: str = Field(primary_key=True)
    fingerprint: str


class SeriesFactRow(_Row, table=True):
    __tablename__ = "series_fact"

    tenant: str = Field(primary_key=True)
    series: str = Field(primary_key=True)
    document: dict[str, Any] = Field(sa_type=JSONB)
