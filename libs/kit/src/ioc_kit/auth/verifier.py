"""Checks access tokens as a resource server by RFC 9068 and RFC 8725: algorithm listed, issuer exact, audience ours."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, ClassVar

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from ioc_kit.errors import Unauthenticated, Unavailable
from ioc_kit.tenancy import Caller, Scope

ALGORITHMS = ("RS256", "ES256")
LEEWAY_SECONDS = 5
KEY_REFRESH_SECONDS = 10.0
"""At most one look for new keys in this time, so that forged `kid`s cannot make us hammer the issuer."""
MAX_TOKEN_BYTES = 16_384
_CACHE_SIZE = 4096
_PROVINCE_READERS = frozenset({"province-admin", "operator", "analyst", "soc-analyst", "service"})


class TokenRefused(Unauthenticated):
    """The token does not hold; `why` is one of the stable words below and safe to show."""

    reason = "TOKEN_REFUSED"
    MESSAGES: ClassVar[Mapping[str, str]] = {
        "missing": "no access token: send `Authorization: Bearer <token>`",
        "malformed": "the access token is not a signed JWT",
        "algorithm": "the access token's signature algorithm is not accepted",
        "signature": "the access token's signature does not verify",
        "issuer": "the access token is from another issuer",
        "audience": "the access token is for another audience",
        "expired": "the access token has expired: refresh it",
        "not-yet-valid": "the access token is not valid yet: check the clock",
        "kind": "this is not an access token (an ID or refresh token is refused)",
        "tenant": "the access token names no tenant",
        "subject": "the access token names no subject",
    }

    def __init__(self, why: str) -> None:
        super().__init__(self.MESSAGES[why], why=why)
        self.why = why


class TokenVerifier:
    """Turns the text of an access token into a `Caller`, or raises TokenRefused.

    Keys come from the issuer's discovery document; an unknown key id looks once more, rate-limited. While the issuer
    is away the keys already known go on being used. The caller closes it with `aclose`.
    """

    def __init__(
        self, issuer: str, audience: str, province_tenant: str, *, client: httpx.AsyncClient | None = None
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._province_tenant = province_tenant
        self._client = client or httpx.AsyncClient(timeout=5.0, follow_redirects=False)
        self._keys: KeySet | None = None
        self._looked_at = -KEY_REFRESH_SECONDS
        self._lock = asyncio.Lock()
        # Lenient about unknown header members (`typ`, `kid` are standard, issuers add their own), strict on algorithms.
        self._registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    async def aclose(self) -> None:
        """Closes the connection to the issuer."""
        await self._client.aclose()

    async def verify(self, token: str) -> Caller:
        """The caller that the token proves. A token seen before is not checked again until it expires."""
        if not token:
            raise TokenRefused("missing")
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenRefused("malformed")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        if (known := self._known.get(digest)) is not None:
            caller, expires = known
            if time.time() < expires + LEEWAY_SECONDS:
                return caller
            del self._known[digest]
            raise TokenRefused("expired")
        header, claims = await self._decode(token)
        caller = self._caller(header, claims, token)
        self._known[digest] = (caller, float(claims["exp"]))
        if len(self._known) > _CACHE_SIZE:
            self._known.popitem(last=False)
        return caller

    async def _decode(self, token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        header = _header(token)
        if header.get("alg") not in ALGORITHMS:
            raise TokenRefused("algorithm")
        keys = await self._keys_for(header.get("kid"))
        try:
            decoded = jwt.decode(token, keys, algorithms=list(ALGORITHMS), registry=self._registry)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise TokenRefused("signature") from error
        return decoded.header, decoded.claims

    async def _keys_for(self, key_id: object) -> KeySet:
        if self._keys is not None and any(key.kid == key_id for key in self._keys.keys):
            return self._keys
        async with self._lock:
            if self._keys is not None and any(key.kid == key_id for key in self._keys.keys):
                return self._keys
            if time.monotonic() - self._looked_at >= KEY_REFRESH_SECONDS or self._keys is None:
                await self._look_for_keys()
        if self._keys is None:
            raise Unavailable("the identity provider does not answer: no token can be checked")
        return self._keys

    async def _look_for_keys(self) -> None:
        try:
            discovery = await self._client.get(f"{self._issuer}/.well-known/openid-configuration")
            discovery.raise_for_status()
            document = discovery.json()
            if document["issuer"] != self._issuer:
                raise Unavailable(f"the identity provider calls itself {document['issuer']!r}, not {self._issuer!r}")
            answer = await self._client.get(document["jwks_uri"])
            answer.raise_for_status()
            signing = [key for key in answer.json()["keys"] if key.get("use", "sig") == "sig"]
            self._keys = KeySet.import_key_set({"keys": signing})
            self._looked_at = time.monotonic()
        except (httpx.HTTPError, KeyError, TypeError, ValueError, JoseError) as error:
            if self._keys is None:
                raise Unavailable("the identity provider does not answer: no token can be checked") from error

    def _caller(self, header: Mapping[str, Any], claims: Mapping[str, Any], token: str) -> Caller:
        if claims.get("iss") != self._issuer:
            raise TokenRefused("issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise TokenRefused("audience")
        now = time.time()
        expires, not_before = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, int | float) or now >= expires + LEEWAY_SECONDS:
            raise TokenRefused("expired")
        if not isinstance(not_before, int | float) or now < not_before - LEEWAY_SECONDS:
            raise TokenRefused("not-yet-valid")
        # RFC 9068 marks access tokens by the header; Keycloak marks ID and refresh tokens in the payload as well.
        if str(header.get("typ", "")).lower() not in ("at+jwt", "application/at+jwt") or claims.get("typ") in (
            "ID",
            "Refresh",
        ):
            raise TokenRefused("kind")
        subject, tenant = claims.get("sub"), claims.get("tenant")
        if not isinstance(subject, str) or not subject:
            raise TokenRefused("subject")
        if not isinstance(tenant, str) or not tenant:
            raise TokenRefused("tenant")
        listed = claims.get("roles")
        roles = frozenset(role for role in listed if isinstance(role, str)) if isinstance(listed, list) else frozenset()
        is_province = tenant == self._province_tenant and not roles.isdisjoint(_PROVINCE_READERS)
        agency = claims.get("agency")
        client_id = claims.get("azp", claims.get("client_id"))
        return Caller(
            subject=subject,
            name=str(claims.get("preferred_username") or claims.get("name") or client_id or subject),
            tenant=tenant,
            roles=roles,
            scope=Scope.PROVINCE if is_province else Scope.OWN,
            agency=agency if isinstance(agency, str) else None,
            client_id=client_id if isinstance(client_id, str) else None,
            token=token,
        )


def _header(token: str) -> Mapping[str, Any]:
    try:
        first, _, _ = token.split(".")
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except ValueError as error:
        raise TokenRefused("malformed") from error
    if not isinstance(header, dict):
        raise TokenRefused("malformed")
    return header
