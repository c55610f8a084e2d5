"""Who calls over HTTP: the bearer token, checked here and passed on to be checked again."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ioc_gateway.parts import Parts
from ioc_kit.errors import Unauthenticated
from ioc_kit.tenancy import Caller

_bearer = HTTPBearer(auto_error=False, description="An access token of the realm `ioc` with audience `ioc-api`")


def parts_of(request: Request) -> Parts:
    """What the app was built with."""
    parts: Parts = request.app.state.parts
    return parts


async def caller_of(
    request: Request,
    parts: Annotated[Parts, Depends(parts_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """The verified caller. A refused token is counted against its address and told to the SOC."""
    address = parts.proxies.address_of(request)
    try:
        caller = await parts.verifier.verify(credentials.credentials if credentials else "")
    except Unauthenticated as error:
        await parts.limits.take_anonymous(address)
        if credentials is not None:
            parts.refusals.tell(request, address, error)
        raise
    await parts.limits.take(caller)
    return caller


TenantQuery = Annotated[
    str | None,
    Query(
        pattern=r"^[a-z][a-z0-9-]{0,62}$",
        description="Look at one tenant only. Refused with 403 when it is not within your reach.",
        examples=["vinh"],
    ),
]
SignedIn = Annotated[Caller, Depends(caller_of)]
PartsOf = Annotated[Parts, Depends(parts_of)]
