"""Protos to plain values and back: one rule for every message, so that REST, events and TAXII never differ.

Names stay as in the proto. An enum value becomes its name in lower case with dashes, without the prefix; unset
messages, unset optional fields, empty texts and UNSPECIFIED become None; a span becomes `<name>_seconds`; bytes become
hex when the name ends in `_sha256`, else base64 under `<name>_base64`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.type.v1 import text_pb2
from ioc_kit.errors import InvalidInput

Convert = Callable[[Any], Any]
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Moments outside these are mistakes, and some would not survive a change of time zone."""


def rendered(message: Message) -> dict[str, Any]:
    """The message as a dictionary of plain values; times stay aware datetimes."""
    shown: dict[str, Any] = {}
    for field, name, convert in _plan(message.DESCRIPTOR):
        value = getattr(message, field.name)
        if _is_map(field):
            shown[name] = {key: convert(item) for key, item in value.items()}
        elif field.is_repeated:
            shown[name] = [convert(item) for item in value]
        elif field.has_presence and not message.HasField(field.name):
            shown[name] = None
        else:
            shown[name] = convert(value)
    return shown


def rendered_names(descriptor: Descriptor) -> frozenset[str]:
    """The keys that `rendered` gives for messages of this kind."""
    return frozenset(name for _, name, _ in _plan(descriptor))


def enum_number(descriptor: EnumDescriptor, word: str) -> int:
    """The number of the enum value that is shown as `word`. Raises KeyError for another word."""
    return int(descriptor.values_by_name[_prefix(descriptor) + word.upper().replace("-", "_")].number)


def to_timestamp(moment: datetime | None, field: str) -> Timestamp | None:
    """The moment as a proto; None stays None. Raises InvalidInput outside 1970 to 2200."""
    if moment is None:
        return None
    if not EARLIEST <= moment <= LATEST:
        raise InvalidInput.field(field, "must lie between the years 1970 and 2200")
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC))
    return stamp


@lru_cache(maxsize=256)
def _plan(descriptor: Descriptor) -> tuple[tuple[FieldDescriptor, str, Convert], ...]:
    return tuple((field, _name(field), _convert(field)) for field in descriptor.fields)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _name(field: FieldDescriptor) -> str:
    if field.message_type is not None and field.message_type.full_name == Duration.DESCRIPTOR.full_name:
        return f"{field.name}_seconds"
    if field.type == FieldDescriptor.TYPE_BYTES and not field.name.endswith("_sha256"):
        return f"{field.name}_base64"
    return str(field.name)


def _convert(field: FieldDescriptor) -> Convert:
    if field.message_type is not None and _is_map(field):
        return _convert(field.message_type.fields_by_name["value"])
    if field.message_type is not None:
        known: dict[str, Convert] = {
            Timestamp.DESCRIPTOR.full_name: lambda stamp: stamp.ToDatetime(tzinfo=UTC),
            Duration.DESCRIPTOR.full_name: lambda span: span.seconds + span.nanos / 1e9,
            text_pb2.LocalizedText.DESCRIPTOR.full_name: _text,
        }
        return known.get(field.message_type.full_name, rendered)
    if field.enum_type is not None:
        return _word(field.enum_type)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return (
            (lambda raw: raw.hex()) if field.name.endswith("_sha256") else (lambda raw: base64.b64encode(raw).decode())
        )
    return lambda value: value


def _text(text: text_pb2.LocalizedText) -> dict[str, str] | None:
    return {"vi": text.vi, "en": text.en} if text.vi or text.en else None


def _word(descriptor: EnumDescriptor) -> Convert:
    prefix = _prefix(descriptor)
    words = {
        value.number: None if value.number == 0 else value.name.removeprefix(prefix).lower().replace("_", "-")
        for value in descriptor.values
    }
    return words.get


def _prefix(descriptor: EnumDescriptor) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", descriptor.name).upper() + "_"
