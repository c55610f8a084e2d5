"""What a door hands over: readable rows in columns, and what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ioc_ingest.domain.columns import Columns
from ioc_ingest.domain.refusal import Refusal


class Door(StrEnum):
    """Where readings come in."""

    GRPC = "grpc"
    FILE = "file"
    MQTT = "mqtt"


@dataclass(frozen=True, slots=True)
class Located:
    """Where a row stood in what was sent: its number there (from 1), that line or payload, and who sent it.

    `fields` are the sender's names for what the columns call `time_us`, `value` and so on.
    """

    row: int
    original: str
    origin: str = ""
    original_bytes: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)


Place = Callable[[int], Located]
"""From a row of the columns (from 0) to where it stood."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Parsed input: `columns` may be empty; `refusals` are readings that no rule of a contract can be tried on."""

    columns: Columns
    refusals: tuple[Refusal, ...] = ()
    place: Place | None = None
    """Set by doors whose rows are not numbered as the columns are."""
    wire: bytes = b""
    """The columns as they came, in the form that the log keeps: where all are accepted, nothing is built anew."""

    def numbered(self, refusals: Sequence[Refusal]) -> list[Refusal]:
        """The refusals of rows of `columns` with the numbers and originals that their sender knows."""
        if self.place is None:
            return list(refusals)
        found = []
        for refusal in refusals:
            at = self.place(refusal.row - 1)
            found.append(
                replace(
                    refusal,
                    row=at.row,
                    field=at.fields.get(refusal.field, refusal.field),
                    original=at.original or refusal.original,
                    origin=at.origin,
                    original_bytes=at.original_bytes,
                )
            )
        return found


def nothing() -> Columns:
    """Columns without rows."""
    return Columns.make((), (), (), ())
