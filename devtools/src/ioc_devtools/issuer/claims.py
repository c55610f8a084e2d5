"""Claims by the realm's own protocol mappers, so that the realm file alone says what a token carries."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from ioc_devtools.issuer.realm import Mapper, RealmClient, RealmUser

Target = Literal["access", "id", "userinfo"]
_Value = Callable[[Mapper, RealmUser], Any]


def _attribute(mapper: Mapper, user: RealmUser) -> Any:
    return user.attributes.get(mapper.config["user.attribute"])


def _hardcoded(mapper: Mapper, user: RealmUser) -> Any:
    return mapper.config["claim.value"]


def _roles(mapper: Mapper, user: RealmUser) -> Any:
    return list(user.roles)


_VALUES: dict[str, _Value] = {
    "oidc-usermodel-attribute-mapper": _attribute,
    "oidc-hardcoded-claim-mapper": _hardcoded,
    "oidc-usermodel-realm-role-mapper": _roles,
}
_AUDIENCE = "oidc-audience-mapper"
_AUTH_TIME = "oidc-usersessionmodel-note-mapper"
_SUBJECT = "oidc-sub-mapper"

KINDS = frozenset({*_VALUES, _AUDIENCE, _AUTH_TIME, _SUBJECT})
"""Kinds of protocol mapper this issuer does as Keycloak does."""


def mapped_claims(
    client: RealmClient, user: RealmUser, target: Target, authenticated_at: datetime | None
) -> dict[str, Any]:
    """What the client's mappers say of this user for one kind of token; claims without a value are left out.

    `authenticated_at` is None where nobody logged in by the browser; then there is no `auth_time`.
    """
    claims: dict[str, Any] = {"sub": user.user_id}
    for mapper in client.mappers:
        if mapper.config.get(f"{target}.token.claim") != "true":
            continue
        if mapper.kind == _AUTH_TIME and authenticated_at is not None:
            claims[mapper.config["claim.name"]] = int(authenticated_at.timestamp())
        elif mapper.kind in _VALUES and (value := _VALUES[mapper.kind](mapper, user)) is not None:
            claims[mapper.config["claim.name"]] = value
    return claims


def audiences(client: RealmClient) -> list[str]:
    """Who an access token of this client is for; a list, empty when no audience mapper applies."""
    configs: list[Mapping[str, str]] = [mapper.config for mapper in client.mappers if mapper.kind == _AUDIENCE]
    return [config["included.custom.audience"] for config in configs if config.get("access.token.claim") == "true"]
