"""An issuer in memory: real RS256 signatures, discovery and JWKS over an in-process transport, any claim to order."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from ioc_kit.auth import TokenVerifier

ISSUER = "https://issuer.test/realms/ioc"
AUDIENCE = "ioc-api"
PROVINCE = "nghe-an"


class SigningIssuer:
    """Signs tokens for tests and gives the verifier that accepts them."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256", "kid": "test-key"})
        self.key_looks = 0
        """How often the JWKS was fetched."""

    def token(self, *roles: str, tenant: str | None = PROVINCE, subject: str = "test-user", **claims: Any) -> str:
        """A signed access token; claims given by name replace the usual ones, None leaves one out."""
        now = int(time.time())
        body: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": now,
            "exp": now + 300,
            "jti": f"{subject}-{now}",
            "tenant": tenant,
            "roles": list(roles),
            "preferred_username": subject,
            **claims,
        }
        return self.sign({key: value for key, value in body.items() if value is not None})

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Signs any claims; header members given by name replace the usual ones."""
        return jwt.encode({"alg": "RS256", "kid": "test-key", "typ": "at+jwt", **header}, claims, self.key)

    def verifier(self, province: str = PROVINCE) -> TokenVerifier:
        """The real verifier, fed by this issuer."""
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        return TokenVerifier(ISSUER, AUDIENCE, province, client=client)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/certs"})
        self.key_looks += 1
        return httpx.Response(200, content=json.dumps({"keys": [self.key.as_dict(private=False)]}))
