"""What a browser meets: the log-in page, its refusals, single sign-on, log-out."""

import re

import httpx
import pytest

from ioc_devtools.issuer.code_flow import CodeFlow, redirect_parameters
from ioc_devtools.issuer.launch import RunningIssuer

CONSOLE = "http://127.0.0.1:8080"


def test_the_log_in_page_is_vietnamese_and_switches_to_english(flow: CodeFlow) -> None:
    page = flow.open()
    assert (page.status_code, page.headers["content-language"]) == (200, "vi")
    assert "Tên đăng nhập" in page.text
    assert "User name" in flow.open(ui_locales="en").text
    switch = re.search(r'href="([^"]+)" hreflang="en"', page.text)
    assert switch is not None
    english = flow.send("GET", str(page.url.join(switch[1].replace("&amp;", "&"))))
    assert "User name" in english.text


def test_the_log_in_page_runs_no_script_and_cannot_be_framed(flow: CodeFlow) -> None:
    page = flow.open()
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {CONSOLE}" in policy
    assert "<script" not in page.text
    assert page.headers["cache-control"] == "no-store"


def test_a_wrong_password_shows_the_form_again_and_says_so(flow: CodeFlow, password: str) -> None:
    page = flow.submit(flow.open(), "phan.tich", "not the password")
    assert page.status_code == 200
    assert 'role="alert"' in page.text
    assert "code" in redirect_parameters(flow.submit(page, "phan.tich", password))


def test_markup_in_the_user_name_comes_back_as_text(flow: CodeFlow) -> None:
    page = flow.submit(flow.open(), '"><script>alert(1)</script>', "x")
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


def test_the_answer_names_state_and_issuer(issuer: RunningIssuer, flow: CodeFlow, password: str) -> None:
    answer = flow.submit(flow.open(), "truc.ban", password)
    assert answer.headers["location"].startswith(f"{CONSOLE}/?")
    parameters = redirect_parameters(answer)
    assert (parameters["state"], parameters["iss"]) == (flow.state, issuer.issuer)


@pytest.mark.parametrize(
    "redirect_uri",
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080/other", "http://127.0.0.1:8080/?a=b", "javascript:1", None],
)
def test_another_redirect_address_is_refused_without_redirecting(flow: CodeFlow, redirect_uri: str | None) -> None:
    answer = flow.open(redirect_uri=redirect_uri)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "invalid_request" in answer.text


def test_an_unknown_client_is_refused_without_redirecting(flow: CodeFlow) -> None:
    answer = flow.open(client_id="nobody")
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_request_that_is_not_allowed_goes_back_with_its_error(
    flow: CodeFlow, changes: dict[str, str | None], error: str
) -> None:
    parameters = redirect_parameters(flow.open(**changes))
    assert (parameters["error"], parameters["state"]) == (error, flow.state)


def test_a_form_works_once_and_only_in_the_browser_that_opened_it(
    issuer: RunningIssuer, flow: CodeFlow, password: str
) -> None:
    page = flow.open()
    stranger = CodeFlow(issuer.issuer, f"{CONSOLE}/")
    assert stranger.submit(page, "truc.ban", password).status_code == 400
    assert flow.submit(page, "truc.ban", password).status_code == 302
    assert flow.submit(page, "truc.ban", password).status_code == 400


def test_a_second_request_needs_no_password_until_log_out(issuer: RunningIssuer, flow: CodeFlow, password: str) -> None:
    tokens = flow.login("truc.ban", password)
    assert "code" in redirect_parameters(flow.open())
    assert flow.open(prompt="login").status_code == 200
    logout = flow.send(
        "GET",
        f"{issuer.issuer}/protocol/openid-connect/logout",
        params={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": f"{CONSOLE}/", "state": "bye"},
    )
    assert (logout.status_code, logout.headers["location"]) == (302, f"{CONSOLE}/?state=bye")
    assert flow.open().status_code == 200
    assert flow.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_log_out_without_a_hint_asks_first(issuer: RunningIssuer, flow: CodeFlow, password: str) -> None:
    flow.login("truc.ban", password)
    question = flow.send("GET", f"{issuer.issuer}/protocol/openid-connect/logout")
    assert "Bạn có muốn đăng xuất không?" in question.text
    assert "code" in redirect_parameters(flow.open())
    assert "Bạn đã đăng xuất." in flow.submit(question, "", "").text
    assert flow.open().status_code == 200


def test_log_out_leads_only_to_the_clients_own_address(issuer: RunningIssuer, flow: CodeFlow, password: str) -> None:
    tokens = flow.login("truc.ban", password)
    answer = httpx.get(
        f"{issuer.issuer}/protocol/openid-connect/logout",
        params={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": "https://elsewhere.example/"},
    )
    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_user_information_needs_a_live_access_token_with_openid(
    issuer: RunningIssuer, flow: CodeFlow, password: str
) -> None:
    url = f"{issuer.issuer}/protocol/openid-connect/userinfo"
    tokens = flow.login("so.khdt", password)

    def ask(token: str) -> httpx.Response:
        return httpx.get(url, headers={"Authorization": f"Bearer {token}"})

    assert ask(tokens["access_token"]).json()["agency"] == "SO-KHDT"
    assert ask(tokens["id_token"]).status_code == 401
    assert ask(issuer.mint({"exp": 1})).status_code == 401
    assert ask(issuer.user_token("so.khdt")).status_code == 403
    refused = httpx.get(url)
    assert (refused.status_code, refused.headers["www-authenticate"][:6]) == (401, "Bearer")


def test_many_wrong_passwords_lock_the_login_even_for_the_right_one(own_issuer: RunningIssuer) -> None:
    good = own_issuer.settings["IOC_DEMO_PASSWORD"]

    def attempt(login: str, password: str) -> str:
        form = {"grant_type": "password", "client_id": "ioc-cli", "username": login, "password": password}
        return str(own_issuer.request_token(**form).json().get("error", "none"))

    assert [attempt("truc.ban", "wrong") for _ in range(5)] == ["invalid_grant"] * 5
    assert attempt("truc.ban", good) == "invalid_grant"
    assert attempt("phan.tich", good) == "none"
