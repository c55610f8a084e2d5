"""Chance that comes out the same for the same seed: a number is a function of names, not of the order of asking."""

from __future__ import annotations

from hashlib import blake2b


def unit(*names: object) -> float:
    """A number in [0, 1) that belongs to these names."""
    digest = blake2b("/".join(map(str, names)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def swing(*names: object) -> float:
    """A number in [-1, 1) that belongs to these names."""
    return 2.0 * unit(*names) - 1.0


def drift(minute: int, span_minutes: int, *names: object) -> float:
    """A number in [-1, 1) that wanders: it is met anew every `span_minutes`, and straight in between."""
    before, within = divmod(minute, span_minutes)
    start, end = swing(*names, before), swing(*names, before + 1)
    return start + (end - start) * within / span_minutes
