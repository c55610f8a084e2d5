"""Form and query parameters of OAuth requests: strict, so that nothing odd reaches the protocol code."""

import re
from urllib.parse import parse_qsl

from starlette.requests import Request

MOST_BYTES = 64 * 1024
_MOST_FIELDS = 64
_FREE_TEXT = frozenset({"username", "password", "client_secret", "login_hint"})
_VISIBLE = frozenset({"state", "nonce"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# RFC 6749, appendix A: VSCHAR for state; NQSCHAR for what Authlib may quote in an error description.
_VSCHAR = re.compile(r"[\x20-\x7e]*")
_NQSCHAR = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")


class MalformedRequest(Exception):
    """The request cannot be read as OAuth parameters; the text says what is wrong and quotes nothing of it."""


def parse_parameters(raw: bytes) -> dict[str, str]:
    """`application/x-www-form-urlencoded` bytes to parameters; empty ones count as absent (RFC 6749, 3.1).

    Raises MalformedRequest for bytes outside ASCII, broken UTF-8, repeated names, control characters, many fields.
    """
    if not raw:
        return {}
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            max_num_fields=_MOST_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise MalformedRequest("The parameters are not valid application/x-www-form-urlencoded UTF-8") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise MalformedRequest("A parameter is repeated")
    for name, value in pairs:
        _check_characters(name, value)
    return {name: value for name, value in pairs if value}


async def read_form(request: Request) -> dict[str, str]:
    """The parameters of a form post. Raises MalformedRequest, also for another media type or more than 64 KiB."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise MalformedRequest("The request body is too large")
    if body and media_type != "application/x-www-form-urlencoded":
        raise MalformedRequest("The request body must be application/x-www-form-urlencoded")
    return parse_parameters(bytes(body))


def read_query(request: Request) -> dict[str, str]:
    """The parameters of the address. Raises MalformedRequest."""
    raw: bytes = request.scope["query_string"]
    return parse_parameters(raw)


def _check_characters(name: str, value: str) -> None:
    if name in _FREE_TEXT:
        fits = not _CONTROL.search(value)
    else:
        fits = bool((_VSCHAR if name in _VISIBLE else _NQSCHAR).fullmatch(value))
    if not fits or not _NQSCHAR.fullmatch(name):
        raise MalformedRequest("A parameter contains characters that are not allowed in it")
