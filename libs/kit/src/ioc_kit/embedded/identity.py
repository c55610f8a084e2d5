"""The user that a server runs as when this process is root: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from ioc_kit.embedded.errors import EmbeddedError
from ioc_kit.embedded.launch import reaching_capability


@dataclass(frozen=True, slots=True)
class Identity:
    """A user to become. `needs_reach`: some folder on the way to its files is closed to it (see launch.py)."""

    uid: int
    gid: int
    needs_reach: bool = False


def choose_identity(user: str, data: Path, *files: Path) -> Identity | None:
    """None unless this process is root; otherwise the owner of `data`, or `user` when root owns it or it is not there.

    Raises EmbeddedError when the user does not exist, or cannot come to its files in any way.
    """
    if os.geteuid() != 0:
        return None
    uid = data.stat().st_uid if data.exists() else 0
    try:
        entry = pwd.getpwuid(uid) if uid else pwd.getpwnam(user)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root and there is no user {uid or user!r} to run it as: "
            "create that user (`useradd --system`), or start as an ordinary user."
        ) from None
    closed = _first_closed_folder(entry.pw_uid, entry.pw_gid, data, *files)
    if closed is None:
        return Identity(entry.pw_uid, entry.pw_gid)
    if sys.platform != "linux" or reaching_capability() is None:
        raise EmbeddedError(
            f"PostgreSQL runs as user {entry.pw_name!r}, who may not enter {closed}: "
            f"open it (`chmod o+x {closed}`), move the files elsewhere, or start as an ordinary user."
        )
    return Identity(entry.pw_uid, entry.pw_gid, needs_reach=True)


def _first_closed_folder(uid: int, gid: int, *paths: Path) -> Path | None:
    folders = {folder for path in paths for folder in path.absolute().parents}
    for folder in sorted(folders):
        if not folder.exists():
            continue
        status = folder.stat()
        if status.st_uid == uid:
            needed = stat.S_IXUSR
        elif status.st_gid == gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            return folder
    return None
