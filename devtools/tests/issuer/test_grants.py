"""Each grant: what comes out when it is right, and that it is refused when it is not."""

import time
from collections.abc import Callable

import pytest
from joserfc.jwt import Token

from ioc_devtools.issuer.code_flow import CodeFlow, redirect_parameters
from ioc_devtools.issuer.launch import RunningIssuer

Decode = Callable[[str], Token]

PEOPLE = [
    ("quan.tri", "nghe-an", "province-admin"),
    ("truc.ban", "nghe-an", "operator"),
    ("phan.tich", "nghe-an", "analyst"),
    ("so.khdt", "nghe-an", "agency-editor"),
    ("an.ninh", "nghe-an", "soc-analyst"),
    ("vinh.quan.tri", "vinh", "oc-admin"),
    ("vinh.truc", "vinh", "oc-operator"),
    ("hoangmai.quan.tri", "hoang-mai", "oc-admin"),
    ("hoangmai.truc", "hoang-mai", "oc-operator"),
]
MACHINES = [
    ("vinh-ioc", "vinh", "partner"),
    ("hoang-mai-ioc", "hoang-mai", "partner"),
    ("soc-partner-nghe-an", "nghe-an", "soc-analyst"),
    ("svc-kpi", "nghe-an", "service"),
    ("svc-gateway", "nghe-an", "service"),
]


@pytest.mark.parametrize(("client_id", "tenant", "role"), MACHINES)
def test_a_service_client_gets_a_token_of_its_own_tenant_and_role(
    issuer: RunningIssuer, decode: Decode, client_id: str, tenant: str, role: str
) -> None:
    answer = issuer.request_token(
        grant_type="client_credentials", client_id=client_id, client_secret=issuer.secret_of(client_id)
    )
    token = decode(answer.json()["access_token"])
    assert token.header["typ"] == "at+jwt"
    assert token.claims["iss"] == issuer.issuer
    assert token.claims["aud"] == "ioc-api"
    assert token.claims["client_id"] == token.claims["azp"] == client_id
    assert (token.claims["tenant"], token.claims["roles"]) == (tenant, [role])
    assert token.claims["preferred_username"] == f"service-account-{client_id}"
    assert "refresh_token" not in answer.json()
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("login", "tenant", "role"), PEOPLE)
def test_a_demo_user_gets_a_token_by_password(
    issuer: RunningIssuer, decode: Decode, login: str, tenant: str, role: str
) -> None:
    claims = decode(issuer.user_token(login)).claims
    assert (claims["tenant"], claims["roles"], claims["preferred_username"]) == (tenant, [role], login)
    assert claims["name"]
    assert claims.get("agency") == ("SO-KHDT" if login == "so.khdt" else None)


def test_an_access_token_lives_sixty_seconds(issuer: RunningIssuer, decode: Decode) -> None:
    claims = decode(issuer.user_token("truc.ban")).claims
    assert claims["exp"] - claims["iat"] == 60
    assert abs(claims["iat"] - time.time()) < 5


def test_the_code_flow_gives_access_id_and_refresh_tokens(flow: CodeFlow, password: str, decode: Decode) -> None:
    tokens = flow.login("vinh.truc", password)
    access, identity = decode(tokens["access_token"]), decode(tokens["id_token"])
    assert (access.claims["tenant"], access.claims["azp"]) == ("vinh", "ioc-console")
    assert identity.claims["aud"] == "ioc-console"
    assert identity.claims["nonce"] == flow.nonce
    assert identity.claims["sub"] == access.claims["sub"]
    assert 0 < tokens["refresh_expires_in"] <= 1800


def test_an_id_token_is_marked_so_that_an_api_refuses_it(flow: CodeFlow, password: str, decode: Decode) -> None:
    identity = decode(flow.login("truc.ban", password)["id_token"])
    assert (identity.header["typ"], identity.claims["typ"]) == ("JWT", "ID")
    assert "ioc-api" not in identity.claims["aud"]


def test_a_code_is_refused_with_another_verifier_and_is_then_spent(flow: CodeFlow, password: str) -> None:
    code = redirect_parameters(flow.submit(flow.open(), "truc.ban", password))["code"]
    wrong = flow.exchange(code, code_verifier="x" * 43)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    assert flow.exchange(code).json()["error"] == "invalid_grant"


def test_a_code_without_its_verifier_is_refused(flow: CodeFlow, password: str) -> None:
    code = redirect_parameters(flow.submit(flow.open(), "truc.ban", password))["code"]
    assert flow.exchange(code, code_verifier="").json()["error"] == "invalid_request"


def test_a_code_used_twice_is_refused_and_ends_the_session(flow: CodeFlow, password: str) -> None:
    code = redirect_parameters(flow.submit(flow.open(), "truc.ban", password))["code"]
    tokens = flow.exchange(code).json()
    assert flow.exchange(code).json()["error"] == "invalid_grant"
    assert flow.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_is_refused_for_another_redirect_address(flow: CodeFlow, password: str) -> None:
    code = redirect_parameters(flow.submit(flow.open(), "truc.ban", password))["code"]
    answer = flow.exchange(code, redirect_uri="http://127.0.0.1:8080/other")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_refresh_token_rotates_and_its_second_use_ends_the_session(
    flow: CodeFlow, password: str, decode: Decode
) -> None:
    first = flow.login("truc.ban", password)
    second = flow.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert decode(second["access_token"]).claims["sid"] == decode(first["access_token"]).claims["sid"]
    assert decode(second["id_token"]).claims["aud"] == "ioc-console"
    replay = flow.refresh(first["refresh_token"])
    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    assert flow.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_is_refused_for_another_client(issuer: RunningIssuer, flow: CodeFlow, password: str) -> None:
    refresh_token = flow.login("truc.ban", password)["refresh_token"]
    answer = issuer.request_token(grant_type="refresh_token", client_id="ioc-cli", refresh_token=refresh_token)
    assert answer.json()["error"] == "invalid_grant"


def test_a_wrong_client_secret_and_an_unknown_client_look_the_same(issuer: RunningIssuer) -> None:
    answers = [
        issuer.request_token(grant_type="client_credentials", client_id=client_id, client_secret="wrong")
        for client_id in ("vinh-ioc", "nobody")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["error"] == "invalid_client"


def test_one_clients_secret_is_no_use_to_another(issuer: RunningIssuer) -> None:
    answer = issuer.request_token(
        grant_type="client_credentials", client_id="hoang-mai-ioc", client_secret=issuer.secret_of("vinh-ioc")
    )
    assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password", "client_id": "ioc-console", "username": "quan.tri"}, "unauthorized_client"),
        ({"grant_type": "client_credentials", "client_id": "ioc-console"}, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "vinh-ioc"}, "invalid_client"),
        ({"grant_type": "implicit", "client_id": "ioc-console"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "client_id": "ioc-console", "refresh_token": "made-up"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "client_id": "ioc-console", "code": "made-up"}, "invalid_grant"),
    ],
)
def test_a_client_gets_only_the_grants_it_has(issuer: RunningIssuer, form: dict[str, str], error: str) -> None:
    answer = issuer.request_token(**form)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == error


def test_a_scope_that_the_realm_does_not_have_is_refused(issuer: RunningIssuer) -> None:
    answer = issuer.request_token(
        grant_type="client_credentials",
        client_id="vinh-ioc",
        client_secret=issuer.secret_of("vinh-ioc"),
        scope="everything",
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
