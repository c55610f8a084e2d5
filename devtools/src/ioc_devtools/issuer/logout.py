"""The end-session endpoint (OpenID Connect RP-Initiated Logout 1.0), and Keycloak's log-out by refresh token."""

from urllib.parse import urlencode

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Error
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ioc_devtools.issuer import pages
from ioc_devtools.issuer.authority import Authority, ParsedRequest
from ioc_devtools.issuer.discovery import PROTOCOL
from ioc_devtools.issuer.keys import ALGORITHM
from ioc_devtools.issuer.login import BROWSER_COOKIE, SESSION_COOKIE, LoginEndpoints
from ioc_devtools.issuer.parameters import read_form, read_query
from ioc_devtools.issuer.sessions import Session


class LogoutEndpoints:
    """Ends a session: at once when the request proves which one, else after asking the person."""

    def __init__(self, authority: Authority, keys: KeySet, login: LoginEndpoints) -> None:
        self._authority = authority
        self._keys = keys
        self._login = login
        self._form_path = f"/realms/{authority.realm.name}/login-actions/logout"

    async def logout(self, request: Request) -> Response:
        """By GET or POST with `id_token_hint`; or with `refresh_token` and the client's authentication (204)."""
        parameters = await read_form(request) if request.method == "POST" else read_query(request)
        if "refresh_token" in parameters:
            return self._by_refresh_token(request, parameters)
        hint = parameters.get("id_token_hint")
        claims = self._read_hint(hint) if hint else {}
        if claims is None:
            return self._login.refuse(request, InvalidRequestError("The id_token_hint is not one of ours"), parameters)
        client_id = claims.get("aud") or parameters.get("client_id")
        return_to = parameters.get("post_logout_redirect_uri")
        client = self._authority.realm.clients.get(client_id or "")
        if return_to and (client is None or return_to not in client.post_logout_redirect_uris):
            error = InvalidRequestError("The post_logout_redirect_uri is not one of the client's")
            return self._login.refuse(request, error, parameters)
        if hint:
            session = self._authority.sessions.find_session(claims.get("sid"))
            return self._end(session, parameters)
        return self._ask(request, parameters)

    async def confirm(self, request: Request) -> Response:
        """The answer to the question: ends the browser's session."""
        form = await read_form(request)
        sessions = self._authority.sessions
        name = form.get("session_code", "")
        pending = sessions.find_pending(name, request.cookies.get(BROWSER_COOKIE))
        if pending is None:
            language = pages.choose_language(None)
            return pages.error_page(self._authority.realm.display_name, language, "expired", "expired_logout", "")
        sessions.drop_pending(name)
        return self._end(sessions.find_session(request.cookies.get(SESSION_COOKIE)), pending.parameters)

    def _ask(self, request: Request, parameters: dict[str, str]) -> Response:
        # Without a hint any site could log people out by a link: ask, with a form bound to this browser.
        browser = request.cookies.get(BROWSER_COOKIE)
        language = pages.choose_language(parameters.get("ui_locales"))
        if browser is None:
            return self._end(None, parameters)
        name = self._authority.sessions.add_pending(parameters, browser)
        return_to = parameters.get("post_logout_redirect_uri", "")
        return pages.logout_question_page(
            self._authority.realm.display_name, language, self._form_path, name, return_to
        )

    def _end(self, session: Session | None, parameters: dict[str, str]) -> Response:
        if session is not None:
            self._authority.sessions.end_session(session)
        return_to = parameters.get("post_logout_redirect_uri")
        response: Response
        if return_to:
            state = parameters.get("state")
            separator = "&" if "?" in return_to else "?"
            response = RedirectResponse(
                f"{return_to}{separator}{urlencode({'state': state})}" if state else return_to, 302
            )
        else:
            language = pages.choose_language(parameters.get("ui_locales"))
            response = pages.logged_out_page(self._authority.realm.display_name, language)
        self._login.set_cookie(response, SESSION_COOKIE, "")
        return response

    def _by_refresh_token(self, request: Request, parameters: dict[str, str]) -> Response:
        parsed = ParsedRequest("POST", f"{self._authority.issuer}{PROTOCOL}/logout", parameters, request.headers)
        methods = ["client_secret_basic", "client_secret_post", "none"]
        try:
            client = self._authority.authenticate_client(parsed, methods)
            refresh = self._authority.sessions.find_refresh(parameters["refresh_token"])
            if refresh is None or not refresh.check_client(client):
                raise InvalidRequestError("The refresh_token is not a live one of this client", error="invalid_grant")
        except InvalidClientError as error:
            response: Response = self._authority.handle_error_response(parsed, error)
            return response
        except OAuth2Error as error:
            return JSONResponse(dict(error.get_body()), 400)
        self._authority.sessions.end_session(refresh.session)
        return Response(status_code=204)

    def _read_hint(self, hint: str) -> dict[str, str] | None:
        # An expired ID token is a good hint (the specification says so): signature, issuer and kind decide.
        try:
            token = jwt.decode(hint, self._keys, algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            return None
        claims = token.claims
        if token.header.get("typ") != "JWT" or claims.get("iss") != self._authority.issuer:
            return None
        return {name: str(claims[name]) for name in ("aud", "sid") if name in claims}
