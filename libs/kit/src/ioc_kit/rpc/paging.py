"""Pages by opaque token (AIP-158): the last row's sort key, so that pages stay right while rows come in."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ioc_kit.errors import InvalidInput

T = TypeVar("T")
DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and the token of the next page: empty on the last one."""

    items: Sequence[T]
    next_page_token: str = ""


def clamp_page_size(asked: int) -> int:
    """The page size to use: 0 means the default, more than the maximum is cut, negative is refused."""
    if asked < 0:
        raise InvalidInput.field("page_size", "must not be negative; 0 takes the default")
    return min(asked or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def encode_page_token(*key: str | int) -> str:
    """The token for `rows after this sort key`."""
    return base64.urlsafe_b64encode(json.dumps(key, ensure_ascii=False).encode()).decode().rstrip("=")


def decode_page_token(token: str, *kinds: type[str] | type[int]) -> tuple[str | int, ...] | None:
    """The sort key inside a token, checked against the kinds expected; None for the first page."""
    if not token:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        is_right = isinstance(key, list) and [type(part) for part in key] == list(kinds)
    except ValueError:
        is_right = False
    # NUL cannot be stored in PostgreSQL text, a huge integer in no column: a forged token must not reach either.
    if is_right and all("\x00" not in p if isinstance(p, str) else abs(p) < 2**63 for p in key):
        return tuple(key)
    raise InvalidInput.field("page_token", "is not one that this list handed out; start again without it")
