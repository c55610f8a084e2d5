"""One file of the catalogue, read with its line numbers: YAML 1.2's plain types only, no key twice."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ioc_devtools.catalogue.explain import explain, told
from ioc_devtools.catalogue.problem import Problem

M = TypeVar("M", bound=BaseModel)
Where = tuple[str | int, ...]


class _PlainLoader(yaml.SafeLoader):
    """Reads days as text (models make them days), and only `true` and `false` as booleans: `no` and `on` are words."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:value")
        or (tag == "tag:yaml.org,2002:bool" and first in "tTfF")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(slots=True)
class Document:
    """A file that was read: its data, the line of every place in it, and the problems found in it so far."""

    file: str
    data: Any = None
    lines: dict[Where, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, where: Where) -> int:
        """The line of the deepest part of `where` that the file has; a part that it does not have is passed over."""
        place: Where = ()
        for part in where:
            if (*place, part) in self.lines:
                place = (*place, part)
        return self.lines.get(place, 0)

    def report(self, where: Where, message: str, remedy: str) -> None:
        """Notes a problem at that place."""
        self.problems.append(Problem(self.file, self.line_of(where), ".".join(map(str, where)), message, remedy))

    def model(self, kind: type[M]) -> M | None:
        """The file as that model; None when something is wrong with it, which is then in `problems`."""
        if self.problems:
            return None
        try:
            # By way of JSON: strict there still means days and durations from text, and tuples from lists.
            return kind.model_validate_json(json.dumps(self.data))
        except ValidationError as error:
            for one in told(error):
                self.report(tuple(one["loc"]), *explain(one, kind))
            return None


def read_yaml(root: Path, file: str) -> Document:
    """Reads one YAML file below `root`; what cannot be read is in the document's problems."""
    document = Document(file)
    text = _text(root, document)
    if text is None:
        return document
    try:
        node = _PlainLoader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 0
        document.problems.append(
            Problem(file, line, "", f"not YAML: {error.problem}", "mend the line, or quote the text")
        )
        return document
    if node is None:
        document.report((), "the file is empty", "write its entries, or remove it")
        return document
    document.data = _value(node, (), document)
    return document


def read_rows(root: Path, file: str, kind: type[M]) -> tuple[Document, tuple[M, ...] | None]:
    """Reads one CSV file below `root` (lines that begin with # are comments) as rows of that model."""
    document = Document(file)
    text = _text(root, document)
    if text is None:
        return document, None
    kept = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line and not line.startswith("#")]
    rows: list[M] = []
    reader = csv.DictReader([line for _, line in kept])
    for index, cells in enumerate(reader):
        document.lines[(index,)] = kept[index + 1][0]
        if None in cells or None in cells.values():
            document.report(
                (index,), "the row has more or fewer cells than the header", "quote a cell that holds a comma"
            )
            continue
        try:
            rows.append(kind.model_validate({name: cell or None for name, cell in cells.items()}))
        except ValidationError as error:
            for one in told(error):
                document.report((index, *one["loc"]), *explain(one, kind))
    return document, None if document.problems else tuple(rows)


def _text(root: Path, document: Document) -> str | None:
    try:
        return (root / document.file).read_text(encoding="utf-8")
    except FileNotFoundError:
        document.report((), "the file is missing", "restore it: the catalogue needs it")
    except UnicodeDecodeError as error:
        document.report((), f"not UTF-8 at byte {error.start}", "save the file as UTF-8")
    return None


def _value(node: yaml.Node, where: Where, document: Document) -> Any:
    document.lines[where] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*where, index), document) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in found:
                line = key_node.start_mark.line + 1
                name = ".".join(map(str, (*where, key)))
                document.problems.append(Problem(document.file, line, name, "stands here twice", "keep one of the two"))
            found[key] = _value(value_node, (*where, key), document)
            document.lines[(*where, key)] = key_node.start_mark.line + 1
        return found
    return _PlainLoader("").construct_object(node)
