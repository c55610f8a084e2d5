"""The documents that clients read first: OpenID Connect discovery and the public keys, at Keycloak's addresses."""

from typing import Any

from joserfc.jwk import KeySet

from ioc_devtools.issuer.keys import ALGORITHM
from ioc_devtools.issuer.realm import Realm

PROTOCOL = "/protocol/openid-connect"
"""What Keycloak puts between the realm and an endpoint's name."""


def discovery_document(realm: Realm, issuer: str) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0 and RFC 8414: only what this issuer really does."""
    grants = sorted({grant for client in realm.clients.values() for grant in client.grants})
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}{PROTOCOL}/auth",
        "token_endpoint": f"{issuer}{PROTOCOL}/token",
        "userinfo_endpoint": f"{issuer}{PROTOCOL}/userinfo",
        "end_session_endpoint": f"{issuer}{PROTOCOL}/logout",
        "jwks_uri": f"{issuer}{PROTOCOL}/certs",
        "grant_types_supported": grants,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login"],
        "scopes_supported": sorted({scope for client in realm.clients.values() for scope in client.scopes}),
        "claims_supported": ["sub", "iss", "auth_time", "name", "preferred_username", "tenant", "roles", "agency"],
        "ui_locales_supported": ["vi", "en"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def public_keys(keys: KeySet) -> dict[str, Any]:
    """The JWKS, without private parts."""
    document: dict[str, Any] = dict(keys.as_dict(private=False))
    return document
