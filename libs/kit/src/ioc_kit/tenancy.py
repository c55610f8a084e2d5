"""Who calls, and what they may see: made from verified claims only, carried as the first argument of every handler."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ioc_kit.errors import TenantForbidden


class Scope(StrEnum):
    """How far a transaction sees. The values are what row-level security compares with."""

    OWN = "own"
    """Rows of the caller's tenant."""
    PROVINCE = "province"
    """Reads every tenant, writes its own."""
    READ = "read"
    """Reads the one tenant it was narrowed to, writes nothing: a province caller looking into another tenant."""
    SYSTEM = "system"
    """Background work that has no caller: consumers, relays, writers. Never given to a request."""


@dataclass(frozen=True, slots=True)
class Tenancy:
    """What the database is told at the start of each transaction."""

    tenant: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller. `token` is kept so that a call can be passed on and checked again."""

    subject: str
    name: str
    tenant: str
    roles: frozenset[str]
    scope: Scope
    agency: str | None = None
    client_id: str | None = None
    token: str = ""

    def __repr__(self) -> str:  # a token must never reach a log
        return f"Caller({self.subject!r}, tenant={self.tenant!r}, roles={sorted(self.roles)}, scope={self.scope})"

    @property
    def tenancy(self) -> Tenancy:
        """The caller's own reach."""
        return Tenancy(self.tenant, self.scope)

    def has_any(self, *roles: str) -> bool:
        """True when the caller has at least one of the roles."""
        return not self.roles.isdisjoint(roles)

    def may_read(self, tenant: str) -> bool:
        """True when rows of `tenant` are within the caller's reach."""
        return tenant == self.tenant or self.scope is Scope.PROVINCE

    def narrowed_to(self, tenant: str) -> Caller:
        """The same caller, reading one tenant only. Raises TenantForbidden outside the caller's reach.

        A province caller narrowed to another tenant reads that tenant and writes nothing there.
        """
        if not self.may_read(tenant):
            raise TenantForbidden(tenant)
        return replace(self, tenant=tenant, scope=Scope.OWN if tenant == self.tenant else Scope.READ)


def background(tenant: str) -> Tenancy:
    """The tenancy of work that no caller asked for: rows of `tenant` are written, all may be read."""
    return Tenancy(tenant, Scope.SYSTEM)
