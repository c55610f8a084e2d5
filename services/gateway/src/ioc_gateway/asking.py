"""How a route asks a service: on behalf of the caller, narrowed to the tenant that the query names."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Header, Query

from ioc_gateway.parts import Parts
from ioc_gateway.peers import Peers, ask
from ioc_gateway.security import PartsOf, SignedIn, TenantQuery
from ioc_kit.tenancy import Caller

if TYPE_CHECKING:
    from grpc.aio import UnaryUnaryMultiCallable

Q = TypeVar("Q")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Asker:
    """A caller with the services to ask. `caller` is narrowed already; its token says what it always said."""

    caller: Caller
    tenant: str | None
    parts: Parts

    @property
    def peers(self) -> Peers:
        """Stubs of the services."""
        return self.parts.peers

    async def ask(self, method: UnaryUnaryMultiCallable[Q, R], request: Q) -> R:
        """The service's answer. Raises AioRpcError, which becomes a problem."""
        return await ask(method, request, self.caller, self.tenant)


async def asker_of(caller: SignedIn, parts: PartsOf, tenant: TenantQuery = None) -> Asker:
    """The caller, held against `?tenant=`. Raises TenantForbidden; the service checks the same again."""
    return Asker(caller.narrowed_to(tenant) if tenant else caller, tenant, parts)


Asking = Annotated[Asker, Depends(asker_of)]


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a list."""

    size: int
    token: str


async def paging_of(
    page_size: Annotated[int, Query(ge=1, le=1000, description="How many items at most")] = 100,
    page_token: Annotated[str, Query(max_length=4096, description="`next_page_token` of the page before")] = "",
) -> Paging:
    """The page that the query asks for."""
    return Paging(page_size, page_token)


Paged = Annotated[Paging, Depends(paging_of)]


async def request_id_of(
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern=r"^[!-~]{1,128}$",
            description="Chosen by you: the same command under the same key counts once, where the command says so",
        ),
    ] = None,
) -> str:
    """The id of a command: the caller's, or a new one."""
    return key or str(uuid.uuid4())


RequestId = Annotated[str, Depends(request_id_of)]
CODE = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
"""What the code of anything looks like."""
CodeQuery = Annotated[str, Query(max_length=200)]
SearchQuery = Annotated[str, Query(max_length=200, description="Part of a name or code, case and accents folded")]
