"""The values of the charts as files: alike, explained, and closed to what nobody reads. Needs no Helm."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ORDER = [
    "global",
    "image",
    "replicas",
    "settings",
    "secrets",
    "door",
    "resources",
    "autoscaling",
    "disruptionBudget",
    "spread",
    "placement",
    "podAnnotations",
    "migration",
]
GLOBAL = {
    "publicUrl": "https://ioc.province.example",
    "oidc": {"issuer": "https://id.province.example/realms/ioc", "audience": "ioc-api"},
    "nats": {"url": "nats://nats:4222"},
}


@pytest.fixture
def complete(values: dict[str, Any]) -> dict[str, Any]:
    """The default values with the three addresses that have no default."""
    return {**values, "global": {**values["global"], **GLOBAL}}


def _open_objects(node: Any, path: str = "") -> list[str]:
    """Where a schema lets an object have any key (maps of texts aside, which the author has to fill)."""
    if isinstance(node, list):
        return [found for index, each in enumerate(node) for found in _open_objects(each, f"{path}/{index}")]
    if not isinstance(node, dict):
        return []
    here = [path] if node.get("type") == "object" and "additionalProperties" not in node else []
    return here + [found for key, each in node.items() for found in _open_objects(each, f"{path}/{key}")]


def _uncommented(text: str) -> list[str]:
    """Lines that begin a value without a comment right above."""
    lines = text.splitlines()
    bare = []
    for number, line in enumerate(lines):
        is_key = re.match(r"^( *)[A-Za-z][\w-]*:( |$)", line)
        above = lines[number - 1].strip() if number else ""
        if is_key and not above.startswith("#"):
            bare.append(line)
    return bare


def test_every_chart_has_the_same_keys_in_the_same_order(values: dict[str, Any], schema: dict[str, Any]) -> None:
    assert list(values) == ORDER
    assert [name for name in schema["properties"] if name != "ioc-lib"] == ORDER


def test_what_is_shared_is_the_same_in_every_chart() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, root / "devtools" / "charts" / "sync.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_value_is_explained(charts: Path, service: str) -> None:
    text = (charts / service / "values.yaml").read_text(encoding="utf-8")
    # A heading explains the group; the selectors of Kubernetes in a list of peers explain themselves.
    excused = re.compile(
        r"^ *(settings|secrets|image|oidc|nats|telemetry|podSelector|matchLabels|kubernetes\.io/.*|k8s-app):"
    )
    assert [line for line in _uncommented(text) if not excused.match(line)] == []


def test_a_schema_is_closed_everywhere(schema: dict[str, Any]) -> None:
    # Helm hands on the library's values, of which there are none; expressions of a selector are Kubernetes' to check.
    known = {"/properties/ioc-lib", "/definitions/labelSelector/properties/matchExpressions/items"}
    assert set(_open_objects(schema)) == known


def test_the_defaults_with_addresses_hold(complete: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator(schema).validate(complete)


def test_the_defaults_alone_are_refused_for_their_missing_addresses(
    values: dict[str, Any], schema: dict[str, Any]
) -> None:
    wrong = {"/".join(map(str, each.absolute_path)) for each in jsonschema.Draft7Validator(schema).iter_errors(values)}
    assert wrong == {"global/publicUrl", "global/oidc/issuer", "global/nats/url"}


@pytest.mark.parametrize(
    "path",
    [
        ("replica",),
        ("global", "publicURL"),
        ("global", "network", "redis"),
        ("image", "registry"),
        ("settings", "drainSecond"),
        ("secrets", "password"),
        ("door", "open"),
        ("resources", "requests", "processors"),
        ("placement", "affinity"),
        ("migration", "retry"),
    ],
    ids="/".join,
)
def test_a_key_that_nobody_reads_is_refused(
    path: tuple[str, ...], complete: dict[str, Any], schema: dict[str, Any]
) -> None:
    wrong = json.loads(json.dumps(complete))
    place = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = "anything"
    with pytest.raises(jsonschema.ValidationError, match=path[-1]):
        jsonschema.Draft7Validator(schema).validate(wrong)


def test_a_secret_can_be_named_but_not_written_down(complete: dict[str, Any], schema: dict[str, Any]) -> None:
    complete["secrets"] = {**complete["secrets"], "natsPassword": "open sesame"}
    with pytest.raises(jsonschema.ValidationError, match="open sesame"):
        jsonschema.Draft7Validator(schema).validate(complete)


def test_a_login_in_an_address_is_refused(complete: dict[str, Any], schema: dict[str, Any]) -> None:
    complete["global"]["nats"] = {"url": "nats://registry:secret@nats:4222"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(complete)


def test_a_template_file_is_one_object(charts: Path) -> None:
    for path in sorted(charts.glob("*/templates/*.yaml")):
        text = path.read_text(encoding="utf-8")
        assert len(re.findall(r'include "ioc-lib\.|^kind:', text, re.MULTILINE)) >= 1, path
        assert "\n---" not in text, path
        if path.parts[-3] != "ioc":
            assert re.fullmatch(r'\{\{- include "ioc-lib\.\w+" \. \}\}\n', text), path


def test_the_umbrella_takes_each_chart_from_the_folder_beside(charts: Path) -> None:
    about = yaml.safe_load((charts / "ioc" / "Chart.yaml").read_text(encoding="utf-8"))
    beside = {path.parent.name for path in charts.glob("*/Chart.yaml")} - {"ioc"}
    assert {each["repository"] for each in about["dependencies"]} == {f"file://../{name}" for name in beside}
