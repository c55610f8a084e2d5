"""Makes JSON schemas for kubeconform from Kubernetes' own OpenAPI document.

    python k8s_schemas.py SWAGGER_JSON FOLDER

The document is `api/openapi-spec/swagger.json` of the Go module k8s.io/kubernetes, so no download but the module's is
needed. One self-contained file per kind, `<kind>-<group>-<version>.json`; every object is closed, so that a field that
Kubernetes does not know is an error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_PREFIX = "#/definitions/"
_OPEN = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
}
"""What the document calls a string although the server takes a number too."""


def main(swagger: Path, folder: Path) -> int:
    """Writes the schemas into the folder; returns how many."""
    definitions: dict[str, Any] = json.loads(swagger.read_text(encoding="utf-8"))["definitions"]
    closed = {name: _closed(_OPEN.get(name, definition)) for name, definition in definitions.items()}
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", []):
            # Options of deletions and the like stand in every group; they are no objects of a cluster.
            if "metadata" not in definition.get("properties", {}):
                continue
            (folder / _file_name(kind)).write_text(json.dumps(_document(name, kind, closed)), encoding="utf-8")
            written += 1
    return written


def _document(name: str, kind: dict[str, str], closed: dict[str, Any]) -> dict[str, Any]:
    """The schema of one kind with all definitions that it reaches."""
    root = dict(closed[name])
    api_version = "/".join(part for part in (kind["group"], kind["version"]) if part)
    root["properties"] = {
        **root["properties"],
        "apiVersion": {"type": "string", "enum": [api_version]},
        "kind": {"type": "string", "enum": [kind["kind"]]},
    }
    root["required"] = sorted({*root.get("required", []), "apiVersion", "kind"})
    reached: dict[str, Any] = {}
    waiting = _references(root)
    while waiting:
        each = waiting.pop()
        if each not in reached:
            reached[each] = closed[each]
            waiting |= _references(closed[each])
    return {"$schema": "http://json-schema.org/draft-07/schema#", **root, "definitions": reached}


def _closed(node: Any) -> Any:
    """The schema with closed objects, without prose and without what is not JSON Schema."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            result[key] = {name: _closed(each) for name, each in value.items()}
        elif key not in ("description", "format", "default") and not key.startswith("x-kubernetes"):
            result[key] = _closed(value)
    if "properties" in result and "additionalProperties" not in result:
        result["additionalProperties"] = False
    return result


def _references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_references, node))
    if not isinstance(node, dict):
        return set()
    if isinstance(reference := node.get("$ref"), str):
        return {reference.removeprefix(_PREFIX)}
    return set().union(*map(_references, node.values()))


def _file_name(kind: dict[str, str]) -> str:
    group = kind["group"].split(".")[0]
    return "-".join(part for part in (kind["kind"].lower(), group, kind["version"]) if part) + ".json"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(f"{main(Path(sys.argv[1]), Path(sys.argv[2]))} schemas")
