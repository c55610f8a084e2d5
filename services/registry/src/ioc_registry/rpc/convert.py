"""Domain to proto and back; both directions are round-trip tested."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.registry.v1 import contract_pb2, device_pb2, place_pb2, source_pb2
from ioc.type.v1 import period_pb2, text_pb2
from ioc_kit.errors import InvalidInput
from ioc_registry.domain.contract import Contract, Dimension, Measure, Mode, PeriodKind, Thing
from ioc_registry.domain.device import Device, DeviceState
from ioc_registry.domain.place import Agency, Area, Tenant
from ioc_registry.domain.series import Series
from ioc_registry.domain.source import Readiness, Source, Step, StepState
from ioc_registry.domain.text import Citation, LocalizedText

E = TypeVar("E", Mode, PeriodKind, StepState, DeviceState)
_STEP = {state: source_pb2.StepState.Value(f"STEP_STATE_{state.name}") for state in StepState}
_MODE = {mode: contract_pb2.ContractMode.Value(f"CONTRACT_MODE_{mode.name}") for mode in Mode}
_DEVICE = {state: device_pb2.DeviceState.Value(f"DEVICE_STATE_{state.name}") for state in DeviceState}
_PERIOD = {kind: period_pb2.PeriodKind.Value(f"PERIOD_KIND_{kind.name}") for kind in PeriodKind}


def day_to_text(day: date | None) -> str:
    """`YYYY-MM-DD`, or an empty text."""
    return day.isoformat() if day is not None else ""


def day_from_text(text: str, field: str) -> date | None:
    """The day, None for an empty text. Raises InvalidInput that names the field."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput.field(field, f"{text!r} is not a day like 2025-07-01") from error


def moment_to_proto(moment: datetime | None) -> Timestamp | None:
    """A timestamp, or None for none."""
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def text_to_proto(text: LocalizedText) -> text_pb2.LocalizedText:
    return text_pb2.LocalizedText(vi=text.vi, en=text.en)


def text_from_proto(message: text_pb2.LocalizedText) -> LocalizedText:
    return LocalizedText(message.vi, message.en)


def citation_to_proto(citation: Citation) -> text_pb2.Citation:
    name = f"VERIFICATION_{citation.verification.upper().replace('-', '_')}"
    return text_pb2.Citation(
        instrument=citation.instrument,
        article=citation.article,
        issued_on=day_to_text(citation.issued_on),
        text=citation.text,
        verification=text_pb2.Verification.Value(name),
    )


def citation_from_proto(message: text_pb2.Citation) -> Citation:
    name = text_pb2.Verification.Name(message.verification).removeprefix("VERIFICATION_").lower().replace("_", "-")
    return Citation(
        message.instrument,
        message.article,
        day_from_text(message.issued_on, "citation.issued_on"),
        message.text,
        "unverified" if name == "unspecified" else name,
    )


def tenant_to_proto(tenant: Tenant) -> place_pb2.Tenant:
    return place_pb2.Tenant(
        tenant=tenant.tenant,
        name=text_to_proto(tenant.name),
        parent=tenant.parent,
        areas=tenant.areas,
        valid_from=day_to_text(tenant.valid_from),
        valid_to=day_to_text(tenant.valid_to),
    )


def tenant_from_proto(message: place_pb2.Tenant) -> Tenant:
    return Tenant(
        _code(message.tenant, "tenant"),
        text_from_proto(message.name),
        message.parent,
        tuple(message.areas),
        day_from_text(message.valid_from, "valid_from"),
        day_from_text(message.valid_to, "valid_to"),
    )


def area_to_proto(area: Area) -> place_pb2.Area:
    return place_pb2.Area(
        code=area.code,
        name=text_to_proto(area.name),
        kind=area.kind,
        parent=area.parent,
        centre_lon=area.centre_lon,
        centre_lat=area.centre_lat,
        area_km2=area.area_km2,
        population=area.population,
        valid_from=day_to_text(area.valid_from),
        valid_to=day_to_text(area.valid_to),
        predecessors=area.predecessors,
        successors=area.successors,
    )


