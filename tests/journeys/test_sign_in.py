"""A person signs in as the page does: authorization code with PKCE, then the API with the token, then a fresh one.

With IOC_TEST_ISSUER=keycloak the same journey runs against a real Keycloak (`make test-keycloak`).
"""

import httpx
import pytest

from ioc_devtools.issuer.code_flow import CodeFlow


@pytest.fixture
def console(platform):
    config = httpx.get(f"{platform.run.public_url}/api/v1/config").json()
    assert config["issuer"] == platform.run.issuer
    return CodeFlow(config["issuer"], f"{platform.run.public_url}/")


def me(platform, token):
    return httpx.get(f"{platform.run.public_url}/api/v1/me", headers={"Authorization": f"Bearer {token}"})


async def test_a_person_signs_in_and_is_who_they_are(platform, console):
    tokens = console.login("vinh.truc", platform.state.secret("IOC_DEMO_PASSWORD"))
    answer = me(platform, tokens["access_token"])
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["tenant"]) == ("vinh.truc", "vinh")
    assert "oc-operator" in answer.json()["roles"]


async def test_only_the_access_token_opens_the_api(platform, console):
    tokens = console.login("truc.ban", platform.state.secret("IOC_DEMO_PASSWORD"))
    for kind in ("id_token", "refresh_token"):
        refused = me(platform, tokens[kind])
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["www-authenticate"].startswith("Bearer")
