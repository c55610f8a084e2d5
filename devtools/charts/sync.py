"""Writes what all charts share into each of them: the `global` block of values.yaml and the common part of the schema.

The block comes from helm/ioc/values.yaml, the common part from common.schema.json beside this file; what is a chart's
own (settings, secrets, door, migration) stays as it is. `--check` writes nothing and ends with status 1 when something
differs.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HELM = ROOT / "helm"
SERVICES = ("gateway", "registry", "ingest", "kpi", "alerts", "soc-bridge")
OWN = ("settings", "secrets", "door", "migration")
_GLOBAL = re.compile(r"^# Shared by all charts\..*?(?=^# ---)", re.DOTALL | re.MULTILINE)
"""From its heading to the ruler that ends it."""


def main(arguments: list[str]) -> int:
    """Brings the files up to date, or with `--check` names those that are not. Returns the exit status."""
    wanted = wanted_files()
    stale = [path for path, text in wanted.items() if path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} {'differs' if '--check' in arguments else 'written'}")
        if "--check" not in arguments:
            path.write_text(wanted[path], encoding="utf-8")
    if stale and "--check" in arguments:
        print("run: python devtools/charts/sync.py", file=sys.stderr)
        return 1
    return 0


def wanted_files() -> dict[Path, str]:
    """Every file that this script writes into, with the text that it should have."""
    common = json.loads((Path(__file__).parent / "common.schema.json").read_text(encoding="utf-8"))
    shared = _global_block(HELM / "ioc" / "values.yaml")
    files = {}
    for service in SERVICES:
        values = HELM / service / "values.yaml"
        files[values] = values.read_text(encoding="utf-8").replace(_global_block(values), shared)
        schema = HELM / service / "values.schema.json"
        files[schema] = _text(_service_schema(json.loads(schema.read_text(encoding="utf-8")), common))
    umbrella = HELM / "ioc" / "values.schema.json"
    files[umbrella] = _text(_umbrella_schema(json.loads(umbrella.read_text(encoding="utf-8")), common))
    return files


def _global_block(values: Path) -> str:
    found = _GLOBAL.search(values.read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit(f"{values.relative_to(ROOT)} has no block from '# Shared by all charts.' to '# ---'")
    return found.group()


def _service_schema(own: dict[str, dict[str, object]], common: dict[str, dict[str, object]]) -> dict[str, object]:
    names = list(common["properties"])
    properties = {name: own["properties"][name] if name in OWN else common["properties"][name] for name in names}
    # Helm hands a chart the values of its dependencies as well, those of a library chart too.
    return _schema(str(own["title"]), common, {**properties, "ioc-lib": {"type": "object"}}, names)


def _umbrella_schema(own: dict[str, dict[str, object]], common: dict[str, dict[str, object]]) -> dict[str, object]:
    properties = {**own["properties"], "global": common["properties"]["global"]}
    required = [name for name in properties if name != "ioc-lib"]
    return _schema(str(own["title"]), common, properties, required)


def _schema(
    title: str, common: dict[str, dict[str, object]], properties: dict[str, object], required: list[str]
) -> dict[str, object]:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
        "definitions": common["definitions"],
    }


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
