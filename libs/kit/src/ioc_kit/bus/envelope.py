"""CloudEvents 1.0 on NATS in binary mode: every attribute a `ce-` header, the proto message as data."""

from __future__ import annotations

import builtins
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from ioc_kit.errors import InvalidInput
from ioc_kit.telemetry import inject

CONTENT_TYPE = "application/protobuf"
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `data` is the serialised proto message that `type` names in full."""

    id: str
    type: str
    source: str
    subject: str
    tenant: str
    time: datetime
    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """All message headers, `traceparent` among them: what a consumer continues the trace from."""
    position: int = 0
    """Sequence in the stream it was read from; 0 before it is published."""

    def read(self, message: builtins.type[M]) -> M:
        """The data as `message`. Raises InvalidInput when the event is of another type or does not parse."""
        expected = message.DESCRIPTOR.full_name
        if self.type != expected:
            raise InvalidInput.field("ce-type", f"is {self.type!r}, expected {expected!r}")
        parsed = message()
        try:
            parsed.ParseFromString(self.data)
        except DecodeError as error:
            raise InvalidInput.field("data", f"does not parse as {expected}") from error
        return parsed


def new_event(
    message: Message, *, tenant: str, source: str, noun: str, verb: str, at: datetime, event_id: str | None = None
) -> Event:
    """An event of `source` (a service's name) about `message`, on `ioc.<tenant>.<source>.v1.<noun>.<verb>`.

    It carries the running span's trace on. The id is a new UUIDv4 unless given
    (give one to make a repeat the same event).
    """
    event_id = event_id or str(uuid.uuid4())
    subject = f"ioc.{tenant}.{source}.v1.{noun}.{verb}"
    kind = message.DESCRIPTOR.full_name
    headers = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": f"/ioc/{source}",
        "ce-type": kind,
        "ce-subject": f"{noun}.{verb}",
        "ce-time": at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "ce-datacontenttype": CONTENT_TYPE,
        "ce-tenant": tenant,
        "Nats-Msg-Id": event_id,
    }
    inject(headers)
    if "traceparent" in headers:
        headers["ce-traceparent"] = headers["traceparent"]
    return Event(event_id, kind, f"/ioc/{source}", subject, tenant, at, message.SerializeToString(), headers)


def from_message(subject: str, data: bytes, headers: Mapping[str, str] | None, position: int) -> Event:
    """Reads a message as an event: binary mode by its headers, structured mode by its content type.

    Raises InvalidInput when a required attribute is missing or the tenant is not the subject's.
    """
    found = {key.lower(): value for key, value in (headers or {}).items()}
    if found.get("content-type", "").startswith("application/cloudevents+json"):
        found, data = _structured(data, found)
    missing = [name for name in ("id", "source", "type", "specversion", "tenant", "time") if f"ce-{name}" not in found]
    if missing:
        raise InvalidInput.field(f"ce-{missing[0]}", "is missing: not a CloudEvent")
    tenant = found["ce-tenant"]
    if subject.split(".")[1:2] != [tenant]:
        raise InvalidInput.field("ce-tenant", f"is {tenant!r}, but the subject says {subject!r}")
    if "ce-traceparent" in found:
        found.setdefault("traceparent", found["ce-traceparent"])
    try:
        time = datetime.fromisoformat(found["ce-time"])
    except ValueError as error:
        raise InvalidInput.field("ce-time", "is not an RFC 3339 time") from error
    return Event(found["ce-id"], found["ce-type"], found["ce-source"], subject, tenant, time, data, found, position)


def _structured(data: bytes, headers: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    import base64

    try:
        document = json.loads(data)
        body = base64.b64decode(document.pop("data_base64"), validate=True)
        return {**headers, **{f"ce-{key}": str(value) for key, value in document.items()}}, body
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidInput.field("data_base64", "a structured CloudEvent must carry its proto message here") from error
