import base64
import hmac
import json
import time

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from ioc_kit.auth import TokenRefused
from ioc_kit.errors import TenantForbidden
from ioc_kit.tenancy import Scope
from ioc_kit.testing import SigningIssuer


@pytest.fixture(scope="module")
def issuer():
    return SigningIssuer()


async def refused(issuer, token):
    verifier = issuer.verifier()
    with pytest.raises(TokenRefused) as caught:
        await verifier.verify(token)
    await verifier.aclose()
    return caught.value.why


async def test_a_good_token_becomes_a_caller(issuer):
    verifier = issuer.verifier()
    caller = await verifier.verify(issuer.token("operator", tenant="vinh", subject="truc", agency="SO-YTE"))
    assert (caller.name, caller.tenant, caller.roles, caller.agency) == ("truc", "vinh", {"operator"}, "SO-YTE")
    assert caller.scope is Scope.OWN
    assert "ey" not in repr(caller)
    await verifier.aclose()


@pytest.mark.parametrize(
    ("roles", "tenant", "scope"),
    [
        (("operator",), "nghe-an", Scope.PROVINCE),
        (("agency-editor",), "nghe-an", Scope.OWN),
        (("operator", "province-admin"), "vinh", Scope.OWN),
    ],
)
async def test_only_a_province_reader_of_the_province_sees_all_tenants(issuer, roles, tenant, scope):
    verifier = issuer.verifier()
    assert (await verifier.verify(issuer.token(*roles, tenant=tenant))).scope is scope
    await verifier.aclose()


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://issuer.test/realms/ioc/"}, "issuer"),
        ({"aud": "another"}, "audience"),
        ({"aud": None}, "audience"),
        ({"exp": int(time.time()) - 60}, "expired"),
        ({"exp": "soon"}, "expired"),
        ({"exp": None}, "expired"),
        ({"nbf": int(time.time()) + 600}, "not-yet-valid"),
        ({"typ": "ID"}, "kind"),
        ({"typ": "Refresh"}, "kind"),
        ({"tenant": None}, "tenant"),
        ({"tenant": ""}, "tenant"),
        ({"tenant": ["vinh"]}, "tenant"),
        ({"sub": None}, "subject"),
    ],
)
async def test_a_wrong_claim_is_refused(issuer, claims, why):
    assert await refused(issuer, issuer.token("operator", **claims)) == why


async def test_an_id_token_by_its_header_is_refused(issuer):
    claims = jwt.decode(issuer.token("operator"), issuer.key, algorithms=["RS256"]).claims
    assert await refused(issuer, issuer.sign(claims, typ="JWT")) == "kind"


async def test_signatures_that_do_not_hold_are_refused(issuer):
    good = issuer.token("operator")
    body = good.split(".")[1]
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt"}).encode()).decode().rstrip("=")
    assert await refused(issuer, f"{none}.{body}.") == "algorithm"
    claims = jwt.decode(good, issuer.key, algorithms=["RS256"]).claims
    header = {"alg": "HS256", "kid": "test-key", "typ": "at+jwt"}
    signed = f"{base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip('=')}.{body}"
    mac = hmac.digest(issuer.key.as_pem(private=False), signed.encode(), "sha256")
    confused = f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    assert await refused(issuer, confused) == "algorithm"
    other = RSAKey.generate_key(2048)
    forged = jwt.encode({"alg": "RS256", "kid": "test-key", "typ": "at+jwt"}, claims, other)
    assert await refused(issuer, forged) == "signature"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "é.é.é", "W10.e30.x", "x" * 20_000, "\udc00.a.b"])
async def test_what_is_no_token_is_refused(issuer, token):
    assert await refused(issuer, token) in ("missing", "malformed", "algorithm")


async def test_unknown_key_ids_do_not_hammer_the_issuer(issuer):
    verifier = issuer.verifier()
    await verifier.verify(issuer.token("operator"))
    looks = issuer.key_looks
    for number in range(20):
        claims = jwt.decode(issuer.token("operator"), issuer.key, algorithms=["RS256"]).claims
        with pytest.raises(TokenRefused):
            await verifier.verify(issuer.sign(claims, kid=f"unknown-{number}"))
    assert issuer.key_looks <= looks + 1
    await verifier.aclose()


async def test_a_token_seen_before_still_expires(issuer, monkeypatch):
    verifier = issuer.verifier()
    token = issuer.token("operator")
    await verifier.verify(token)
    later = time.time() + 400
    monkeypatch.setattr("ioc_kit.auth.verifier.time.time", lambda: later)
    with pytest.raises(TokenRefused, match="expired"):
        await verifier.verify(token)
    await verifier.aclose()


async def test_a_province_caller_looks_into_one_tenant_without_writing_there(issuer):
    verifier = issuer.verifier()
    province = await verifier.verify(issuer.token("operator"))
    assert province.narrowed_to("vinh").tenancy.scope is Scope.READ
    assert province.narrowed_to("nghe-an").tenancy.scope is Scope.OWN
    vinh = await verifier.verify(issuer.token("partner", tenant="vinh"))
    assert vinh.narrowed_to("vinh").tenant == "vinh"
    with pytest.raises(TenantForbidden):
        vinh.narrowed_to("hoang-mai")
    await verifier.aclose()
