"""Makes the environment: a venv with every pinned wheel (hashes checked) and the project's own packages in place.

Standard library only: it runs before anything is installed. Shows progress, and says in one sentence what is wrong.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("libs/kit", "libs/stubs", "services/*", "devtools")
NEEDED_BYTES = 2 * 1024**3
UV = "uv"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requirements", type=Path, required=True)
    arguments.add_argument("--stamp", type=Path, required=True)
    arguments.add_argument("--also-stamp", type=Path)
    options = arguments.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036  # whoever runs this may have any Python
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"Python {version} is too old: install Python 3.11 or newer, then `make PYTHON=python3.11 ...`")
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_BYTES:
        sys.exit(f"only {free // 1024**2} MB are free at {ROOT}: free up 2 GB, then try again")
    environment = ROOT / ".venv"
    started = time.monotonic()
    steps = [
        ("making the environment .venv", lambda: make_environment(environment)),
        (f"installing {options.requirements}", lambda: install(environment, options.requirements)),
        ("putting the project's packages in place", lambda: place_packages(environment)),
    ]
    for number, (text, step) in enumerate(steps, 1):
        print(f"[{number}/{len(steps)}] {text} ...", flush=True)
        step()
    for stamp in (options.stamp, options.also_stamp):
        if stamp:
            stamp.touch()
    print(f"ready in {time.monotonic() - started:.0f} s", flush=True)


def make_environment(environment: Path) -> None:
    """A venv of the Python that runs us, made anew when the old one is of another version; in it the pinned uv."""
    python = environment / "bin" / "python"
    if python.exists():
        same = subprocess.run([python, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True)
        if same.stdout.strip() != str(sys.version_info[:2]):
            shutil.rmtree(environment)
    if not python.exists():
        run([sys.executable, "-m", "venv", environment], "install your system's `python3-venv` package, then try again")
    if not (environment / "bin" / UV).exists():
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        run([*pip, "-r", ROOT / "requirements/uv.txt"], "check the connection to the package index (pip's settings)")


def install(environment: Path, requirements: Path) -> None:
    """Exactly the pinned wheels, hashes checked."""
    uv = environment / "bin" / UV
    command = [uv, "pip", "install", "--quiet", "--require-hashes", "--compile-bytecode", "-r", ROOT / requirements]
    run(command, "check the connection to the package index, then try again", environment)


def place_packages(environment: Path) -> None:
    """The project's packages, editable, without looking anything up."""
    uv = environment / "bin" / UV
    projects = sorted(project for pattern in PACKAGES for project in ROOT.glob(f"{pattern}/pyproject.toml"))
    editable = [part for project in projects for part in ("-e", project.parent)]
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", *editable]
    run(command, "this is a defect of the project: tell its maintainers", environment)


def run(command: list, remedy: str, environment: Path | None = None) -> None:
    variables = dict(os.environ, PYTHONDONTWRITEBYTECODE="")
    if environment is not None:
        variables["VIRTUAL_ENV"] = str(environment)
    result = subprocess.run([str(part) for part in command], env=variables, cwd=ROOT)
    if result.returncode != 0:
        sys.exit(f"this step failed (see above); {remedy}")


if __name__ == "__main__":
    main()
