"""Text that callers send: refused when it carries control characters, which no code or name has."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from fastapi import Request
from pydantic import AfterValidator

from ioc_kit.errors import InvalidInput

PROBLEM = "holds a control character; send plain text"


def is_plain(text: str, *, may_break_lines: bool = False) -> bool:
    """True when the text holds no control character and no half of a surrogate pair."""
    allowed = "\n\r\t" if may_break_lines else ""
    return all(each in allowed or unicodedata.category(each) not in ("Cc", "Cs") for each in text)


async def only_plain_parameters(request: Request) -> None:
    """Refuses a request whose path or query carries control characters. Raises InvalidInput naming the parameter."""
    for name, value in (*request.path_params.items(), *request.query_params.multi_items()):
        if not is_plain(str(name)):
            raise InvalidInput.field("query", "a parameter's name " + PROBLEM)
        if not is_plain(str(value)):
            raise InvalidInput.field(str(name), PROBLEM)


def _plain(text: str) -> str:
    if not is_plain(text, may_break_lines=True):
        raise ValueError(PROBLEM)
    return text


PlainText = Annotated[str, AfterValidator(_plain)]
"""Text of a body; may break lines."""
