"""Values to proto; nobody sends values, so there is no way back."""

from __future__ import annotations

from ioc.kpi.v1 import value_pb2
from ioc.type.v1 import quality_pb2
from ioc_kpi.domain.grade import Grade, GradeLevel, Grades
from ioc_kpi.domain.indicator import Aggregate
from ioc_kpi.domain.value import Comparison, LineageInput, Shown, Status
from ioc_kpi.rpc.convert import AGGREGATES, BASES
from ioc_kpi.rpc.plain import moment_to_proto, period_to_proto, span_to_proto, text_to_proto

_STATUSES = {each: value_pb2.ValueStatus.Value(f"VALUE_STATUS_{each.name}") for each in Status}
_LEVELS = {
    GradeLevel.UNKNOWN: quality_pb2.GRADE_LEVEL_UNSPECIFIED,
    GradeLevel.GOOD: quality_pb2.GRADE_LEVEL_GOOD,
    GradeLevel.FAIR: quality_pb2.GRADE_LEVEL_FAIR,
    GradeLevel.POOR: quality_pb2.GRADE_LEVEL_POOR,
}


def shown_to_proto(shown: Shown) -> value_pb2.IndicatorValue:
    value = shown.value
    set_code, _, code = value.indicator.partition("/")
    return value_pb2.IndicatorValue(
        value_id=value.id,
        tenant=value.tenant,
        set=set_code,
        code=code,
        area=value.subject.area,
        thing=value.subject.thing,
        dimension_code=value.subject.dimension_code,
        period=period_to_proto(value.period),
        value=value.value,
        unit=value.unit,
        missing_reason=text_to_proto(value.missing_reason) if value.value is None else None,
        status=_STATUSES[shown.status],
        band=value.band,
        comparison=comparison_to_proto(value.comparison) if value.comparison else None,
        grades=grades_to_proto(shown.grades),
        components=value.components,
        dominant=value.dominant,
        is_provisional=value.is_provisional,
        is_stale=shown.is_stale,
        observed_at=moment_to_proto(value.observed_at),
        age=span_to_proto(shown.age),
        computed_at=moment_to_proto(value.known_from),
        known_from=moment_to_proto(value.known_from),
        known_to=moment_to_proto(value.known_to),
        indicator_version=value.lineage.indicator_version,
        place_name=text_to_proto(value.place_name),
    )


def comparison_to_proto(comparison: Comparison) -> value_pb2.TargetComparison:
    return value_pb2.TargetComparison(
        target_id=comparison.target,
        target_version=comparison.target_version,
        expected=comparison.expected,
        difference=comparison.difference,
        target=comparison.target_value,
        basis=BASES[comparison.basis],
    )


def grades_to_proto(grades: Grades) -> quality_pb2.Grades:
    return quality_pb2.Grades(
        correct=_grade(grades.correct),
        complete=_grade(grades.complete),
        clean=_grade(grades.clean),
        live=_grade(grades.live),
    )


def lineage_input_to_proto(source: LineageInput) -> value_pb2.ValueInput:
    message = value_pb2.ValueInput(
        name=source.name,
        series_key=source.series_key,
        aggregate=AGGREGATES[Aggregate(source.aggregate)],
        value=source.value,
        count=source.count,
        expected=source.expected,
        position=source.position,
        contract_version=source.contract_version,
    )
    # `from` is a word of Python's own.
    getattr(message, "from").FromDatetime(source.window.start)
    message.to.FromDatetime(source.window.end)
    return message


def _grade(grade: Grade) -> quality_pb2.Grade:
    return quality_pb2.Grade(
        score=grade.score,
        level=_LEVELS[grade.level],
        reason_vi=grade.reason.vi,
        reason_en=grade.reason.en,
    )
