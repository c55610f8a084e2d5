"""Who calls, and what a front end needs to know before anybody has signed in."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Me(BaseModel):
    """The caller as the platform sees it."""

    subject: str
    name: str
    tenant: str
    roles: list[str]
    scope: Literal["own", "province"] = Field(description="province: reads all tenants; own: reads its own")
    agency: str | None


class ClientConfig(BaseModel):
    """Where and as what a browser signs in (authorization code with PKCE S256)."""

    issuer: str
    client_id: str
    province_tenant: str


class Health(BaseModel):
    """Whether the process and what it needs answer."""

    is_ready: bool
    parts: dict[str, bool]
