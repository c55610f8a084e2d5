"""Endpoints that a browser opens to log in: the authorization endpoint and the form behind it."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ioc_devtools.issuer import pages
from ioc_devtools.issuer.authority import Authority, ParsedRequest
from ioc_devtools.issuer.discovery import PROTOCOL
from ioc_devtools.issuer.parameters import MalformedRequest, read_form, read_query
from ioc_devtools.issuer.sessions import SignedIn

SESSION_COOKIE = "IOC_SESSION"
BROWSER_COOKIE = "IOC_BROWSER"
_FORM = "/login-actions/authenticate"


class LoginEndpoints:
    """Authorization requests, log-in forms, and the single sign-on session in a cookie."""

    def __init__(self, authority: Authority, now: Callable[[], datetime]) -> None:
        self._authority = authority
        self._now = now
        self._is_https = authority.issuer.startswith("https://")
        self._cookie_path = f"/realms/{authority.realm.name}/"

    async def authorize(self, request: Request) -> Response:
        """OIDC Core 3.1.2.1, by GET or POST: straight back when the browser has a session, else the log-in form."""
        parameters = await read_form(request) if request.method == "POST" else read_query(request)
        signed_in = self._signed_in(request, parameters)
        parsed = self._parsed(request, parameters)
        try:
            grant = self._authority.get_consent_grant(parsed, signed_in)
        except OAuth2Error as error:
            return self.refuse(request, error, parameters)
        if signed_in is not None and grant.prompt != "login":
            return self._finish(parsed, signed_in, grant)
        browser = request.cookies.get(BROWSER_COOKIE) or secrets.token_urlsafe(24)
        name = self._authority.sessions.add_pending(parameters, browser)
        response = self._form(name, pages.choose_language(parameters.get("ui_locales")), parameters)
        self.set_cookie(response, BROWSER_COOKIE, browser)
        return response

    async def show_form(self, request: Request) -> Response:
        """The same form again, for the language switch."""
        query = read_query(request)
        name = query.get("session_code", "")
        language = pages.choose_language(query.get("ui_locales"))
        pending = self._authority.sessions.find_pending(name, request.cookies.get(BROWSER_COOKIE))
        if pending is None:
            return self._expired(language)
        return self._form(name, language, pending.parameters)

    async def authenticate(self, request: Request) -> Response:
        """The filled-in form: back to the application with a code when it is right, else the form again."""
        query = read_query(request)
        form = await read_form(request)
        name = query.get("session_code", "")
        language = pages.choose_language(query.get("ui_locales"))
        sessions = self._authority.sessions
        pending = sessions.find_pending(name, request.cookies.get(BROWSER_COOKIE))
        if pending is None:
            return self._expired(language)
        username = form.get("username", "")
        user = self._authority.check_password(username, form.get("password", ""))
        if user is None:
            return self._form(name, language, pending.parameters, username=username, refused=True)
        sessions.drop_pending(name)
        signed_in = SignedIn(user, sessions.open_session(user, by_browser=True))
        parsed = self._parsed(request, pending.parameters)
        try:
            grant = self._authority.get_consent_grant(parsed, signed_in)
        except OAuth2Error as error:
            return self.refuse(request, error, pending.parameters)
        response = self._finish(parsed, signed_in, grant)
        self.set_cookie(response, SESSION_COOKIE, signed_in.session.session_id)
        return response

    def refuse(self, request: Request, error: OAuth2Error, parameters: dict[str, str]) -> Response:
        """Back to the application when its address is proved, else a page for people or JSON for programs."""
        if error.redirect_uri:
            error.state = parameters.get("state")
            response: Response = self._authority.handle_error_response(None, error)
            return response
        detail = str(error.get_error_description())
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"error": error.error, "error_description": detail}, 400)
        language = pages.choose_language(parameters.get("ui_locales"))
        return pages.error_page(self._authority.realm.display_name, language, "bad_request", str(error.error), detail)

    def set_cookie(self, response: Response, name: str, value: str) -> None:
        """A cookie for this realm's pages only, out of scripts' reach; it ends with the browser or the session."""
        response.set_cookie(name, value, path=self._cookie_path, secure=self._is_https, httponly=True, samesite="lax")

    def _signed_in(self, request: Request, parameters: dict[str, str]) -> SignedIn | None:
        session = self._authority.sessions.find_session(request.cookies.get(SESSION_COOKIE))
        if session is None:
            return None
        if (oldest := parameters.get("max_age")) is not None:
            if not (oldest.isascii() and oldest.isdigit() and len(oldest) < 10):
                raise MalformedRequest("max_age is not a number of seconds")
            if self._now() - session.started_at > timedelta(seconds=int(oldest)):
                return None
        return SignedIn(session.user, session)

    def _finish(self, parsed: ParsedRequest, signed_in: SignedIn, grant: Any) -> Response:
        response: Response = self._authority.create_authorization_response(parsed, signed_in, grant)
        return response

    def _parsed(self, request: Request, parameters: dict[str, str]) -> ParsedRequest:
        return ParsedRequest("GET", f"{self._authority.issuer}{PROTOCOL}/auth", parameters, request.headers)

    def _form(
        self, name: str, language: pages.Language, parameters: dict[str, str], username: str = "", refused: bool = False
    ) -> Response:
        here = f"/realms/{self._authority.realm.name}{_FORM}"
        return pages.login_page(
            self._authority.realm.display_name,
            language,
            action=f"{here}?{urlencode({'session_code': name, 'ui_locales': language})}",
            switch=f"{here}?{urlencode({'session_code': name, 'ui_locales': pages.other(language)})}",
            return_to=parameters.get("redirect_uri", ""),
            username=username or parameters.get("login_hint", ""),
            refused=refused,
        )

    def _expired(self, language: pages.Language) -> Response:
        return pages.error_page(self._authority.realm.display_name, language, "expired", "expired_login", "")
