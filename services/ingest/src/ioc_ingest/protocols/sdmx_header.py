"""The header of an SDMX-CSV 2.0 file, and which contract it fits."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ioc_ingest.domain.contract import Contract
from ioc_ingest.domain.errors import FileUnreadable
from ioc_ingest.protocols.file_text import Lines

STRUCTURE, STRUCTURE_ID, ACTION = "STRUCTURE", "STRUCTURE_ID", "ACTION"
_LEADING = (STRUCTURE, STRUCTURE_ID, ACTION)
_MAX_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file by name, what the contract makes of them, and the contract."""

    columns: tuple[str, ...]
    contract: Contract
    roles: Mapping[str, str]
    """`area`, `measure`, `thing`, `unit`, `quality` or a dimension's name to the column that holds it."""
    time: str
    value: str

    @property
    def coded(self) -> tuple[str, ...]:
        """Columns with codes: everything used but time and value."""
        mapped = {column for role, column in self.roles.items() if role not in ("time", "value")}
        constants = {column for column in self.contract.constants if column in self.columns}
        return tuple(column for column in self.columns if column in mapped | constants | {ACTION})

    @property
    def used(self) -> tuple[str, ...]:
        """Columns that are read; attributes of which the contract says nothing are left alone."""
        return (*self.coded, self.time, self.value)


def read_header(lines: Lines, contracts: Sequence[Contract]) -> Header:
    """The header of the first line. Raises FileUnreadable that says what is expected."""
    columns = _columns(lines.text(1))
    fits = [contract for contract in contracts if not _missing(contract, columns)]
    if not fits:
        missing = _missing(contracts[0], columns)
        expected = ",".join((*_LEADING, *(c for c in contracts[0].columns if c not in _LEADING)))
        raise FileUnreadable("line 1", f"the header lacks {', '.join(missing)}; expected {expected}")
    contract = fits[0]
    roles = {role: column for column, role in contract.columns.items()}
    return Header(columns, contract, roles, roles["time"], roles["value"])


def _columns(line: str) -> tuple[str, ...]:
    for separator, name in ((";", "a semicolon"), ("\\t", "a tab"), ("|", "a bar")):
        if line.count(separator) > line.count(","):
            raise FileUnreadable(
                "line 1", f"its columns are separated by {name}; export it with a comma, and a point in numbers"
            )
    cells = next(csv.reader([line]), [])
    # `REF_AREA:Reference area` is the form with labels; `STRUCTURE[;]` names a separator inside cells.
    columns = tuple(cell.strip().split(":", 1)[0].split("[", 1)[0] for cell in cells)
    if columns[:2] != _LEADING[:2] or ACTION not in columns[:3]:
        raise FileUnreadable(
            "line 1", f"the header must begin with {','.join(_LEADING)}, as SDMX-CSV 2.0 does; it is {line[:100]!r}"
        )
    if len(columns) > _MAX_COLUMNS:
        raise FileUnreadable("line 1", f"the header has {len(columns)} columns; at most {_MAX_COLUMNS} are taken")
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice or "" in columns:
        problem = f"names {', '.join(twice)} twice" if twice and twice != [""] else "has a column without a name"
        raise FileUnreadable("line 1", f"the header {problem}")
    return columns


def _missing(contract: Contract, columns: Sequence[str]) -> list[str]:
    """Columns that the contract maps and the header has not; a constant column must stand there too."""
    wanted = [*contract.columns, *(column for column in contract.constants if column not in _LEADING)]
    missing = [column for column in wanted if column not in columns]
    roles = set(contract.columns.values())
    return missing + [f"(the contract maps no {role})" for role in ("time", "value") if role not in roles]
