"""Many rows in one statement with one parameter: a JSON array that PostgreSQL turns into rows.

SQLAlchemy's `values([...])` compiles a statement of its own for every number of rows, which for a thousand rows takes
longer than the server takes to insert them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_CHUNK = 5000


async def insert_rows(
    session: AsyncSession,
    table: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    *,
    on_conflict: str = "",
) -> None:
    """Inserts `rows`, in order; `columns` are names with their PostgreSQL types, `on_conflict` ends the statement."""
    names = ", ".join(columns)
    shape = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    statement = text(
        f"INSERT INTO {table} ({names}) SELECT {names} "  # noqa: S608  # constants of this package
        f"FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given ({shape}) {on_conflict}"
    )
    for start in range(0, len(rows), _CHUNK):
        await session.execute(statement, {"rows": json.dumps(rows[start : start + _CHUNK], default=_plain)})


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not go into a row")
