"""Who am I, and what a browser needs to sign in."""

from __future__ import annotations

from fastapi import Request, Response

from ioc_gateway.answers import NOT_MODIFIED, problems, router, shown
from ioc_gateway.asking import Asking
from ioc_gateway.models.account import ClientConfig, Me
from ioc_gateway.security import PartsOf
from ioc_kit.tenancy import Scope

routes = router("account")


@routes.get(
    "/me",
    operation_id="getMe",
    summary="Who the token says you are",
    response_model=Me,
    responses={**NOT_MODIFIED, **problems()},
)
async def get_me(request: Request, asking: Asking) -> Response:
    """Tenant, roles and reach of the caller."""
    caller = asking.caller
    return shown(
        request,
        Me(
            subject=caller.subject,
            name=caller.name,
            tenant=caller.tenant,
            roles=sorted(caller.roles),
            scope="province" if caller.scope is Scope.PROVINCE else "own",
            agency=caller.agency,
        ),
    )


@routes.get(
    "/config",
    operation_id="getClientConfig",
    summary="Where and as what a browser signs in",
    response_model=ClientConfig,
    responses=NOT_MODIFIED,
)
async def get_config(request: Request, parts: PartsOf) -> Response:
    """Public: the issuer and the client id of the console, which uses the authorization code flow with PKCE S256."""
    settings = parts.settings
    return shown(
        request,
        ClientConfig(
            issuer=settings.oidc_issuer,
            client_id=settings.console_client_id,
            province_tenant=settings.province_tenant,
        ),
    )
