"""Access tokens (RFC 9068) and ID tokens, with the claims that the realm's mappers give."""

import secrets
from typing import Any

from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import OpenIDCode
from authlib.oidc.core.grants import OpenIDToken
from joserfc.jwk import KeySet

from ioc_devtools.issuer.claims import audiences, mapped_claims
from ioc_devtools.issuer.clients import OAuthClient
from ioc_devtools.issuer.keys import ALGORITHM
from ioc_devtools.issuer.realm import Realm
from ioc_devtools.issuer.sessions import SignedIn


class AccessTokens(JWTBearerTokenGenerator):  # type: ignore[misc]
    """Makes access tokens of header type `at+jwt`, and refresh tokens that mean nothing to anybody but this issuer."""

    def __init__(self, realm: Realm, issuer: str, keys: KeySet) -> None:
        super().__init__(
            issuer,
            alg=ALGORITHM,
            refresh_token_generator=lambda **_: secrets.token_urlsafe(48),
            expires_generator=lambda client, grant_type: int(realm.lifetimes.access_token.total_seconds()),
        )
        self._realm = realm
        self._keys = keys

    def get_jwks(self) -> KeySet:
        """A key *set*, because only then joserfc writes the key's `kid` into the header."""
        return self._keys

    def get_audiences(self, client: OAuthClient, user: SignedIn | None, scope: str) -> str | list[str]:
        """One audience as a string, several as a list, as Keycloak does."""
        found = audiences(client.realm_client)
        return found[0] if len(found) == 1 else found

    def get_extra_claims(
        self, client: OAuthClient, grant_type: str, user: SignedIn | None, scope: str
    ) -> dict[str, Any]:
        """The realm's claims; a client without a person speaks for its service account, which is then `sub`."""
        claims: dict[str, Any] = {"typ": "Bearer", "azp": client.get_client_id()}
        if user is not None:
            started_at = user.session.started_at if user.session.by_browser else None
            claims |= {"sid": user.session.session_id}
            return claims | mapped_claims(client.realm_client, user.user, "access", started_at)
        account = self._realm.service_account(client.get_client_id())
        if account is None:
            raise LookupError(f"client {client.get_client_id()} has no service account in the realm")
        return claims | mapped_claims(client.realm_client, account, "access", None)


class _IdTokens:
    """Fills in what both of Authlib's ID token extensions ask for."""

    def __init__(self, realm: Realm, issuer: str, keys: KeySet) -> None:
        super().__init__()
        self._lifetime_s = int(realm.lifetimes.access_token.total_seconds())
        self._issuer = issuer
        self._keys = keys

    DEFAULT_EXPIRES_IN = 60

    def resolve_client_private_key(self, client: OAuthClient) -> KeySet:
        return self._keys

    def get_client_algorithm(self, client: OAuthClient) -> str:
        return ALGORITHM

    def get_encode_header(self, client: OAuthClient) -> dict[str, str]:
        # "JWT" and not "at+jwt": this is how an API tells an ID token from an access token.
        return {"alg": ALGORITHM, "typ": "JWT"}

    def get_client_claims(self, client: OAuthClient) -> dict[str, Any]:
        return {"iss": self._issuer, "aud": client.get_client_id()}

    def encode_id_token(self, token: dict[str, Any], request: Any) -> str:
        # Authlib asks for user claims without saying for which client; the mappers are the client's.
        self._client = request.client
        return str(super().encode_id_token(token, request))  # type: ignore[misc]

    def generate_user_info(self, user: SignedIn, scope: str) -> dict[str, Any]:
        started_at = user.session.started_at
        own = {
            "typ": "ID",
            "azp": self._client.get_client_id(),
            "sid": user.session.session_id,
            "jti": secrets.token_urlsafe(16),
            "auth_time": int(started_at.timestamp()),
        }
        return own | mapped_claims(self._client.realm_client, user.user, "id", started_at)


class CodeIdTokens(_IdTokens, OpenIDCode):  # type: ignore[misc]
    """ID tokens for the authorization code grant."""

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        """Never: checking a nonce is the client's duty (OIDC Core 3.1.3.7), and reloading the form repeats it."""
        return False


class PlainIdTokens(_IdTokens, OpenIDToken):  # type: ignore[misc]
    """ID tokens for the password and refresh grants."""
