"""Sources and their readiness to proto and back."""

from __future__ import annotations

from ioc.registry.v1 import source_pb2
from ioc_registry.domain.source import Readiness, Source, Step, StepState
from ioc_registry.rpc.convert_text import (
    code_from_text,
    enum_from_proto,
    moment_from_proto,
    moment_to_proto,
    text_from_proto,
    text_to_proto,
)

_STEP = {state: source_pb2.StepState.Value(f"STEP_STATE_{state.name}") for state in StepState}


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
            enum_from_proto(_STEP, step.state, StepState.NOT_STARTED),
            step.evidence,
            moment_from_proto(step.updated_at) if step.HasField("updated_at") else None,
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
        code=code_from_text(message.code, "source"),
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
