"""The realm as the issuer sees it: what it needs of the file that a real Keycloak imports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ioc_devtools.issuer.secrets_at_rest import PasswordHash, SecretHash


class RealmError(Exception):
    """The realm file, the settings it asks for, or the state folder cannot be used; the text names the remedy."""


@dataclass(frozen=True)
class Mapper:
    """One protocol mapper: puts a claim into tokens. `config` is Keycloak's: flags are the strings "true", "false"."""

    name: str
    kind: str
    config: Mapping[str, str]


@dataclass(frozen=True)
class RealmClient:
    """An application that may ask for tokens."""

    client_id: str
    name: str
    secret: SecretHash | None
    """None for a public client."""
    grants: frozenset[str]
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    web_origins: tuple[str, ...]
    scopes: frozenset[str]
    """Scopes that it may name in a request, `openid` included."""
    shown_scopes: tuple[str, ...]
    """Default scopes that stand in the token's `scope`."""
    mappers: tuple[Mapper, ...]


@dataclass(frozen=True)
class RealmUser:
    """A person, or the account that a service client acts as."""

    user_id: str
    username: str
    attributes: Mapping[str, str]
    """`firstName` (the whole name, in Vietnamese order), `tenant`, `agency`."""
    roles: tuple[str, ...]
    password: PasswordHash | None = field(repr=False)
    service_client_id: str | None


@dataclass(frozen=True)
class Lifetimes:
    """How long things issued stay good."""

    access_token: timedelta
    code: timedelta
    login_form: timedelta
    session_idle: timedelta
    session_max: timedelta


@dataclass(frozen=True)
class BruteForce:
    """After every `failures` wrong passwords a login is refused for `wait`, longer each time, up to `wait_max`."""

    enabled: bool
    failures: int
    wait: timedelta
    wait_max: timedelta
    forget_after: timedelta


@dataclass(frozen=True)
class Realm:
    """Everything the issuer knows; nothing in it changes while it runs. Disabled clients and users are left out."""

    name: str
    display_name: str
    lifetimes: Lifetimes
    brute_force: BruteForce
    clients: Mapping[str, RealmClient]
    users: Mapping[str, RealmUser]
    """By login."""

    def service_account(self, client_id: str) -> RealmUser | None:
        """The account that a client's own tokens speak for; None when the client has none."""
        return next((user for user in self.users.values() if user.service_client_id == client_id), None)

    def web_origins(self) -> tuple[str, ...]:
        """Origins whose scripts may call the token endpoints, without repeats."""
        return tuple(dict.fromkeys(origin for client in self.clients.values() for origin in client.web_origins))