def area_from_proto(message: place_pb2.Area) -> Area:
    return Area(
        _code(message.code, "area"),
        text_from_proto(message.name),
        message.kind,
        message.parent,
        message.centre_lon if message.HasField("centre_lon") else None,
        message.centre_lat if message.HasField("centre_lat") else None,
        message.area_km2 if message.HasField("area_km2") else None,
        message.population if message.HasField("population") else None,
        day_from_text(message.valid_from, "valid_from"),
        day_from_text(message.valid_to, "valid_to"),
        tuple(message.predecessors),
        tuple(message.successors),
    )


def agency_to_proto(agency: Agency) -> place_pb2.Agency:
    return place_pb2.Agency(
        code=agency.code,
        name=text_to_proto(agency.name),
        parent=agency.parent,
        is_group=agency.is_group,
        succeeded_by=agency.succeeded_by,
        succeeded_on=day_to_text(agency.succeeded_on),
        is_verified=agency.is_verified,
        area=agency.area,
        note=agency.note,
        valid_from=day_to_text(agency.valid_from),
        valid_to=day_to_text(agency.valid_to),
    )


def agency_from_proto(message: place_pb2.Agency) -> Agency:
    return Agency(
        _code(message.code, "agency"),
        text_from_proto(message.name),
        message.parent,
        message.is_group,
        message.succeeded_by,
        day_from_text(message.succeeded_on, "succeeded_on"),
        message.is_verified,
        message.area,
        message.note,
        day_from_text(message.valid_from, "valid_from"),
        day_from_text(message.valid_to, "valid_to"),
    )


def readiness_to_proto(readiness: Readiness) -> source_pb2.Readiness:
    steps = [
        source_pb2.ReadinessStep(
            code=step.code,
            state=_STEP[step.state],
            evidence=step.evidence,
            updated_at=moment_to_proto(step.updated_at),
        )
        for step in readiness.steps
    ]
    return source_pb2.Readiness(is_connected=readiness.is_connected, steps=steps, note=readiness.note)


def readiness_from_proto(message: source_pb2.Readiness) -> Readiness:
    steps = tuple(
        Step(
            step.code,
            _enum(_STEP, step.state, StepState.NOT_STARTED),
            step.evidence,
            _moment(step.updated_at) if step.HasField("updated_at") else None,
        )
        for step in message.steps
    )
    return Readiness(message.is_connected, steps, message.note)


def source_to_proto(source: Source) -> source_pb2.Source:
    return source_pb2.Source(
        code=source.code,
        ref=source.ref,
        phase=source.phase,
        name=text_to_proto(source.name),
        leads=source.leads,
        partners=source.partners,
        period_from=source.period_from or 0,
        period_to=source.period_to or 0,
        period_outlook=source.period_outlook or 0,
        interface=source.interface,
        cadence=source.cadence,
        measures=source.measures,
        layers=source.layers,
        privacy=source.privacy,
        origin=source.origin,
        note=source.note,
        is_verified=source.is_verified,
        deduced=source.deduced,
        readiness=readiness_to_proto(source.readiness),
    )


def source_from_proto(message: source_pb2.Source) -> Source:
    return Source(
        code=_code(message.code, "source"),
        ref=message.ref,
        phase=message.phase,
        name=text_from_proto(message.name),
        leads=tuple(message.leads),
        partners=tuple(message.partners),
        period_from=message.period_from or None,
        period_to=message.period_to or None,
        period_outlook=message.period_outlook or None,
        interface=message.interface,
        cadence=message.cadence,
        measures=tuple(message.measures),
        layers=tuple(message.layers),
        privacy=message.privacy,
        origin=message.origin,
        note=message.note,
        is_verified=message.is_verified,
        deduced=tuple(message.deduced),
        readiness=readiness_from_proto(message.readiness),
    )


