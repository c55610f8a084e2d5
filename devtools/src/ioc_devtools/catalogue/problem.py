"""What is wrong with a catalogue, said so that whoever edits the file can mend it without reading this code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: `file` below the catalogue, `line` from 1 (0: the whole file), `field` as a path, text, remedy."""

    file: str
    line: int
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return (
            f"{place}: {self.field}: {self.message}; {self.remedy}"
            if self.field
            else f"{place}: {self.message}; {self.remedy}"
        )


class CatalogueError(Exception):
    """The catalogue cannot be used; `problems` holds every mistake that was found, in order of file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        super().__init__(
            "\n".join([f"{count} mistake{'s' if count != 1 else ''} in the catalogue:", *map(str, self.problems)])
        )
