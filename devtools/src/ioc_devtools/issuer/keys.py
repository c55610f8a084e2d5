"""The signing key: made at the first start, kept in the state folder for its owner only."""

import contextlib
import json
import os
import secrets
from pathlib import Path

from joserfc.jwk import KeySet, RSAKey

from ioc_devtools.issuer.realm import RealmError

FILE_NAME = "signing-key.json"
ALGORITHM = "RS256"
"""Keycloak's default; the realm file says `defaultSignatureAlgorithm` RS256 too."""


def signing_keys(state: Path) -> KeySet:
    """The key set with the one private RSA key of this state folder, made when there is none yet.

    Raises RealmError when the folder cannot be used, or when the file is readable by others than its owner.
    """
    path = state / FILE_NAME
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise RealmError(f"{path} may be read by others: run chmod 600 on it, or delete it to get a new key")
        key = RSAKey.import_key(json.loads(path.read_text(encoding="ascii")))
    except (OSError, ValueError) as error:
        raise RealmError(f"The signing key {path} cannot be used ({error}): delete it to get a new one") from error
    return KeySet([key])


def _make(path: Path) -> None:
    key = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        json.dump(key.as_dict(private=True), stream)
    # A link appears whole or not at all, and never over the key of another process that started at the same moment.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
