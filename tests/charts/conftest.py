"""The charts as files, and as Helm renders them when Helm is there.

Helm is built by Go once (`devtools/charts/check.sh` leaves it in the cache), so tests that render run only where it is.
A run without it says so at its end; with `IOC_REQUIRE_CHARTS=1` (CI) it is a failure, not a skip.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("gateway", "registry", "ingest", "kpi", "alerts", "soc-bridge")
KUBERNETES = "1.34.4"
Objects = list[dict[str, Any]]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # From the reports, not from a variable: with pytest-xdist the tests ran in other processes.
    skipped = [each for each in terminalreporter.stats.get("skipped", []) if each.nodeid.startswith("tests/charts/")]
    if skipped:
        reason = str(skipped[0].longrepr[2]).removeprefix("Skipped: ")
        terminalreporter.write_line(f"Charts: {len(skipped)} tests were skipped: {reason}")


def _go_without(reason: str) -> NoReturn:
    if os.environ.get("IOC_REQUIRE_CHARTS") == "1":
        pytest.fail(f"IOC_REQUIRE_CHARTS=1, but: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def charts() -> Path:
    return ROOT / "helm"


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """Each service that has a chart."""
    return str(request.param)


@pytest.fixture
def values(charts: Path, service: str) -> dict[str, Any]:
    """The default values of the service's chart."""
    loaded: dict[str, Any] = yaml.safe_load((charts / service / "values.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def schema(charts: Path, service: str) -> dict[str, Any]:
    """The schema of those values."""
    loaded: dict[str, Any] = json.loads((charts / service / "values.schema.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """`helm("template", "ioc", ...)` in a copy of helm/ with its dependencies; RuntimeError with its words."""
    cache = Path(os.environ.get("IOC_CACHE", ROOT / ".cache"))
    beside = cache.absolute() / "bin" / "helm"
    found = str(beside) if beside.exists() else shutil.which("helm")
    if found is None:
        _go_without("Helm is not there; devtools/charts/check.sh builds it (needs Go)")
    folder = tmp_path_factory.mktemp("charts")
    copied = folder / "helm"
    shutil.copytree(ROOT / "helm", copied, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    homes = {f"HELM_{name}_HOME": str(folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [found, *arguments], cwd=copied, env={**os.environ, **homes}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout

    for chart in (*SERVICES, "ioc"):
        run("dependency", "build", chart)
    return run


@pytest.fixture(scope="session")
def render(helm: Callable[..., str]) -> Callable[..., Objects]:
    """`render("values-province.yaml", "--set", ...)`: the umbrella's objects, hooks too."""

    def rendered(profile: str, *arguments: str, release: str = "ioc") -> Objects:
        text = helm("template", release, "ioc", "--kube-version", KUBERNETES, "-f", f"ioc/{profile}", *arguments)
        return [each for each in yaml.safe_load_all(text) if each]

    return rendered


@pytest.fixture(scope="session", params=["values-province.yaml", "values-centre.yaml"])
def profile(request: pytest.FixtureRequest, render: Callable[..., Objects]) -> Objects:
    """The umbrella's objects in each profile."""
    return render(request.param)


@pytest.fixture
def of_kind() -> Callable[[Objects, str], dict[str, dict[str, Any]]]:
    """Objects of a kind by their name."""

    def chosen(objects: Objects, kind: str) -> dict[str, dict[str, Any]]:
        return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}

    return chosen
