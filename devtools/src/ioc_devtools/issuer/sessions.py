"""What the issuer remembers between requests: sessions, codes, refresh tokens, half-done log-ins. All in memory."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ioc_devtools.issuer.realm import Lifetimes, RealmUser

_MOST = 10_000
"""Entries of one kind kept at most; the oldest goes first, so that nobody fills the memory by opening log-in forms."""


@dataclass
class Session:
    """One log-in of one person; ends by log-out, by age, by idleness, or when a code or refresh token is used twice."""

    session_id: str
    user: RealmUser
    started_at: datetime
    by_browser: bool
    last_used_at: datetime
    ended: bool = False


@dataclass(frozen=True)
class SignedIn:
    """The person behind a request; Authlib's "user"."""

    user: RealmUser
    session: Session

    def get_user_id(self) -> str:
        """The token's `sub`; the name is Authlib's."""
        return self.user.user_id


@dataclass
class Code:
    """An authorization code; the method names are Authlib's."""

    client_id: str
    redirect_uri: str | None
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    session: Session
    expires_at: datetime
    used: bool = False

    def get_redirect_uri(self) -> str | None:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(self.session.started_at.timestamp())

    def get_acr(self) -> str | None:
        return None

    def get_amr(self) -> list[str] | None:
        return None


@dataclass
class Refresh:
    """A refresh token, good once; the method names are Authlib's."""

    client_id: str
    scope: str
    session: Session
    used: bool = False

    def check_client(self, client: Any) -> bool:
        return bool(client.get_client_id() == self.client_id)

    def get_scope(self) -> str:
        return self.scope


@dataclass(frozen=True)
class PendingLogin:
    """An authorization request that waits for a password; bound to the browser that opened the form."""

    parameters: dict[str, str]
    browser: str = field(repr=False)
    expires_at: datetime


class SessionStore:
    """Keeps everything above; single-threaded, as the issuer's event loop is."""

    def __init__(self, lifetimes: Lifetimes, now: Callable[[], datetime]) -> None:
        self._lifetimes = lifetimes
        self._now = now
        self._sessions: dict[str, Session] = {}
        self._codes: dict[str, Code] = {}
        self._refreshes: dict[str, Refresh] = {}
        self._pending: dict[str, PendingLogin] = {}

    def open_session(self, user: RealmUser, *, by_browser: bool) -> Session:
        """Starts a session now."""
        now = self._now()
        session = Session(secrets.token_urlsafe(24), user, now, by_browser, now)
        _keep(self._sessions, session.session_id, session)
        return session

    def find_session(self, session_id: str | None) -> Session | None:
        """The session when it is still alive, which using it prolongs; else None."""
        session = self._sessions.get(session_id or "")
        if session is None or not self._is_alive(session):
            return None
        session.last_used_at = self._now()
        return session

    def end_session(self, session: Session) -> None:
        """Ends a session: its codes and refresh tokens are refused from now on."""
        session.ended = True
        self._sessions.pop(session.session_id, None)

    def refresh_lifetime(self, session: Session) -> timedelta:
        """How long an unused refresh token of this session stays good."""
        left = session.started_at + self._lifetimes.session_max - self._now()
        return min(self._lifetimes.session_idle, left)

    def add_code(self, value: str, **fields: Any) -> None:
        """Remembers an authorization code for its short life."""
        _keep(self._codes, value, Code(expires_at=self._now() + self._lifetimes.code, **fields))

    def take_code(self, value: str, client_id: str) -> Code | None:
        """The code, good this once. A second use ends the session that the first one opened (RFC 6749, 4.1.2)."""
        code = self._codes.get(value)
        if code is None:
            return None
        if code.used:
            self.end_session(code.session)
            return None
        code.used = True
        if code.client_id != client_id or self._now() >= code.expires_at or not self._is_alive(code.session):
            return None
        return code

    def add_refresh(self, value: str, client_id: str, scope: str, session: Session) -> None:
        """Remembers a refresh token; it lives as long as its session."""
        _keep(self._refreshes, value, Refresh(client_id, scope, session))

    def find_refresh(self, value: str) -> Refresh | None:
        """The refresh token when it may be used; using one that was rotated away ends its session (RFC 9700, 4.14)."""
        refresh = self._refreshes.get(value)
        if refresh is None or self.find_session(refresh.session.session_id) is None:
            return None
        if refresh.used:
            self.end_session(refresh.session)
            return None
        return refresh

    def add_pending(self, parameters: dict[str, str], browser: str) -> str:
        """Remembers an authorization request while the form is open; returns the name of it that the form carries."""
        name = secrets.token_urlsafe(24)
        _keep(self._pending, name, PendingLogin(parameters, browser, self._now() + self._lifetimes.login_form))
        return name

    def find_pending(self, name: str | None, browser: str | None) -> PendingLogin | None:
        """The request behind a form, only for the browser that opened it and only while it is fresh."""
        pending = self._pending.get(name or "")
        if pending is None or browser is None or self._now() >= pending.expires_at:
            return None
        return pending if secrets.compare_digest(pending.browser.encode(), browser.encode()) else None

    def drop_pending(self, name: str) -> None:
        """Forgets a request that has been answered, so that its form works once."""
        self._pending.pop(name, None)

    def _is_alive(self, session: Session) -> bool:
        now = self._now()
        is_young = now < session.started_at + self._lifetimes.session_max
        return not session.ended and is_young and now < session.last_used_at + self._lifetimes.session_idle


def _keep(entries: dict[str, Any], key: str, value: Any) -> None:
    while len(entries) >= _MOST:
        entries.pop(next(iter(entries)))
    entries[key] = value
