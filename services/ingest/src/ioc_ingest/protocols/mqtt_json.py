"""What a device says: `{"at": RFC 3339, "values": {measure: number}, "units": {measure: unit}}`, or a list of those."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ioc_ingest.domain.columns import Columns
from ioc_ingest.domain.contract import Contract, Thing, series_key
from ioc_ingest.domain.delivery import Delivery, nothing
from ioc_ingest.domain.refusal import MAX_ORIGINAL, Refusal, Rule, printable
from ioc_ingest.protocols.timestamps import RFC3339, moment_us

MAX_PAYLOAD_BYTES = 256 * 1024
EXPECTED = '{"at": "' + RFC3339 + '", "values": {"pm25_ugm3": 31.2}}'
_MAX_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class Binding:
    """What a device speaks for: the thing of its contract."""

    device_id: str
    tenant: str
    contract: Contract
    thing: Thing

    @property
    def dimensions(self) -> Mapping[str, str]:
        """Dimensions with one code only: nothing else can be meant by a device."""
        return {d.name: d.codes[0] for d in self.contract.dimensions if d.is_required and len(d.codes) == 1}


@dataclass(slots=True)
class _Found:
    """Rows as they are read."""

    places: dict[str, int] = field(default_factory=dict)
    index: list[int] = field(default_factory=list)
    time_us: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.index) + len(self.refusals)


def parse(payload: bytes, binding: Binding) -> Delivery:
    """The readings of one payload. Never raises for what a device sent: what cannot be read comes back as refusals.

    Units, when given, must be the contract's. A payload that is no JSON counts as one refused reading.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        facts = {"found": str(len(payload)), "expected": str(MAX_PAYLOAD_BYTES)}
        return _refused(payload, Rule.PAYLOAD_TOO_LARGE, "payload", facts)
    try:
        document = json.loads(payload.decode("utf-8"), parse_int=_integer)
    except (ValueError, RecursionError) as error:
        problem = "not UTF-8" if isinstance(error, UnicodeDecodeError) else f"not JSON ({_short(error)})"
        return _refused(payload, Rule.NOT_READABLE, "payload", {"problem": problem, "expected": EXPECTED})
    items = document if isinstance(document, list) else [document]
    if not items or len(items) > _MAX_ITEMS:
        problem = f"{len(items)} readings; send 1 to {_MAX_ITEMS}"
        return _refused(payload, Rule.NOT_READABLE, "payload", {"problem": problem, "expected": EXPECTED})
    found = _Found()
    for item in items:
        _read(item, binding, found)
    if not found.index:
        return Delivery(nothing(), tuple(found.refusals))
    columns = Columns.make(list(found.places), found.index, found.time_us, found.value)
    return Delivery(columns, tuple(found.refusals))


def refuse_unbound(payload: bytes, device_id: str) -> Delivery:
    """For a device that no contract binds: the whole payload is one refused reading."""
    return _refused(payload, Rule.DEVICE_NOT_BOUND, "topic", {"found": device_id})


def refuse_topic(payload: bytes, topic: str) -> Delivery:
    """For a message on a topic of the device's own that carries no readings."""
    facts = {"problem": f"topic {printable(topic)[:200]}", "expected": "dev/<tenant>/<device>/readings"}
    return _refused(payload, Rule.NOT_READABLE, "topic", facts)


def _read(item: Any, binding: Binding, found: _Found) -> None:
    values = item.get("values") if isinstance(item, dict) else None
    if not isinstance(values, dict) or not values:
        problem = "no object 'values' with at least one measure" if isinstance(item, dict) else "not an object"
        _refuse(found, Rule.NOT_READABLE, "values", {"problem": problem, "expected": EXPECTED}, item)
        return
    at = item.get("at")
    time_us = moment_us(at) if isinstance(at, str) else None
    units = item.get("units", {})
    for name, value in values.items():
        measure = binding.contract.measure_named(name)
        unit = units.get(name) if isinstance(units, dict) else units
        original = {"at": at, "values": {name: value}} | ({"units": {name: unit}} if unit is not None else {})
        if time_us is None:
            shown = "" if at is None else str(at)[:100]
            _refuse(found, Rule.TIME_NOT_READABLE, "at", {"found": shown, "expected": RFC3339}, original)
        elif measure is None:
            allowed = ", ".join(m.measure for m in binding.contract.measures)
            facts = {"found": name[:100], "expected": allowed}
            _refuse(found, Rule.MEASURE_UNKNOWN, f"values.{name[:100]}", facts, original)
        elif unit is not None and unit != measure.unit:
            facts = {"found": str(unit)[:100], "expected": measure.unit}
            _refuse(found, Rule.UNIT_WRONG, f"units.{name}", facts, original)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            facts = {"found": str(value)[:100]}
            _refuse(found, Rule.VALUE_NOT_READABLE, f"values.{name}", facts, original)
        else:
            key = series_key(binding.contract.source, name, binding.thing.area, binding.thing.thing, binding.dimensions)
            found.index.append(found.places.setdefault(key, len(found.places)))
            found.time_us.append(time_us)
            found.value.append(float(value))


def _integer(digits: str) -> float | int:
    # Longer ones are no measurement, and no float holds them.
    return int(digits) if len(digits) < 300 else float("inf")


def _refuse(found: _Found, rule: Rule, name: str, facts: Mapping[str, str], original: Any) -> None:
    text = json.dumps(original, ensure_ascii=False, default=str)[:MAX_ORIGINAL]
    found.refusals.append(Refusal(found.count + 1, rule, printable(name), _clean(facts), printable(text)))


def _refused(payload: bytes, rule: Rule, name: str, facts: Mapping[str, str]) -> Delivery:
    text = printable(payload[:MAX_ORIGINAL].decode("utf-8", "backslashreplace"))[:MAX_ORIGINAL]
    return Delivery(nothing(), (Refusal(1, rule, name, facts, text, original_bytes=len(payload)),))


def _clean(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: printable(text) for name, text in facts.items()}


def _short(error: BaseException) -> str:
    return str(error)[:100] or type(error).__name__