def contract_to_proto(contract: Contract) -> contract_pb2.Contract:
    measures = [
        contract_pb2.Measure(
            measure=measure.measure,
            unit=measure.unit,
            name=text_to_proto(measure.name),
            minimum=measure.minimum,
            maximum=measure.maximum,
            resolution=measure.resolution,
        )
        for measure in contract.measures
    ]
    things = [
        contract_pb2.Thing(
            thing=thing.thing,
            area=thing.area,
            name=text_to_proto(thing.name),
            device_id=thing.device_id,
            lon=thing.lon,
            lat=thing.lat,
        )
        for thing in contract.things
    ]
    dimensions = [
        contract_pb2.Dimension(name=each.name, codes=each.codes, is_required=each.is_required)
        for each in contract.dimensions
    ]
    return contract_pb2.Contract(
        contract=contract.contract,
        version=contract.version,
        tenant=contract.tenant,
        source=contract.source,
        name=text_to_proto(contract.name),
        measures=measures,
        things=things,
        areas=contract.areas,
        dimensions=dimensions,
        period_kind=_PERIOD[contract.period_kind],
        cadence=_span(contract.cadence),
        allowed_lateness=_span(contract.allowed_lateness),
        clock_skew=_span(contract.clock_skew),
        retention=_span(contract.retention),
        privacy_k=contract.privacy_k,
        mode=_MODE[contract.mode],
        columns=contract.columns,
        constants=contract.constants,
        valid_from=day_to_text(contract.valid_from),
        valid_to=day_to_text(contract.valid_to),
        citation=citation_to_proto(contract.citation) if contract.citation else None,
    )


def contract_from_proto(message: contract_pb2.Contract) -> Contract:
    measures = tuple(
        Measure(
            measure.measure,
            measure.unit,
            text_from_proto(measure.name),
            measure.minimum if measure.HasField("minimum") else None,
            measure.maximum if measure.HasField("maximum") else None,
            measure.resolution,
        )
        for measure in message.measures
    )
    things = tuple(
        Thing(
            thing.thing,
            thing.area,
            text_from_proto(thing.name),
            thing.device_id,
            thing.lon if thing.HasField("lon") else None,
            thing.lat if thing.HasField("lat") else None,
        )
        for thing in message.things
    )
    return Contract(
        contract=_code(message.contract, "contract"),
        version=message.version,
        tenant=_code(message.tenant, "tenant"),
        source=_code(message.source, "source"),
        name=text_from_proto(message.name),
        measures=measures,
        things=things,
        areas=tuple(message.areas),
        dimensions=tuple(Dimension(each.name, tuple(each.codes), each.is_required) for each in message.dimensions),
        period_kind=_enum(_PERIOD, message.period_kind, PeriodKind.INSTANT),
        cadence=message.cadence.ToTimedelta(),
        allowed_lateness=message.allowed_lateness.ToTimedelta(),
        clock_skew=message.clock_skew.ToTimedelta(),
        retention=message.retention.ToTimedelta(),
        privacy_k=message.privacy_k,
        mode=_enum(_MODE, message.mode, Mode.ENFORCE),
        columns=dict(message.columns),
        constants=dict(message.constants),
        valid_from=day_from_text(message.valid_from, "valid_from"),
        valid_to=day_from_text(message.valid_to, "valid_to"),
        citation=citation_from_proto(message.citation) if message.HasField("citation") else None,
    )


def series_to_proto(series: Series) -> contract_pb2.Series:
    return contract_pb2.Series(
        key=series.key,
        tenant=series.tenant,
        source=series.source,
        measure=series.measure,
        unit=series.unit,
        area=series.area,
        thing=series.thing,
        dimensions=dict(series.dimensions),
        period_kind=_PERIOD[PeriodKind(series.period_kind)],
        contract=series.contract,
        contract_version=series.contract_version,
        name=text_to_proto(series.name),
    )


def device_to_proto(device: Device) -> device_pb2.Device:
    """Without the secret's hash: that goes to ingest alone, in the event."""
    return device_pb2.Device(
        device_id=device.device_id,
        tenant=device.tenant,
        contract=device.contract,
        source=device.source,
        thing=device.thing,
        state=_DEVICE[device.state],
        last_issued_at=moment_to_proto(device.last_issued_at),
        topic=device.topic,
    )


def _code(text: str, field: str) -> str:
    if not text or len(text) > 64 or not text.isascii() or not text.isprintable() or "/" in text or " " in text:
        raise InvalidInput.field(
            field, f"{text[:80]!r} is not a code of 1 to 64 printable characters without space or /"
        )
    return text


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


def _span(span: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def _enum(names: Mapping[E, int], number: int, default: E) -> E:
    return next((name for name, value in names.items() if value == number), default)
