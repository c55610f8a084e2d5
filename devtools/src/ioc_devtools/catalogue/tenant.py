"""Tenants: the centres that keep a place on the platform, as an effective-dated tree."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from ioc_devtools.catalogue.entry import AreaCode, Citation, Code, Entry, Text, Validity

TenantCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=32)]


class Ground(Entry):
    """The areas that a tenant answers for, from a day, until and without another."""

    codes: tuple[AreaCode, ...]
    since: date = Field(alias="from")
    to: date | None = None


class Tenant(Validity):
    """One centre; its code stands in tokens, subjects and rows, and is never given to another."""

    code: TenantCode
    parent: TenantCode | None
    agency: Code
    name_vi: Text
    name_en: Text
    verified: bool | None = None
    cite: Citation
    areas: tuple[Ground, ...]

    def areas_on(self, day: date) -> frozenset[str]:
        """The codes of the areas it answers for on that day."""
        return frozenset(
            code
            for ground in self.areas
            if ground.since <= day and (ground.to is None or day < ground.to)
            for code in ground.codes
        )


class TenantFile(Entry):
    """tenants.yaml"""

    tenants: tuple[Tenant, ...]
