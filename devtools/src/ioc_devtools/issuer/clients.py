"""A realm client in the shape that Authlib asks for; the method names are Authlib's."""

from authlib.oauth2.rfc6749 import ClientMixin

from ioc_devtools.issuer.realm import RealmClient


class OAuthClient(ClientMixin):  # type: ignore[misc]
    """Answers Authlib's questions from the realm."""

    def __init__(self, realm_client: RealmClient) -> None:
        self.realm_client = realm_client

    def get_client_id(self) -> str:
        return self.realm_client.client_id

    def get_default_redirect_uri(self) -> str | None:
        """None: the request has to say where to, so that it is compared each time."""
        return None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scope that a token gets; None, Authlib's sign for `invalid_scope`, when an unknown one is asked for."""
        asked = (scope or "").split()
        if not self.realm_client.scopes.issuperset(asked):
            return None
        openid = ["openid"] if "openid" in asked else []
        return " ".join([*openid, *self.realm_client.shown_scopes])

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exact comparison, character by character (RFC 9700, 2.1)."""
        return redirect_uri in self.realm_client.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        secret = self.realm_client.secret
        return secret is not None and secret.matches(client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") == (self.realm_client.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.realm_client.grants

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.realm_client.grants
