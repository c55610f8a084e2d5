"""Keycloak's realm JSON into `Realm`: refuses what it does not understand instead of passing over it."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from ioc_devtools.issuer.claims import KINDS
from ioc_devtools.issuer.placeholders import substitute, unresolved
from ioc_devtools.issuer.realm import BruteForce, Lifetimes, Mapper, Realm, RealmClient, RealmError, RealmUser
from ioc_devtools.issuer.secrets_at_rest import PasswordHash, SecretHash

_GRANT_FLAGS = {
    "standardFlowEnabled": "authorization_code",
    "directAccessGrantsEnabled": "password",
    "serviceAccountsEnabled": "client_credentials",
}


def load_realm(path: Path, env: Mapping[str, str]) -> Realm:
    """Reads the realm file with the placeholders filled from `env`.

    Raises RealmError when the file cannot be read, a placeholder that matters is unset, a password is shorter than the
    realm's policy, or the file uses something that this issuer does not do (it must not differ silently from Keycloak).
    """
    try:
        document = substitute(json.loads(path.read_text(encoding="utf-8")), env)
    except (OSError, ValueError) as error:
        raise RealmError(f"The realm file {path} cannot be read: {error}") from error
    try:
        clients = [entry for entry in document["clients"] if _flag(entry, "enabled")]
        users = [entry for entry in document["users"] if _flag(entry, "enabled")]
        _require_settings(document, clients, users)
        scopes = {entry["name"]: entry for entry in document["clientScopes"]}
        return Realm(
            name=document["realm"],
            display_name=document["displayName"],
            lifetimes=Lifetimes(
                access_token=_seconds(document, "accessTokenLifespan"),
                code=_seconds(document, "accessCodeLifespan"),
                login_form=_seconds(document, "accessCodeLifespanLogin"),
                session_idle=_seconds(document, "ssoSessionIdleTimeout"),
                session_max=_seconds(document, "ssoSessionMaxLifespan"),
            ),
            brute_force=BruteForce(
                enabled=_flag(document, "bruteForceProtected"),
                failures=int(document["failureFactor"]),
                wait=_seconds(document, "waitIncrementSeconds"),
                wait_max=_seconds(document, "maxFailureWaitSeconds"),
                forget_after=_seconds(document, "maxDeltaTimeSeconds"),
            ),
            clients={entry["clientId"]: _client(entry, scopes) for entry in clients},
            users={entry["username"]: _user(entry, document.get("passwordPolicy", "")) for entry in users},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RealmError(f"The realm file {path} is not one this issuer understands: {error!r}") from error


def _require_settings(document: dict[str, Any], clients: list[dict[str, Any]], users: list[dict[str, Any]]) -> None:
    # What is switched off may stay without its settings: the demo password where there are no demo users.
    rest = {key: value for key, value in document.items() if key not in ("clients", "users")}
    if missing := unresolved([rest, clients, users]):
        names = ", ".join(sorted(missing))
        raise RealmError(f"The realm needs these settings in the environment: {names}")


def _client(entry: dict[str, Any], scopes: dict[str, Any]) -> RealmClient:
    client_id = entry["clientId"]
    attributes = entry.get("attributes", {})
    grants = {grant for flag, grant in _GRANT_FLAGS.items() if _flag(entry, flag)}
    if _flag(entry, "implicitFlowEnabled"):
        raise ValueError(f"client {client_id}: the implicit flow is not offered")
    if "authorization_code" in grants and attributes.get("pkce.code.challenge.method") != "S256":
        raise ValueError(f"client {client_id}: authorization code without PKCE S256 is not offered")
    if attributes.get("access.token.header.type.rfc9068") != "true":
        raise ValueError(f"client {client_id}: access tokens are always of type at+jwt")
    if grants & {"authorization_code", "password"} and attributes.get("use.refresh.tokens", "true") == "true":
        grants.add("refresh_token")
    public = _flag(entry, "publicClient")
    if not public and not entry.get("secret"):
        raise ValueError(f"client {client_id}: a confidential client needs a secret")
    defaults = [scopes[name] for name in entry["defaultClientScopes"]]
    mapper_entries = [item for scope in defaults for item in scope["protocolMappers"]] + entry.get(
        "protocolMappers", []
    )
    shown = (scope["name"] for scope in defaults if scope["attributes"].get("include.in.token.scope") == "true")
    return RealmClient(
        client_id=client_id,
        name=entry["name"],
        secret=None if public else SecretHash.of(entry["secret"]),
        grants=frozenset(grants),
        redirect_uris=_uris(client_id, entry["redirectUris"]),
        post_logout_redirect_uris=_uris(client_id, attributes.get("post.logout.redirect.uris", "").split("##")),
        web_origins=_uris(client_id, entry["webOrigins"]),
        scopes=frozenset({"openid", *entry["defaultClientScopes"], *entry["optionalClientScopes"]}),
        shown_scopes=tuple(shown),
        mappers=tuple(_mapper(item) for item in mapper_entries),
    )


def _mapper(entry: dict[str, Any]) -> Mapper:
    kind = entry["protocolMapper"]
    if kind not in KINDS:
        raise ValueError(f"protocol mapper {entry['name']!r}: kind {kind} is not offered")
    return Mapper(entry["name"], kind, entry["config"])


def _user(entry: dict[str, Any], policy: str) -> RealmUser:
    attributes = {name: values[0] for name, values in entry.get("attributes", {}).items() if values}
    attributes |= {"username": entry["username"], "firstName": entry["firstName"]}
    passwords = [item["value"] for item in entry.get("credentials", []) if item["type"] == "password"]
    for password in passwords:
        _check_policy(entry["username"], password, policy)
    return RealmUser(
        user_id=entry["id"],
        username=entry["username"],
        attributes=attributes,
        roles=tuple(entry["realmRoles"]),
        password=PasswordHash.of(passwords[0]) if passwords else None,
        service_client_id=entry.get("serviceAccountClientId"),
    )


def _check_policy(username: str, password: str, policy: str) -> None:
    # Keycloak applies the policy while importing and then does not start: the same password must fail here too.
    shortest = re.search(r"\blength\((\d+)\)", policy)
    if shortest and len(password) < int(shortest[1]):
        raise RealmError(f"The password of {username} (IOC_DEMO_PASSWORD) needs at least {shortest[1]} characters")


def _uris(client_id: str, uris: list[str]) -> tuple[str, ...]:
    if any("*" in uri or uri == "+" for uri in uris):
        raise ValueError(f"client {client_id}: addresses are compared exactly, a wildcard is not offered")
    return tuple(uri for uri in uris if uri)


def _flag(entry: dict[str, Any], name: str) -> bool:
    # A placeholder makes a flag a string; Keycloak reads "true" and "false" too.
    value = entry.get(name, False)
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise ValueError(f"{name} is {value!r}, neither true nor false")


def _seconds(document: dict[str, Any], name: str) -> timedelta:
    return timedelta(seconds=int(document[name]))
