"""The few pages people see: log-in, log-out, and an error. Vietnamese first, English by a switch."""

import html
import secrets
from typing import Literal, get_args
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

Language = Literal["vi", "en"]

TEXTS: dict[Language, dict[str, str]] = {
    "vi": {
        "login_title": "Đăng nhập",
        "username": "Tên đăng nhập",
        "password": "Mật khẩu",
        "submit": "Đăng nhập",
        "refused": "Tên đăng nhập hoặc mật khẩu không đúng, hoặc tài khoản đang tạm khoá vì nhập sai nhiều lần.",
        "development": "Bộ cấp định danh dùng cho phát triển, không dùng khi vận hành thật.",
        "logout_title": "Đăng xuất",
        "logout_question": "Bạn có muốn đăng xuất không?",
        "logout_submit": "Đăng xuất",
        "logged_out": "Bạn đã đăng xuất.",
        "error_title": "Không thực hiện được",
        "expired": "Phiên đăng nhập đã hết hạn hoặc mở ở trình duyệt khác. Hãy quay lại ứng dụng và đăng nhập lại.",
        "bad_request": "Yêu cầu đăng nhập của ứng dụng không hợp lệ. Hãy báo cho người quản trị mã lỗi dưới đây.",
        "other_language": "English",
    },
    "en": {
        "login_title": "Log in",
        "username": "User name",
        "password": "Password",
        "submit": "Log in",
        "refused": "The user name or password is wrong, or the account is locked for a while after wrong attempts.",
        "development": "An identity issuer for development, not for operation.",
        "logout_title": "Log out",
        "logout_question": "Do you want to log out?",
        "logout_submit": "Log out",
        "logged_out": "You are logged out.",
        "error_title": "This did not work",
        "expired": "The log-in has expired or was opened in another browser. Go back to the application and try again.",
        "bad_request": "The application's log-in request is not valid. Tell the administrator the error code below.",
        "other_language": "Tiếng Việt",
    },
}

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#eef2f6;color:#14202b}
main{max-width:24rem;margin:8vh auto;padding:2rem;background:#fff;border-radius:.5rem}
h1{font-size:1.3rem;margin:0 0 .25rem}h2{font-size:1.05rem;font-weight:600;margin:0 0 1rem}
label{display:block;margin:.75rem 0 .25rem}
input{box-sizing:border-box;width:100%;padding:.6rem;font:inherit;border:1px solid #6b7a88;border-radius:.25rem}
button{margin-top:1.25rem;width:100%;padding:.7rem;font:inherit;border:0;border-radius:.25rem;background:#0b5394;color:#fff}
input:focus,button:focus,a:focus{outline:3px solid #f0a500}
.alert{padding:.6rem;background:#fdecea;color:#8a1c12;border-radius:.25rem}
footer{margin-top:1.5rem;font-size:.85rem;color:#4a5a68}
"""


def other(language: Language) -> Language:
    """The language that the switch leads to."""
    return "en" if language == "vi" else "vi"


def choose_language(asked: str | None) -> Language:
    """The page's language: the first known one of `asked` (space-separated, as in `ui_locales`), else Vietnamese.

    The browser's Accept-Language is not asked: many machines here are set up in English for people who read Vietnamese.
    """
    for wish in (asked or "").split():
        for language in get_args(Language):
            if wish.lower().split("-")[0] == language:
                return language  # type: ignore[no-any-return]
    return "vi"


def login_page(
    realm_name: str,
    language: Language,
    action: str,
    switch: str,
    return_to: str,
    username: str = "",
    refused: bool = False,
) -> HTMLResponse:
    """The log-in form. `action` and `switch` are addresses here, `return_to` is the application's redirect address."""
    text = TEXTS[language]
    alert = f'<p class="alert" role="alert">{text["refused"]}</p>' if refused else ""
    body = f"""{alert}<form id="login" method="post" action="{html.escape(action)}">
<label for="username">{text["username"]}</label>
<input id="username" name="username" value="{html.escape(username)}" autocomplete="username" autofocus required>
<label for="password">{text["password"]}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">{text["submit"]}</button></form>"""
    link = f'<a href="{html.escape(switch)}" hreflang="{other(language)}">{text["other_language"]}</a>'
    return _page(realm_name, language, "login_title", body, link, form_target=return_to)


def logout_question_page(
    realm_name: str, language: Language, action: str, form_name: str, return_to: str
) -> HTMLResponse:
    """Asks before logging out, for requests that do not prove which session they mean."""
    text = TEXTS[language]
    body = f"""<p>{text["logout_question"]}</p><form id="logout" method="post" action="{html.escape(action)}">
<input type="hidden" name="session_code" value="{html.escape(form_name)}">
<button type="submit">{text["logout_submit"]}</button></form>"""
    return _page(realm_name, language, "logout_title", body, "", form_target=return_to)


def logged_out_page(realm_name: str, language: Language) -> HTMLResponse:
    """Says that the session is over."""
    return _page(realm_name, language, "logout_title", f"<p>{TEXTS[language]['logged_out']}</p>", "")


def error_page(realm_name: str, language: Language, text_key: str, code: str, detail: str) -> HTMLResponse:
    """What went wrong for a person, with the OAuth error code for whoever maintains the application; status 400."""
    reason = f"<p><code>{html.escape(code)}</code> {html.escape(detail)}</p>"
    body = f'<p class="alert" role="alert">{TEXTS[language][text_key]}</p>{reason}'
    return _page(realm_name, language, "error_title", body, "", status=400)


def _page(
    realm_name: str, language: Language, title_key: str, body: str, link: str, form_target: str = "", status: int = 200
) -> HTMLResponse:
    text = TEXTS[language]
    nonce = secrets.token_urlsafe(16)
    content = f"""<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{text[title_key]} · {html.escape(realm_name)}</title><style nonce="{nonce}">{_STYLE}</style></head>
<body><main><h1>{html.escape(realm_name)}</h1><h2>{text[title_key]}</h2>{body}
<footer>{text["development"]} {link}</footer></main></body></html>"""
    # Browsers apply form-action to the redirect after the post too: the application's origin has to be in it.
    parts = urlsplit(form_target)
    origin = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'{origin}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Content-Language": language}
    return HTMLResponse(content, status, headers=headers)
