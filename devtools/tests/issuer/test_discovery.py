"""What clients read first, the headers on every answer, and who may call from a script."""

import httpx
import pytest

from ioc_devtools.issuer.launch import RunningIssuer

CONSOLE = "http://127.0.0.1:8080"


def test_discovery_names_keycloaks_addresses_and_only_what_is_there(issuer: RunningIssuer) -> None:
    document = httpx.get(f"{issuer.issuer}/.well-known/openid-configuration").json()
    protocol = f"{issuer.issuer}/protocol/openid-connect"
    assert issuer.issuer.endswith("/realms/ioc")
    assert document["issuer"] == issuer.issuer
    assert document["authorization_endpoint"] == f"{protocol}/auth"
    assert document["token_endpoint"] == f"{protocol}/token"
    assert document["jwks_uri"] == f"{protocol}/certs"
    assert document["userinfo_endpoint"] == f"{protocol}/userinfo"
    assert document["end_session_endpoint"] == f"{protocol}/logout"
    assert document["code_challenge_methods_supported"] == ["S256"]
    for name, address in document.items():
        if name.endswith(("_endpoint", "_uri")):
            assert httpx.get(address).status_code != 404, name


def test_the_published_keys_have_no_private_part(issuer: RunningIssuer) -> None:
    keys = httpx.get(f"{issuer.issuer}/protocol/openid-connect/certs").json()["keys"]
    assert [(key["kty"], key["alg"], key["use"]) for key in keys] == [("RSA", "RS256", "sig")]
    assert set(keys[0]) == {"kty", "n", "e", "use", "alg", "kid"}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/protocol/openid-connect/auth", "/nowhere"])
def test_every_answer_carries_the_security_headers(issuer: RunningIssuer, path: str) -> None:
    headers = httpx.get(f"{issuer.issuer}{path}").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(("origin", "allowed"), [(CONSOLE, CONSOLE), ("https://elsewhere.example", None)])
def test_only_the_consoles_origin_may_call_from_a_script(
    issuer: RunningIssuer, origin: str, allowed: str | None
) -> None:
    url = f"{issuer.issuer}/protocol/openid-connect/token"
    preflight = httpx.options(
        url,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert preflight.headers.get("access-control-allow-origin") == allowed
    refused = httpx.post(url, headers={"Origin": origin}, data={"grant_type": "x"})
    assert refused.headers.get("access-control-allow-origin") == allowed
