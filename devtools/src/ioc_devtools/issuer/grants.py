"""The four grants, Authlib's, tied to the issuer's sessions and log-ins."""

from typing import TYPE_CHECKING, Any, cast

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, grants
from authlib.oauth2.rfc7636 import CodeChallenge

from ioc_devtools.issuer.sessions import Code, Refresh, SignedIn

if TYPE_CHECKING:
    from ioc_devtools.issuer.authority import Authority

_CLIENT_AUTHENTICATION = ["client_secret_basic", "client_secret_post", "none"]


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """Authorization code; a code is good once, and using it twice ends the session."""

    TOKEN_ENDPOINT_AUTH_METHODS = _CLIENT_AUTHENTICATION

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        _authority(self).sessions.add_code(
            code,
            client_id=request.client.get_client_id(),
            redirect_uri=data.get("redirect_uri"),
            scope=request.scope,
            nonce=data.get("nonce"),
            code_challenge=data["code_challenge"],
            code_challenge_method=data["code_challenge_method"],
            session=request.user.session,
        )

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        # Taken before the verifier is checked: a stolen code is worth one guess, not many.
        return _authority(self).sessions.take_code(code, client.get_client_id())

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Nothing to do: it is kept, marked as used, to recognise a replay."""

    def authenticate_user(self, authorization_code: Code) -> SignedIn:
        return SignedIn(authorization_code.session.user, authorization_code.session)


class RequiredS256(CodeChallenge):  # type: ignore[misc]
    """PKCE for every client and with S256 only; Authlib alone would let a request without a challenge through."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge"):
            raise InvalidRequestError("Missing 'code_challenge'")
        if not data.get("code_challenge_method"):
            raise InvalidRequestError("Missing 'code_challenge_method'")
        if data.get("response_mode", "query") != "query":
            raise InvalidRequestError("Only the response mode 'query' is supported")
        if "request" in data or "request_uri" in data:
            raise InvalidRequestError("Request objects are not supported")
        super().validate_code_challenge(grant, redirect_uri)


class RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    """Refresh with rotation: each token is good once, a second use ends the session."""

    TOKEN_ENDPOINT_AUTH_METHODS = _CLIENT_AUTHENTICATION
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
        return _authority(self).sessions.find_refresh(refresh_token)

    def authenticate_user(self, refresh_token: Refresh) -> SignedIn:
        return SignedIn(refresh_token.session.user, refresh_token.session)

    def revoke_old_credential(self, refresh_token: Refresh) -> None:
        refresh_token.used = True


class PasswordGrant(grants.ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]
    """Password, for the development client `ioc-cli`, which the realm switches on together with the demo users."""

    TOKEN_ENDPOINT_AUTH_METHODS = _CLIENT_AUTHENTICATION

    def authenticate_user(self, username: str, password: str) -> SignedIn:
        authority = _authority(self)
        user = authority.check_password(username, password)
        if user is None:
            raise InvalidGrantError("Invalid user credentials")
        return SignedIn(user, authority.sessions.open_session(user, by_browser=False))


class ServiceGrant(grants.ClientCredentialsGrant):  # type: ignore[misc]
    """Client credentials, for machines; no refresh token."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


def _authority(grant: Any) -> "Authority":
    return cast("Authority", grant.server)
