"""Reading the realm: placeholders as Keycloak fills them, and refusal of what this issuer does not do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ioc_devtools.issuer.launch import REALM_FILE, development_settings
from ioc_devtools.issuer.placeholders import substitute, unresolved
from ioc_devtools.issuer.realm import RealmError
from ioc_devtools.issuer.realm_file import load_realm

CONSOLE = "https://ioc.example"

Change = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${IOC_A}", "x"),
        ("${IOC_B:false}", "false"),
        ("${IOC_A:false}", "x"),
        ("${IOC_B:}", ""),
        ("${IOC_B}", "${IOC_B}"),
        ("${IOC_A}/${IOC_A}", "x/x"),
        ("${client_admin-cli}", "${client_admin-cli}"),
        ("plain", "plain"),
    ],
)
def test_a_placeholder_is_filled_as_keycloak_does(text: str, filled: str) -> None:
    assert substitute({"key": [text, 1, None]}, {"IOC_A": "x"}) == {"key": [filled, 1, None]}


def test_only_our_own_names_count_as_missing() -> None:
    assert unresolved(["${IOC_B}", {"a": "${client_admin-cli}"}, "${IOC_C:x}-${IOC_D}"]) == {"IOC_B", "IOC_C", "IOC_D"}


def test_the_shipped_realm_loads_with_the_console_at_the_public_address() -> None:
    realm = load_realm(REALM_FILE, development_settings(CONSOLE + "/"))
    assert realm.clients["ioc-console"].redirect_uris == (f"{CONSOLE}/",)
    assert realm.web_origins() == (CONSOLE,)
    assert "admin-cli" not in realm.clients


def _wildcard(realm: dict[str, Any]) -> None:
    realm["clients"][0]["redirectUris"] = ["http://127.0.0.1:8080/*"]


def _no_pkce(realm: dict[str, Any]) -> None:
    del realm["clients"][0]["attributes"]["pkce.code.challenge.method"]


def _unknown_mapper(realm: dict[str, Any]) -> None:
    realm["clientScopes"][0]["protocolMappers"][0]["protocolMapper"] = "oidc-script-based-protocol-mapper"


def _no_type(realm: dict[str, Any]) -> None:
    realm["clients"][0]["attributes"] = {"pkce.code.challenge.method": "S256"}


def _odd_flag(realm: dict[str, Any]) -> None:
    realm["clients"][0]["enabled"] = "perhaps"


def _no_lifetime(realm: dict[str, Any]) -> None:
    del realm["accessTokenLifespan"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_wildcard, "wildcard"),
        (_no_pkce, "PKCE"),
        (_unknown_mapper, "oidc-script-based-protocol-mapper"),
        (_no_type, "at\\+jwt"),
        (_odd_flag, "perhaps"),
        (_no_lifetime, "accessTokenLifespan"),
    ],
)
def test_what_it_does_not_do_as_keycloak_does_is_refused(tmp_path: Path, change: Change, said: str) -> None:
    document = json.loads(REALM_FILE.read_text(encoding="utf-8"))
    change(document)
    path = tmp_path / "realm.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(RealmError, match=said):
        load_realm(path, development_settings(CONSOLE))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"clients": 1}', "\ufeff{}"])
def test_a_file_that_is_no_realm_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "realm.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RealmError):
        load_realm(path, {})


def test_a_realm_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RealmError, match="cannot be read"):
        load_realm(tmp_path / "none.json", {})
