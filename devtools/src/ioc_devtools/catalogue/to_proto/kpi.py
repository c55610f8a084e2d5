"""Indicator sets, indicators and targets as kpi's ApplyIndicatorsRequest."""

from __future__ import annotations

from ioc.kpi.v1 import indicator_pb2
from ioc_devtools.catalogue.catalogue import Catalogue
from ioc_devtools.catalogue.entry import Basis, Citation
from ioc_devtools.catalogue.indicator import Formula, Indicator, IndicatorSet, Input
from ioc_devtools.catalogue.target import Target
from ioc_devtools.catalogue.to_proto.text import citation_to_proto, day_to_proto, period_to_proto, text_to_proto

_AGGREGATE = {
    "mean": indicator_pb2.AGGREGATE_MEAN,
    "sum": indicator_pb2.AGGREGATE_SUM,
    "min": indicator_pb2.AGGREGATE_MIN,
    "max": indicator_pb2.AGGREGATE_MAX,
    "last": indicator_pb2.AGGREGATE_LAST,
    "count": indicator_pb2.AGGREGATE_COUNT,
}
_DIRECTION = {
    "up-is-better": indicator_pb2.DIRECTION_UP,
    "down-is-better": indicator_pb2.DIRECTION_DOWN,
}
_SUBJECT = {
    "area": indicator_pb2.SUBJECT_AREA,
    "thing": indicator_pb2.SUBJECT_THING,
    "dimension": indicator_pb2.SUBJECT_DIMENSION,
}
_COMPARATOR = {
    "at-least": indicator_pb2.COMPARATOR_AT_LEAST,
    "at-most": indicator_pb2.COMPARATOR_AT_MOST,
}
_PATH = {
    "flat": indicator_pb2.TARGET_PATH_CONSTANT,
    "linear": indicator_pb2.TARGET_PATH_LINEAR_IN_YEAR,
}
_BASIS = {
    Basis.CITED: indicator_pb2.TARGET_BASIS_CITED,
    Basis.OURS: indicator_pb2.TARGET_BASIS_OURS,
    Basis.AWAITED: indicator_pb2.TARGET_BASIS_AWAITED,
}


def indicators_request(catalogue: Catalogue) -> indicator_pb2.ApplyIndicatorsRequest:
    """Everything that kpi is to compute and hold it against; `dry_run` and `request_id` are left to whoever calls."""
    return indicator_pb2.ApplyIndicatorsRequest(
        sets=[_set(catalogue, one) for one in catalogue.indicator_sets],
        indicators=[
            _indicator(catalogue, group.set, one) for group in catalogue.indicator_sets for one in group.indicators
        ],
        targets=[_target(catalogue, one) for one in catalogue.targets],
    )


def _set(catalogue: Catalogue, group: IndicatorSet) -> indicator_pb2.IndicatorSet:
    return indicator_pb2.IndicatorSet(
        code=group.set,
        name=text_to_proto(group.name_vi, group.name_en),
        citation=citation_to_proto(catalogue, Citation(instrument=group.instrument)),
        note=group.note or "",
    )


def _indicator(catalogue: Catalogue, set_code: str, indicator: Indicator) -> indicator_pb2.Indicator:
    message = indicator_pb2.Indicator(
        set=set_code,
        code=indicator.code,
        name=text_to_proto(indicator.name_vi, indicator.name_en),
        formula=_formula(indicator.formula),
        inputs=[_input(one) for one in indicator.inputs],
        # The wire leaves the unit of an index empty; the catalogue writes UCUM's "1".
        unit="" if indicator.unit == "1" else indicator.unit,
        direction=_DIRECTION[indicator.direction],
        period_kind=period_to_proto(indicator.period),
        subject=_SUBJECT[indicator.subject],
        dimension=indicator.dimension or "",
        lead_agency=indicator.lead,
        decimals=indicator.decimals,
        bands=[
            indicator_pb2.Band(
                code=one.code, name=text_to_proto(one.name_vi, one.name_en), upper=one.up_to, colour=one.color
            )
            for one in indicator.bands
        ],
        share_class=indicator.share_class.value,
        citation=citation_to_proto(catalogue, indicator.cite),
        valid_from=day_to_proto(indicator.valid_from),
        valid_to=day_to_proto(indicator.valid_to),
        minimum_completeness=indicator.minimum_completeness,
    )
    message.stale_after.FromTimedelta(indicator.stale_after)
    return message


def _formula(formula: Formula) -> str:
    # The version of a built-in formula is the code's own; the wire names the formula, and the service its version.
    return formula.cel or f"builtin:{formula.builtin}"


def _input(given: Input) -> indicator_pb2.Input:
    return indicator_pb2.Input(
        name=given.name,
        source=given.source,
        measure=given.measure,
        aggregate=_AGGREGATE[given.aggregate],
        periods=given.periods,
        is_required=given.required,
    )


def _target(catalogue: Catalogue, target: Target) -> indicator_pb2.Target:
    set_code, _, code = target.indicator.partition("/")
    return indicator_pb2.Target(
        target_id=target.code,
        set=set_code,
        code=code,
        area=target.area,
        value=target.value,
        comparator=_COMPARATOR[target.comparator],
        warning_margin=target.margin,
        path=_PATH[target.path],
        basis=_BASIS[target.basis],
        awaited_from=target.awaited_from or "",
        citation=citation_to_proto(catalogue, target.cite),
        valid_from=day_to_proto(target.valid_from),
        valid_to=day_to_proto(target.valid_to),
        note=" ".join(part for part in (target.relative_to, target.note) if part),
    )
