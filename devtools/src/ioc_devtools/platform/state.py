"""The one folder that holds everything an embedded platform keeps: data, secrets, logs, and what runs now."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

DEFAULT_FOLDER = ".ioc"
MINIMUM_FREE_BYTES = 1024**3


class CannotRun(Exception):
    """The platform cannot start or answer; the text is one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class RunningPart:
    """A part as it was started: its name, process and public address."""

    name: str
    pid: int
    address: str


@dataclass(frozen=True, slots=True)
class Run:
    """What a running platform wrote down for `ioc status`, `ioc token` and the tests."""

    supervisor_pid: int
    public_url: str
    issuer: str
    addresses: dict[str, str]
    parts: list[RunningPart]


class StateFolder:
    """The folder and the files in it. Secrets are readable by their owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def default(cls) -> StateFolder:
        """`IOC_STATE`, or `.ioc` in the working directory."""
        return cls(Path(os.environ.get("IOC_STATE", DEFAULT_FOLDER)).absolute())

    def prepare(self) -> None:
        """Makes the folder. Raises CannotRun when there is no room or no right to write."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # The database runs as another user when we are root: it must be able to pass through, not to read.
            self.path.chmod(0o711)
            free = shutil.disk_usage(self.path).free
        except OSError as error:
            raise CannotRun(
                f"cannot write to {self.path}: {error.strerror}; set IOC_STATE to a folder you own"
            ) from error
        if free < MINIMUM_FREE_BYTES:
            raise CannotRun(
                f"only {free // 1024**2} MB are free at {self.path}; free up 1 GB, or set IOC_STATE to another disk"
            )

    def folder(self, name: str) -> Path:
        """A folder of one part, made when missing."""
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def secret(self, name: str) -> str:
        """A secret of this installation, made at first use and kept."""
        file = self.path / "secrets.json"
        known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        if name not in known:
            # No punctuation: it is copied by hand, and goes into URLs.
            known[name] = secrets.token_hex(8) if name == "IOC_DEMO_PASSWORD" else secrets.token_hex(24)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                json.dump(known, stream, indent=1)
        return known[name]

    def write_run(self, run: Run) -> None:
        """Writes down what runs now."""
        temporary = self.path / "run.json.new"
        temporary.write_text(json.dumps(asdict(run), indent=1))
        temporary.replace(self.path / "run.json")

    def forget_run(self) -> None:
        """Says that nothing runs any more."""
        (self.path / "run.json").unlink(missing_ok=True)

    def run(self) -> Run:
        """What runs now. Raises CannotRun when nothing does."""
        try:
            document = json.loads((self.path / "run.json").read_text())
        except (OSError, ValueError) as error:
            raise CannotRun(f"no platform runs from {self.path}; start one with `ioc up`") from error
        parts = [RunningPart(**part) for part in document.pop("parts")]
        run = Run(**document, parts=parts)
        if not is_alive(run.supervisor_pid):
            raise CannotRun(f"the platform of {self.path} has stopped; start it with `ioc up`")
        return run

    def reset(self) -> None:
        """Empties the folder. Raises CannotRun while a platform runs from it."""
        try:
            run = self.run()
        except CannotRun:
            shutil.rmtree(self.path, ignore_errors=False) if self.path.exists() else None
            return
        raise CannotRun(f"a platform runs from {self.path} (process {run.supervisor_pid}); stop it with Ctrl-C first")


def is_alive(pid: int) -> bool:
    """True while a process of that id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
