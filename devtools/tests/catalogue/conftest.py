"""The shipped catalogue, and a copy of it to make mistakes in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ioc_devtools.catalogue import Catalogue, CatalogueError, Problem, load

SHIPPED = Path(__file__).parents[3] / "catalog"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The catalogue that the repository ships."""
    return load(SHIPPED)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue that a test may spoil."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "catalog"))


@pytest.fixture
def spoil(copy: Path) -> Callable[[str, str, str], None]:
    """Replaces text in one file of the copy; the text has to be there, or the test would prove nothing."""

    def replace(file: str, old: str, new: str) -> None:
        path = copy / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace


@pytest.fixture
def problems(copy: Path) -> Callable[[], tuple[Problem, ...]]:
    """Loads the copy and gives the problems; no problem is a failure."""

    def found() -> tuple[Problem, ...]:
        with pytest.raises(CatalogueError) as caught:
            load(copy)
        return caught.value.problems

    return found
