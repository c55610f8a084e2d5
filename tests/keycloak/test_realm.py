"""One realm file, two issuers, the same answers: what the platform relies on, asked of both."""

from collections.abc import Callable

import httpx
import pytest
from joserfc.jwt import Token

from ioc_devtools.issuer.code_flow import CodeFlow, redirect_parameters
from ioc_devtools.issuer.launch import TokenSource

CONSOLE = "http://127.0.0.1:8080"
Decode = Callable[[TokenSource, str], Token]

PEOPLE = [
    ("quan.tri", "nghe-an", "province-admin"),
    ("truc.ban", "nghe-an", "operator"),
    ("phan.tich", "nghe-an", "analyst"),
    ("so.khdt", "nghe-an", "agency-editor"),
    ("an.ninh", "nghe-an", "soc-analyst"),
    ("vinh.quan.tri", "vinh", "oc-admin"),
    ("vinh.truc", "vinh", "oc-operator"),
    ("hoangmai.quan.tri", "hoang-mai", "oc-admin"),
]
LOCKED_ONCE = ("hoangmai.truc", "hoang-mai", "oc-operator")
"""The login that the brute-force test locks; no other test uses it."""
MACHINES = [
    ("vinh-ioc", "vinh", "partner"),
    ("hoang-mai-ioc", "hoang-mai", "partner"),
    ("soc-partner-nghe-an", "nghe-an", "soc-analyst"),
    ("svc-kpi", "nghe-an", "service"),
    ("svc-gateway", "nghe-an", "service"),
]
ALWAYS = {"iss", "aud", "sub", "exp", "iat", "jti", "azp", "client_id", "tenant", "roles", "name", "preferred_username"}
VOLATILE = {"iss", "exp", "iat", "jti", "sid", "auth_time", "at_hash", "nonce"}


@pytest.mark.parametrize(("client_id", "tenant", "role"), MACHINES)
def test_a_service_clients_token_says_its_tenant_and_role(
    source: TokenSource, decode: Decode, client_id: str, tenant: str, role: str
) -> None:
    token = decode(source, source.client_token(client_id))
    assert (token.header["typ"], token.header["alg"]) == ("at+jwt", "RS256")
    assert set(token.claims) >= ALWAYS
    assert token.claims["iss"] == source.issuer
    assert token.claims["aud"] == "ioc-api"
    assert token.claims["azp"] == token.claims["client_id"] == client_id
    assert (token.claims["tenant"], token.claims["roles"]) == (tenant, [role])
    assert token.claims["exp"] - token.claims["iat"] == 60


@pytest.mark.parametrize(("login", "tenant", "role"), PEOPLE)
def test_a_demo_users_token_says_tenant_role_and_agency(
    source: TokenSource, decode: Decode, login: str, tenant: str, role: str
) -> None:
    token = decode(source, source.user_token(login))
    assert token.header["typ"] == "at+jwt"
    assert set(token.claims) >= ALWAYS
    assert token.claims["aud"] == "ioc-api"
    assert (token.claims["tenant"], token.claims["roles"]) == (tenant, [role])
    assert token.claims["preferred_username"] == login
    assert token.claims.get("agency") == ("SO-KHDT" if login == "so.khdt" else None)
    assert token.claims["exp"] - token.claims["iat"] == 60


def test_the_code_flow_with_pkce_logs_a_person_in(
    source: TokenSource, flow: CodeFlow, password: str, decode: Decode
) -> None:
    page = flow.open()
    assert 'lang="vi"' in page.text
    answer = redirect_parameters(flow.submit(page, "vinh.truc", password))
    assert (answer["state"], answer["iss"]) == (flow.state, source.issuer)
    tokens = flow.exchange(answer["code"]).raise_for_status().json()
    access, identity = decode(source, tokens["access_token"]), decode(source, tokens["id_token"])
    assert access.header["typ"] == "at+jwt"
    assert set(access.claims) >= ALWAYS
    assert (access.claims["tenant"], access.claims["azp"]) == ("vinh", "ioc-console")
    assert (identity.claims["nonce"], identity.claims["aud"]) == (flow.nonce, "ioc-console")
    assert identity.header["typ"] != "at+jwt"
    assert 0 < tokens["refresh_expires_in"] <= 1800


def test_a_refresh_token_works_once(source: TokenSource, flow: CodeFlow, password: str, decode: Decode) -> None:
    first = flow.login("truc.ban", password)
    second = flow.refresh(first["refresh_token"]).raise_for_status().json()
    assert decode(source, second["access_token"]).claims["tenant"] == "nghe-an"
    replay = flow.refresh(first["refresh_token"])
    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")


def test_a_code_works_once(flow: CodeFlow, password: str) -> None:
    code = redirect_parameters(flow.submit(flow.open(), "truc.ban", password))["code"]
    assert flow.exchange(code).status_code == 200
    assert flow.exchange(code).json()["error"] == "invalid_grant"


