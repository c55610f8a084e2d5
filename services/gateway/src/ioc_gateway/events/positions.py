"""Ids of events as front ends see them: where each stream of the log was read to, e.g. `A123-K456`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_ID = re.compile(r"[A-Z][0-9]{1,18}(-[A-Z][0-9]{1,18}){0,7}")


def encode(positions: Mapping[str, int]) -> str:
    """The id that says `read up to here` for each stream, by its letter."""
    return "-".join(f"{letter}{positions[letter]}" for letter in sorted(positions))


def decode(event_id: str | None, letters: Iterable[str]) -> dict[str, int] | None:
    """The positions in an id, for the streams asked. None when it is not one of ours or lacks a stream."""
    if not event_id or not _ID.fullmatch(event_id):
        return None
    found = {part[0]: int(part[1:]) for part in event_id.split("-")}
    wanted = set(letters)
    return {letter: found[letter] for letter in wanted} if wanted <= set(found) else None
