"""The authorization server: Authlib's, with this realm's clients, people and sessions."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidClientError, OAuth2Payload, OAuth2Request
from joserfc.jwk import KeySet
from starlette.responses import JSONResponse, Response

from ioc_devtools.issuer.clients import OAuthClient
from ioc_devtools.issuer.grants import CodeGrant, PasswordGrant, RefreshGrant, RequiredS256, ServiceGrant
from ioc_devtools.issuer.realm import Realm, RealmUser
from ioc_devtools.issuer.secrets_at_rest import NOBODY
from ioc_devtools.issuer.sessions import SessionStore
from ioc_devtools.issuer.throttle import LoginThrottle
from ioc_devtools.issuer.tokens import AccessTokens, CodeIdTokens, PlainIdTokens

_log = logging.getLogger("ioc.issuer")


class _Parameters(OAuth2Payload):  # type: ignore[misc]
    """Parameters that `parameters.parse_parameters` has found to be single and clean."""

    def __init__(self, data: dict[str, str]) -> None:
        self._data = data

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> dict[str, list[str]]:
        return {name: [value] for name, value in self._data.items()}


class ParsedRequest(OAuth2Request):  # type: ignore[misc]
    """A request in Authlib's shape. `uri` is the configured public address, never the Host header."""

    def __init__(self, method: str, uri: str, parameters: dict[str, str], headers: Mapping[str, str]) -> None:
        # Authlib refuses http beyond localhost; here the deployment decides about TLS, for development on loopback.
        super().__init__(method, "https" + uri.removeprefix("https").removeprefix("http"), headers=headers)
        self.payload = _Parameters(parameters)

    @property
    def form(self) -> dict[str, str]:
        data: dict[str, str] = self.payload.data
        return data


class Authority(AuthorizationServer):  # type: ignore[misc]
    """Grants, clients and log-ins of one realm."""

    def __init__(self, realm: Realm, issuer: str, keys: KeySet, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.realm = realm
        self.issuer = issuer
        self.sessions = SessionStore(realm.lifetimes, now)
        self._throttle = LoginThrottle(realm.brute_force, now)
        self._clients = {client_id: OAuthClient(client) for client_id, client in realm.clients.items()}
        self.register_token_generator("default", AccessTokens(realm, issuer, keys).generate)
        self.register_grant(CodeGrant, [RequiredS256(required=True), CodeIdTokens(realm, issuer, keys)])
        self.register_grant(RefreshGrant, [PlainIdTokens(realm, issuer, keys)])
        self.register_grant(PasswordGrant, [PlainIdTokens(realm, issuer, keys)])
        self.register_grant(ServiceGrant)

    def check_password(self, username: str, password: str) -> RealmUser | None:
        """The person when the password is right and the login not locked; all refusals take as long and look alike."""
        user = self.realm.users.get(username)
        if user is None or user.password is None or self._throttle.is_locked(username):
            NOBODY.matches(password)
            _log.warning("log-in refused: unknown or locked login")
            return None
        if not user.password.matches(password):
            self._throttle.failed(username)
            _log.warning("log-in refused: wrong password for %s", username)
            return None
        self._throttle.succeeded(username)
        return user

    def query_client(self, client_id: str) -> OAuthClient | None:
        """The client of this name, or None."""
        return self._clients.get(client_id)

    def authenticate_client(self, request: ParsedRequest, methods: list[str], endpoint: str = "token") -> OAuthClient:
        """The client that proved itself; every failure is the same `invalid_client`, whatever was wrong."""
        try:
            client: OAuthClient = super().authenticate_client(request, methods, endpoint)
        except (InvalidClientError, ValueError) as error:
            # ValueError: an Authorization header whose bytes are not text.
            raise _RefusedClient("authorization" in request.headers) from error
        return client

    def save_token(self, token: dict[str, Any], request: ParsedRequest) -> None:
        """Ties the refresh token to the session it came from."""
        if value := token.get("refresh_token"):
            session = request.user.session
            self.sessions.add_refresh(value, request.client.get_client_id(), token["scope"], session)
            token["refresh_expires_in"] = int(self.sessions.refresh_lifetime(session).total_seconds())

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Authlib's hook for web frameworks' signals; nobody listens here."""

    def create_oauth2_request(self, request: ParsedRequest) -> ParsedRequest:
        """The endpoints hand over requests that are in Authlib's shape already."""
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
        """Authlib's answer as Starlette's; every answer by redirect names the issuer (RFC 9207)."""
        if status == 302:
            location = add_params_to_uri(dict(headers)["Location"], {"iss": self.issuer})
            return Response(status_code=302, headers={"Location": location, "Cache-Control": "no-store"})
        return JSONResponse(body, status, headers=dict(headers))


class _RefusedClient(InvalidClientError):  # type: ignore[misc]
    def __init__(self, used_header: bool) -> None:
        super().__init__("Unknown client or wrong client credentials", status_code=401)
        self._used_header = used_header

    def get_headers(self) -> list[tuple[str, str]]:
        # RFC 6749, 5.2: a challenge only for who tried the header; a browser would open its own password box.
        headers: list[tuple[str, str]] = super().get_headers()
        return headers if self._used_header else [pair for pair in headers if pair[0] != "WWW-Authenticate"]
