"""Passwords and client secrets as the running issuer keeps them: hashed, compared in constant time."""

import hashlib
import hmac
import os
from dataclasses import dataclass, field

# RFC 7914's cost for interactive log-ins is N = 2^14 (16 MiB a check); a quarter of it keeps the issuer small, and what
# is protected here is a demonstration password that lives for one run of the process.
_SCRYPT = {"n": 2**12, "r": 8, "p": 1}


@dataclass(frozen=True)
class PasswordHash:
    """A salted scrypt hash of a person's password."""

    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, password: str) -> "PasswordHash":
        salt = os.urandom(16)
        return cls(salt, _scrypt(password, salt))

    def matches(self, candidate: str) -> bool:
        """Whether the candidate is the password; takes the same time either way."""
        return hmac.compare_digest(self.digest, _scrypt(candidate, self.salt))


@dataclass(frozen=True)
class SecretHash:
    """A SHA-256 of a client secret; enough because client secrets are random, not chosen by people."""

    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> "SecretHash":
        return cls(hashlib.sha256(secret.encode()).digest())

    def matches(self, candidate: str) -> bool:
        """Whether the candidate is the secret; takes the same time either way."""
        return hmac.compare_digest(self.digest, hashlib.sha256(candidate.encode()).digest())


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, dklen=32, **_SCRYPT)


NOBODY = PasswordHash.of(os.urandom(16).hex())
"""Checked when the login is unknown or locked, so that the answer takes as long as for a real one."""
