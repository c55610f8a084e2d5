"""Rules as the alerts service's ApplyRulesRequest."""

from __future__ import annotations

from ioc.alerts.v1 import rule_pb2
from ioc_devtools.catalogue.catalogue import Catalogue
from ioc_devtools.catalogue.entry import Basis
from ioc_devtools.catalogue.rule import BehindTargetRule, IndicatorThresholdRule, ReadingThresholdRule, Rule
from ioc_devtools.catalogue.to_proto.text import citation_to_proto, text_to_proto

_KIND = {
    "indicator-threshold": rule_pb2.RULE_KIND_INDICATOR_THRESHOLD,
    "behind-target": rule_pb2.RULE_KIND_INDICATOR_BEHIND_TARGET,
    "reading-threshold": rule_pb2.RULE_KIND_READING_THRESHOLD,
}
_SEVERITY = {
    "info": rule_pb2.SEVERITY_INFO,
    "warning": rule_pb2.SEVERITY_WARNING,
    "severe": rule_pb2.SEVERITY_SEVERE,
    "critical": rule_pb2.SEVERITY_CRITICAL,
}
_SIDE = {
    "above": rule_pb2.THRESHOLD_SIDE_ABOVE,
    "below": rule_pb2.THRESHOLD_SIDE_BELOW,
}
_OURS = "A working default of the platform."


def rules_request(catalogue: Catalogue) -> rule_pb2.ApplyRulesRequest:
    """All rules; `dry_run` and `request_id` are left to whoever calls."""
    return rule_pb2.ApplyRulesRequest(rules=[_rule(catalogue, one) for one in catalogue.rules])


def _rule(catalogue: Catalogue, rule: Rule) -> rule_pb2.Rule:
    notes = (_OURS if rule.basis is Basis.OURS else "", rule.note or "")
    message = rule_pb2.Rule(
        rule=rule.code,
        name=text_to_proto(rule.name_vi, rule.name_en),
        kind=_KIND[rule.kind],
        severity=_SEVERITY[rule.severity],
        title=text_to_proto(rule.title_vi, rule.title_en),
        message=text_to_proto(rule.message_vi, rule.message_en),
        is_enabled=rule.enabled,
        citation=citation_to_proto(catalogue, rule.cite),
        note=" ".join(part for part in notes if part),
    )
    if isinstance(rule, ReadingThresholdRule):
        message.source, message.measure = rule.source, rule.measure
    else:
        message.set, _, message.code = rule.indicator.partition("/")
    if not isinstance(rule, BehindTargetRule):
        _thresholds(message, rule)
    return message


def _thresholds(message: rule_pb2.Rule, rule: IndicatorThresholdRule | ReadingThresholdRule) -> None:
    message.side = _SIDE[rule.raise_at.comparator]
    message.raise_threshold = rule.raise_at.value
    message.resolve_threshold = rule.resolve_at.value
