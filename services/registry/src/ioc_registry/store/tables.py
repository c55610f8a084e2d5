"""Rows as they lie in the schema; they never leave this package."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class _Base(SQLModel, registry=registry()):
    """Tables of this service alone: SQLModel's own registry is shared by whatever runs in the process."""


class _Coded(_Base):
    code: str = Field(primary_key=True)
    search_key: str
    document: dict[str, Any] = Field(sa_type=JSONB)


class TenantRow(_Coded, table=True):
    __tablename__ = "tenant"


class AreaRow(_Coded, table=True):
    __tablename__ = "area"


class AgencyRow(_Coded, table=True):
    __tablename__ = "agency"


class SourceRow(_Coded, table=True):
    __tablename__ = "source"


class ContractRow(_Base, table=True):
    __tablename__ = "contract"

    tenant: str = Field(primary_key=True)
    contract: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    source: str
    document: dict[str, Any] = Field(sa_type=JSONB)


class SeriesRow(_Base, table=True):
    __tablename__ = "series"

    tenant: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    source: str
    measure: str
    area: str
    thing: str
    contract: str
    document: dict[str, Any] = Field(sa_type=JSONB)


class DeviceRow(_Base, table=True):
    __tablename__ = "device"

    device_id: str = Field(primary_key=True)
    tenant: str
    document: dict[str, Any] = Field(sa_type=JSONB)
