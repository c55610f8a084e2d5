"""Text that came from outside, made safe to store and to show."""

from __future__ import annotations

import re

# C0 and C1 controls (NUL cannot be stored at all, escape sequences must not reach a terminal), lone surrogates
# (no UTF-8), and the marks that turn the direction of text and so can make a line read as another one.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
ELLIPSIS = "…"


def clean(text: object, limit: int) -> str:
    """`text` as one line of at most `limit` characters, unsafe ones replaced; an empty string for None."""
    if text is None:
        return ""
    raw = text if isinstance(text, str) else str(text)
    # Cut before the substitution: what is thrown away need not be cleaned.
    cleaned = " ".join(_UNSAFE.sub(" ", raw[: limit * 4 + 64]).split())
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + ELLIPSIS
