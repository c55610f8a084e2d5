"""A browser's part of the authorization code flow without a browser, against this issuer and a real Keycloak alike."""

import base64
import hashlib
import secrets
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from ioc_devtools.issuer.discovery import PROTOCOL


class CodeFlow:
    """One browser that logs in to one application. Follows no redirect by itself: each step can be looked at."""

    def __init__(self, issuer: str, redirect_uri: str, client_id: str = "ioc-console") -> None:
        self._endpoints = f"{issuer}{PROTOCOL}"
        self._redirect_uri = redirect_uri
        self._client_id = client_id
        self._cookies: dict[str, str] = {}
        self.verifier = secrets.token_urlsafe(48)
        self.state = secrets.token_urlsafe(12)
        self.nonce = secrets.token_urlsafe(12)

    def open(self, **changes: str | None) -> httpx.Response:
        """The authorization request; `changes` replace its parameters, None leaves one out."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        wanted = {name: value for name, value in (parameters | changes).items() if value is not None}
        return self.send("GET", f"{self._endpoints}/auth", params=wanted)

    def submit(self, page: httpx.Response, username: str, password: str) -> httpx.Response:
        """Fills in the page's form and sends it. Raises ValueError when the page has no form."""
        form = _FormReader()
        form.feed(page.text)
        if form.action is None:
            raise ValueError(f"no form on the page at {page.url}: {page.text[:300]}")
        fields = form.hidden | {"username": username, "password": password}
        return self.send("POST", urljoin(str(page.url), form.action), data=fields)

    def exchange(self, code: str, **changes: str) -> httpx.Response:
        """The token request for a code; `changes` replace its parameters."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self._client_id,
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": self.verifier,
        }
        return httpx.post(f"{self._endpoints}/token", data=form | changes)

    def refresh(self, refresh_token: str) -> httpx.Response:
        """The token request for a refresh."""
        form = {"grant_type": "refresh_token", "client_id": self._client_id, "refresh_token": refresh_token}
        return httpx.post(f"{self._endpoints}/token", data=form)

    def login(self, username: str, password: str) -> dict[str, Any]:
        """The whole flow: the token endpoint's answer. Raises ValueError when a step does not lead on."""
        code = redirect_parameters(self.submit(self.open(), username, password))["code"]
        tokens: dict[str, Any] = self.exchange(code).raise_for_status().json()
        return tokens

    def send(self, method: str, url: str, **request: Any) -> httpx.Response:
        # A jar would hold back Keycloak's Secure cookies on http; browsers send them to loopback addresses.
        jar = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        response = httpx.request(method, url, headers={"Cookie": jar, "Accept": "text/html"}, **request)
        for line in response.headers.get_list("set-cookie"):
            name, _, value = line.split(";")[0].partition("=")
            self._cookies[name.strip()] = value.strip().strip('"')
        self._cookies = {name: value for name, value in self._cookies.items() if value}
        return response


def redirect_parameters(response: httpx.Response) -> dict[str, str]:
    """What a redirect back to the application carries. Raises ValueError when the answer is not one."""
    if response.status_code not in (302, 303):
        raise ValueError(f"not a redirect but {response.status_code}: {response.text[:300]}")
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


class _FormReader(HTMLParser):
    """The address and hidden fields of a page's first POST form."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.hidden: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form" and self.action is None and (found.get("method") or "").lower() == "post":
            self.action = found.get("action")
        if tag == "input" and found.get("type") == "hidden" and (name := found.get("name")):
            self.hidden[name] = found.get("value") or ""
