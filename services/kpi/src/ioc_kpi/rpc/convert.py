"""Definitions to proto and back; both directions are round-trip tested."""

from __future__ import annotations

from datetime import timedelta

from ioc.kpi.v1 import indicator_pb2 as pb
from ioc_kpi.domain.indicator import (
    DEFAULT_COMPLETENESS,
    Aggregate,
    Band,
    Direction,
    Indicator,
    IndicatorSet,
    Input,
    SubjectKind,
)
from ioc_kpi.domain.target import Basis, Comparator, Path, Target
from ioc_kpi.rpc.plain import (
    PERIOD_KINDS,
    citation_from_proto,
    citation_to_proto,
    day_from_text,
    day_to_text,
    enum_from_proto,
    span_to_proto,
    text_from_proto,
    text_to_proto,
)

AGGREGATES = {each: pb.Aggregate.Value(f"AGGREGATE_{each.name}") for each in Aggregate}
_SUBJECTS = {each: pb.Subject.Value(f"SUBJECT_{each.name}") for each in SubjectKind}
_DIRECTIONS = {
    Direction.NEITHER: pb.DIRECTION_UNSPECIFIED,
    Direction.UP: pb.DIRECTION_UP,
    Direction.DOWN: pb.DIRECTION_DOWN,
}
_COMPARATORS = {each: pb.Comparator.Value(f"COMPARATOR_{each.name}") for each in Comparator}
BASES = {each: pb.TargetBasis.Value(f"TARGET_BASIS_{each.name}") for each in Basis}
_PATHS = {each: pb.TargetPath.Value(f"TARGET_PATH_{each.name}") for each in Path}


def input_to_proto(source: Input) -> pb.Input:
    return pb.Input(
        name=source.name,
        source=source.source,
        measure=source.measure,
        aggregate=AGGREGATES[source.aggregate],
        periods=source.periods,
        is_required=source.is_required,
    )


def input_from_proto(message: pb.Input) -> Input:
    return Input(
        message.name,
        message.source,
        message.measure,
        enum_from_proto(AGGREGATES, message.aggregate, f"inputs[{message.name}].aggregate"),
        message.periods or 1,
        message.is_required,
    )


def indicator_to_proto(indicator: Indicator) -> pb.Indicator:
    return pb.Indicator(
        set=indicator.set_code,
        code=indicator.code,
        name=text_to_proto(indicator.name),
        formula=indicator.formula,
        version=indicator.version,
        inputs=[input_to_proto(each) for each in indicator.inputs],
        unit=indicator.unit,
        direction=_DIRECTIONS[indicator.direction],
        period_kind=PERIOD_KINDS[indicator.period],
        subject=_SUBJECTS[indicator.subject],
        dimension=indicator.dimension,
        lead_agency=indicator.lead,
        decimals=indicator.decimals,
        bands=[
            pb.Band(code=each.code, name=text_to_proto(each.name), upper=each.upper, colour=each.colour)
            for each in indicator.bands
        ],
        stale_after=span_to_proto(indicator.stale_after),
        share_class=indicator.share_class,
        citation=citation_to_proto(indicator.citation),
        valid_from=day_to_text(indicator.valid_from),
        valid_to=day_to_text(indicator.valid_to),
        minimum_completeness=indicator.minimum_completeness,
    )


def indicator_from_proto(message: pb.Indicator) -> Indicator:
    """Raises InvalidInput that names the field. The version is the service's to give: what is sent is ignored."""
    where = f"indicators[{message.set}/{message.code}]"
    return Indicator(
        set_code=message.set,
        code=message.code,
        name=text_from_proto(message.name),
        formula=message.formula,
        inputs=tuple(input_from_proto(each) for each in message.inputs),
        period=enum_from_proto(PERIOD_KINDS, message.period_kind, f"{where}.period_kind"),
        subject=enum_from_proto(_SUBJECTS, message.subject, f"{where}.subject"),
        dimension=message.dimension,
        unit=message.unit,
        direction=enum_from_proto(_DIRECTIONS, message.direction, f"{where}.direction"),
        decimals=message.decimals,
        lead=message.lead_agency,
        share_class=message.share_class,
        citation=citation_from_proto(message.citation),
        bands=tuple(Band(each.code, each.upper, each.colour, text_from_proto(each.name)) for each in message.bands),
        stale_after=_span(message),
        minimum_completeness=message.minimum_completeness or DEFAULT_COMPLETENESS,
        valid_from=day_from_text(message.valid_from, f"{where}.valid_from"),
        valid_to=day_from_text(message.valid_to, f"{where}.valid_to"),
    )


def set_to_proto(indicator_set: IndicatorSet) -> pb.IndicatorSet:
    return pb.IndicatorSet(
        code=indicator_set.code,
        name=text_to_proto(indicator_set.name),
        citation=citation_to_proto(indicator_set.citation),
        note=indicator_set.note,
    )


def set_from_proto(message: pb.IndicatorSet) -> IndicatorSet:
    return IndicatorSet(
        message.code, text_from_proto(message.name), citation_from_proto(message.citation), message.note
    )


def target_to_proto(target: Target) -> pb.Target:
    return pb.Target(
        target_id=target.code,
        set=target.set_code,
        code=target.indicator_code,
        area=target.area,
        value=target.value,
        comparator=_COMPARATORS[target.comparator],
        warning_margin=target.margin,
        path=_PATHS[target.path],
        basis=BASES[target.basis],
        awaited_from=target.awaited_from,
        citation=citation_to_proto(target.citation),
        valid_from=day_to_text(target.valid_from),
        valid_to=day_to_text(target.valid_to),
        version=target.version,
        note=target.note,
    )


def target_from_proto(message: pb.Target) -> Target:
    """Raises InvalidInput that names the field. The version is the service's to give: what is sent is ignored."""
    where = f"targets[{message.target_id}]"
    return Target(
        code=message.target_id,
        set_code=message.set,
        indicator_code=message.code,
        comparator=enum_from_proto(_COMPARATORS, message.comparator, f"{where}.comparator"),
        value=message.value if message.HasField("value") else None,
        basis=enum_from_proto(BASES, message.basis, f"{where}.basis"),
        area=message.area,
        margin=message.warning_margin,
        path=enum_from_proto(_PATHS, message.path, f"{where}.path") if message.path else Path.CONSTANT,
        awaited_from=message.awaited_from,
        note=message.note,
        citation=citation_from_proto(message.citation),
        valid_from=day_from_text(message.valid_from, f"{where}.valid_from"),
        valid_to=day_from_text(message.valid_to, f"{where}.valid_to"),
    )


def _span(message: pb.Indicator) -> timedelta | None:
    span = message.stale_after.ToTimedelta()
    return span if message.HasField("stale_after") and span else None
