"""Why an embedded server does not run, in one sentence each that ends with the remedy."""

from __future__ import annotations

import shutil
from pathlib import Path


class EmbeddedError(Exception):
    """An embedded server cannot run; the text is one sentence for a person: what is wrong, and the remedy."""


class PortInUse(EmbeddedError):
    """Another program listens there."""

    def __init__(self, server: str, port: int) -> None:
        super().__init__(
            f"{server} cannot listen on 127.0.0.1:{port} because another program does: stop that program "
            f"(`ss -ltnp 'sport = :{port}'` names it) or choose another port."
        )
        self.port = port


class DiskFull(EmbeddedError):
    """The file system has no room."""

    def __init__(self, server: str, folder: Path) -> None:
        super().__init__(f"{server} has no room left on the disk of {folder}: free some space, then start again.")


class WrongVersion(EmbeddedError):
    """The folder was written by another major version."""

    def __init__(self, folder: Path, found: str, expected: str) -> None:
        super().__init__(
            f"the data in {folder} were written by PostgreSQL {found} and this is PostgreSQL {expected}: "
            f"export them with version {found}, or empty the folder to start anew."
        )


class FolderInUse(EmbeddedError):
    """Another running server owns the folder."""

    def __init__(self, server: str, folder: Path) -> None:
        super().__init__(f"another {server} is running on the data in {folder}: stop it, or choose another folder.")


class WrongOwner(EmbeddedError):
    """The folder belongs to somebody else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} belongs to another user: start as the user who made it, or choose another folder.")


class ServerFailed(EmbeddedError):
    """Anything else; the server's own last words are kept."""

    def __init__(self, server: str, last_words: str, log: Path) -> None:
        said = last_words.strip().splitlines()[-1:] or ["nothing"]
        super().__init__(f"{server} did not start and said {said[0]!r}: the whole story is in {log}.")


def require_room(server: str, folder: Path, at_least_mb: int) -> None:
    """Raises DiskFull when the file system of `folder` has less than that many MB free."""
    if shutil.disk_usage(folder).free < at_least_mb * 1_000_000:
        raise DiskFull(server, folder)


def explain(server: str, said: str, *, port: int, folder: Path, log: Path) -> EmbeddedError:
    """The error that a server's log tells of, by the words PostgreSQL 18 and nats-server 2.15 use."""
    text = said.lower()
    if "address already in use" in text:
        return PortInUse(server, port)
    if "no space left on device" in text:
        return DiskFull(server, folder)
    if 'lock file "postmaster.pid" already exists' in text:
        return FolderInUse(server, folder)
    if "wrong ownership" in text or "permission denied" in text:
        return WrongOwner(folder)
    return ServerFailed(server, said, log)
