"""Bad input: an OAuth error with status 400, never a 500, never a stack trace."""

import base64

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc_devtools.issuer.launch import RunningIssuer
from ioc_devtools.issuer.parameters import MalformedRequest, parse_parameters

FORM = "application/x-www-form-urlencoded"
GOOD_START = b"grant_type=client_credentials&client_id=vinh-ioc&client_secret=x"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", FORM),
        (b"grant_type", FORM),
        (b"\xff\xfe\x00", FORM),
        (b"grant_type=%FF%FE", FORM),
        (b"grant_type=%00", FORM),
        (b"grant_type=a&grant_type=b", FORM),
        (GOOD_START + b"&scope=%22quoted%22", FORM),
        (b"grant_type=refresh_token&client_id=ioc-cli&refresh_token=%E1%BB%87", FORM),
        (b"grant_type=" + b"a" * 70_000, FORM),
        (b"&".join(b"p%d=1" % number for number in range(100)), FORM),
        (b'{"grant_type": "password"}', "application/json"),
        (b"grant_type=password", "text/plain"),
        (b"grant_type=' OR 1=1 --", FORM),
    ],
)
def test_a_malformed_token_request_is_an_oauth_error(issuer: RunningIssuer, body: bytes, media_type: str) -> None:
    answer = httpx.post(
        f"{issuer.issuer}/protocol/openid-connect/token", content=body, headers={"Content-Type": media_type}
    )
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_request", "unsupported_grant_type"}
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "query", ["", "response_type", "client_id=%FF", "state=a&state=b", "client_id=%22", "max_age=%2D1"]
)
def test_a_malformed_authorization_request_is_an_oauth_error(issuer: RunningIssuer, query: str) -> None:
    answer = httpx.get(f"{issuer.issuer}/protocol/openid-connect/auth?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_request", "invalid_client", "unsupported_response_type"}


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b"vinh-ioc").decode(),
        "Basic " + base64.b64encode(b"vinh-ioc:%FF").decode(),
        "Bearer x",
    ],
)
def test_a_malformed_authorization_header_is_a_refused_client(issuer: RunningIssuer, header: str) -> None:
    answer = httpx.post(
        f"{issuer.issuer}/protocol/openid-connect/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": header},
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("token", ["x", "a.b.c", "e30.e30.", "eyJhbGciOiJub25lIn0.e30."])
def test_user_information_refuses_what_is_not_a_token(issuer: RunningIssuer, token: str) -> None:
    answer = httpx.get(
        f"{issuer.issuer}/protocol/openid-connect/userinfo", headers={"Authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_token"})


@pytest.mark.parametrize("hint", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_log_out_refuses_a_hint_that_is_not_ours(issuer: RunningIssuer, hint: str) -> None:
    answer = httpx.get(f"{issuer.issuer}/protocol/openid-connect/logout", params={"id_token_hint": hint})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_an_access_token_is_no_log_out_hint(issuer: RunningIssuer) -> None:
    hint = issuer.user_token("truc.ban")
    answer = httpx.get(f"{issuer.issuer}/protocol/openid-connect/logout", params={"id_token_hint": hint})
    assert answer.status_code == 400


def test_a_wrong_method_and_an_unknown_address_are_said_in_json(issuer: RunningIssuer) -> None:
    assert httpx.get(f"{issuer.issuer}/protocol/openid-connect/token").status_code == 405
    unknown = httpx.get(f"{issuer.issuer}/nowhere")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "invalid_request")


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_parameters_or_malformed(raw: bytes) -> None:
    try:
        parameters = parse_parameters(raw)
    except MalformedRequest:
        return
    assert all("\x00" not in value and value for value in parameters.values())