def test_a_code_needs_the_verifier_it_was_asked_with(flow: CodeFlow, password: str) -> None:
    code = redirect_parameters(flow.submit(flow.open(), "truc.ban", password))["code"]
    wrong = flow.exchange(code, code_verifier="x" * 43)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    assert flow.exchange(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changes",
    [{"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"}],
)
def test_the_console_cannot_ask_without_s256(flow: CodeFlow, changes: dict[str, str | None]) -> None:
    parameters = redirect_parameters(flow.open(**changes))
    assert (parameters["error"], "code" in parameters) == ("invalid_request", False)


@pytest.mark.parametrize(
    "redirect_uri", [CONSOLE, f"{CONSOLE}/other", "http://127.0.0.1:8081/", "http://evil.example/"]
)
def test_only_the_exact_redirect_address_is_taken(flow: CodeFlow, redirect_uri: str) -> None:
    answer = flow.open(redirect_uri=redirect_uri)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [
        ("vinh-ioc", "wrong"),
        ("vinh-ioc", ""),
        ("vinh-ioc", "${IOC_CLIENT_SECRET_VINH_IOC}"),
        ("nobody", "wrong"),
    ],
)
def test_wrong_client_credentials_are_refused(source: TokenSource, client_id: str, secret: str) -> None:
    answer = source.request_token(grant_type="client_credentials", client_id=client_id, client_secret=secret)
    # Keycloak says unauthorized_client for a wrong secret; RFC 6749 and the embedded issuer say invalid_client.
    assert answer.status_code == 401
    assert answer.json()["error"] in {"invalid_client", "unauthorized_client"}


@pytest.mark.parametrize("client_id", ["ioc-console", "admin-cli", "vinh-ioc"])
def test_only_the_development_client_takes_passwords(source: TokenSource, password: str, client_id: str) -> None:
    form = {"grant_type": "password", "client_id": client_id, "username": "quan.tri", "password": password}
    if client_id == "vinh-ioc":
        form["client_secret"] = source.secret_of(client_id)
    answer = source.request_token(**form)
    assert answer.status_code in {400, 401}
    assert "access_token" not in answer.json()


def test_an_id_token_is_not_for_the_api(source: TokenSource, flow: CodeFlow, password: str, decode: Decode) -> None:
    identity = decode(source, flow.login("truc.ban", password)["id_token"])
    assert "ioc-api" not in identity.claims["aud"]
    assert (identity.header["typ"], identity.claims["typ"]) == ("JWT", "ID")


def test_log_out_with_an_id_token_ends_the_session(source: TokenSource, flow: CodeFlow, password: str) -> None:
    tokens = flow.login("truc.ban", password)
    hint = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": f"{CONSOLE}/"}
    answer = flow.send("GET", f"{source.issuer}/protocol/openid-connect/logout", params=hint)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{CONSOLE}/")
    assert flow.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_only_the_consoles_origin_may_call_from_a_script(source: TokenSource) -> None:
    url = f"{source.issuer}/protocol/openid-connect/token"
    form = {"grant_type": "refresh_token", "client_id": "ioc-console", "refresh_token": "made-up"}
    ours = httpx.post(url, data=form, headers={"Origin": CONSOLE})
    assert ours.headers["access-control-allow-origin"] == CONSOLE
    theirs = httpx.post(url, data=form, headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in theirs.headers


def test_user_information_says_who_is_logged_in(source: TokenSource, flow: CodeFlow, password: str) -> None:
    tokens = flow.login("so.khdt", password)
    url = f"{source.issuer}/protocol/openid-connect/userinfo"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.json()["agency"] == "SO-KHDT"
    assert answer.json()["preferred_username"] == "so.khdt"


def test_five_wrong_passwords_lock_a_login(source: TokenSource, decode: Decode, password: str) -> None:
    login, tenant, role = LOCKED_ONCE
    claims = decode(source, source.user_token(login)).claims
    assert (claims["tenant"], claims["roles"]) == (tenant, [role])
    form = {"grant_type": "password", "client_id": "ioc-cli", "username": login}
    for _ in range(5):
        assert source.request_token(**form, password="wrong").json()["error"] == "invalid_grant"
    assert source.request_token(**form, password=password).json()["error"] == "invalid_grant"


@pytest.mark.keycloak
@pytest.mark.timeout(600)
def test_both_issuers_put_the_same_claims_into_tokens(
    embedded: TokenSource, keycloak: TokenSource, decode: Decode
) -> None:
    def claims(source: TokenSource) -> dict[str, dict[str, object]]:
        console = CodeFlow(source.issuer, f"{CONSOLE}/").login("so.khdt", source.settings["IOC_DEMO_PASSWORD"])
        tokens = {
            "machine": source.client_token("vinh-ioc"),
            "password": source.user_token("so.khdt"),
            "code": console["access_token"],
            "id": console["id_token"],
        }
        decoded = {kind: decode(source, token).claims for kind, token in tokens.items()}
        return {
            kind: {name: value for name, value in found.items() if name not in VOLATILE}
            | {"volatile": sorted(VOLATILE & set(found))}
            for kind, found in decoded.items()
        }

    assert claims(embedded) == claims(keycloak)
