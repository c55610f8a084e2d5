"""Contracts to proto and back, series and devices to proto."""

from __future__ import annotations

from ioc.registry.v1 import contract_pb2, device_pb2
from ioc.type.v1 import period_pb2
from ioc_registry.domain.contract import Contract, Dimension, Measure, Mode, PeriodKind, Thing
from ioc_registry.domain.device import Device, DeviceState
from ioc_registry.domain.series import Series
from ioc_registry.rpc.convert_text import (
    citation_from_proto,
    citation_to_proto,
    code_from_text,
    day_from_text,
    day_to_text,
    enum_from_proto,
    moment_to_proto,
    span_to_proto,
    text_from_proto,
    text_to_proto,
)

_MODE = {mode: contract_pb2.ContractMode.Value(f"CONTRACT_MODE_{mode.name}") for mode in Mode}
_DEVICE = {state: device_pb2.DeviceState.Value(f"DEVICE_STATE_{state.name}") for state in DeviceState}
_PERIOD = {kind: period_pb2.PeriodKind.Value(f"PERIOD_KIND_{kind.name}") for kind in PeriodKind}


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
        cadence=span_to_proto(contract.cadence),
        allowed_lateness=span_to_proto(contract.allowed_lateness),
        clock_skew=span_to_proto(contract.clock_skew),
        retention=span_to_proto(contract.retention),
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
        contract=code_from_text(message.contract, "contract"),
        version=message.version,
        tenant=code_from_text(message.tenant, "tenant"),
        source=code_from_text(message.source, "source"),
        name=text_from_proto(message.name),
        measures=measures,
        things=things,
        areas=tuple(message.areas),
        dimensions=tuple(Dimension(each.name, tuple(each.codes), each.is_required) for each in message.dimensions),
        period_kind=enum_from_proto(_PERIOD, message.period_kind, PeriodKind.INSTANT),
        cadence=message.cadence.ToTimedelta(),
        allowed_lateness=message.allowed_lateness.ToTimedelta(),
        clock_skew=message.clock_skew.ToTimedelta(),
        retention=message.retention.ToTimedelta(),
        privacy_k=message.privacy_k,
        mode=enum_from_proto(_MODE, message.mode, Mode.ENFORCE),
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
