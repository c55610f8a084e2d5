"""Rows as they lie in the schema; they never leave this package."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

_MOMENT: Any = DateTime(timezone=True)


class TurnRow(SQLModel, table=True):
    __tablename__ = "turn"

    tenant: str = Field(primary_key=True)
    last_added_at: datetime = Field(sa_type=_MOMENT)


class CentreRow(SQLModel, table=True):
    __tablename__ = "centre"

    tenant: str = Field(primary_key=True)
    name_vi: str
    name_en: str
    named_at: datetime = Field(sa_type=_MOMENT)


class EventRow(SQLModel, table=True):
    __tablename__ = "security_event"

    tenant: str = Field(primary_key=True)
    fingerprint: str = Field(primary_key=True)
    event_id: uuid.UUID
    at: datetime = Field(sa_type=_MOMENT)
    received_at: datetime = Field(sa_type=_MOMENT)
    severity: int
    incident_id: uuid.UUID | None
    document: dict[str, Any] = Field(sa_type=JSONB)


class IncidentRow(SQLModel, table=True):
    __tablename__ = "incident"

    tenant: str
    incident_id: uuid.UUID = Field(primary_key=True)
    key_digest: str
    state: str
    severity: int
    first_seen_at: datetime = Field(sa_type=_MOMENT)
    last_seen_at: datetime = Field(sa_type=_MOMENT)
    updated_at: datetime = Field(sa_type=_MOMENT)
    document: dict[str, Any] = Field(sa_type=JSONB)


class QuarantineRow(SQLModel, table=True):
    __tablename__ = "quarantine"

    tenant: str
    line_id: uuid.UUID = Field(primary_key=True)
    door: str
    sensor: str
    digest: str
    reason: str
    detail: str
    original: bytes
    size_bytes: int
    times: int
    first_at: datetime = Field(sa_type=_MOMENT)
    last_at: datetime = Field(sa_type=_MOMENT)


class ObjectRow(SQLModel, table=True):
    __tablename__ = "stix_object"

    tenant: str = Field(primary_key=True)
    added_at: datetime = Field(primary_key=True, sa_type=_MOMENT)
    object_id: str
    type: str
    version: datetime = Field(sa_type=_MOMENT)
    tlp: int
    is_first: bool
    is_last: bool
    document: dict[str, Any] = Field(sa_type=JSONB)
