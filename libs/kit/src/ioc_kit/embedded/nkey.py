"""The key pair that signs what the auth callout answers. NATS trusts its public half, named in the configuration."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import nkeys


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """An account nkey: `seed` (S...) is secret and belongs to the callout alone, `public` (A...) to the server."""

    seed: str
    public: str

    @classmethod
    def from_seed(cls, seed: str) -> Self:
        """The pair of a seed. Raises nkeys.ErrInvalidSeed when it is none."""
        return cls(seed, nkeys.from_seed(seed.encode()).public_key.decode())

    def __repr__(self) -> str:
        return f"IssuerKey(public={self.public!r})"


def new_issuer_key() -> IssuerKey:
    """A fresh random pair."""
    seed: bytes = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_ACCOUNT)
    return IssuerKey.from_seed(seed.decode())


def kept_issuer_key(path: Path) -> IssuerKey:
    """The pair whose seed is in the file, which is made (mode 0600) the first time."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(new_issuer_key().seed)
    return IssuerKey.from_seed(path.read_text(encoding="ascii").strip())
