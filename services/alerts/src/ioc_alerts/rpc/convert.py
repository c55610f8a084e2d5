"""Domain to proto and back; both directions of a rule are round-trip tested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from ioc.alerts.v1 import alert_pb2, rule_pb2
from ioc.type.v1 import text_pb2
from ioc_alerts.domain.alert import Alert, AlertState, Transition
from ioc_alerts.domain.rule import Rule, RuleKind, Severity, Side, Thresholds
from ioc_alerts.domain.text import Citation, LocalizedText
from ioc_alerts.ports import AlertFilter
from ioc_kit.errors import InvalidInput

E = TypeVar("E", bound=StrEnum)
_KIND = {kind: rule_pb2.RuleKind.Value(f"RULE_KIND_{kind.name}") for kind in RuleKind}
_SIDE = {side: rule_pb2.ThresholdSide.Value(f"THRESHOLD_SIDE_{side.name}") for side in Side}
_SEVERITY = {severity: rule_pb2.Severity.Value(f"SEVERITY_{severity.name}") for severity in Severity}
_STATE = {state: alert_pb2.AlertState.Value(f"ALERT_STATE_{state.name}") for state in AlertState}
_READING = RuleKind.READING_THRESHOLD


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
    """The text with line breaks and runs of spaces, which a YAML file brings along, as single spaces."""
    return LocalizedText(" ".join(message.vi.split()), " ".join(message.en.split()))


def alert_to_proto(alert: Alert) -> alert_pb2.Alert:
    return alert_pb2.Alert(
        alert_id=alert.alert_id,
        tenant=alert.tenant,
        rule=alert.rule,
        rule_version=alert.rule_version,
        key=alert.key,
        severity=_SEVERITY[alert.severity],
        state=_STATE[alert.state],
        title=text_to_proto(alert.title),
        message=text_to_proto(alert.message),
        area=alert.subject.area,
        thing=alert.subject.thing,
        value=alert.raised_value,
        threshold=alert.threshold or 0.0,
        unit=alert.unit,
        subject=alert.origin,
        value_id=alert.value_id,
        period_start=moment_to_proto(alert.evidence.raised_by.period),
        raised_at=moment_to_proto(alert.raised_at),
        last_value=alert.last_value,
        last_seen_at=moment_to_proto(alert.last_period),
        acknowledged_at=moment_to_proto(alert.acknowledged_at),
        acknowledged_by=alert.acknowledged_by,
        acknowledge_note=alert.acknowledge_note,
        resolved_at=moment_to_proto(alert.closed_at),
        resolved_by=alert.closed_by,
        etag=alert.etag,
        trace_id=alert.trace_id,
        seen_count=alert.seen_count,
    )


def transition_to_proto(transition: Transition) -> alert_pb2.AlertTransition:
    message = alert_pb2.AlertTransition(
        to=_STATE[transition.to_state],
        at=moment_to_proto(transition.at),
        by=transition.by,
        note=transition.note,
        value=transition.value,
    )
    if transition.from_state is not None:
        # `from` is a keyword of Python, so that the field cannot be given by name.
        setattr(message, "from", _STATE[transition.from_state])
    return message


def filter_from_proto(request: alert_pb2.ListAlertsRequest) -> AlertFilter:
    """What a list keeps. Raises InvalidInput for a state or severity that does not exist."""
    states = [_from_number(_STATE, number, "states") for number in request.states]
    severity = request.minimum_severity
    return AlertFilter(
        states=frozenset(states),
        minimum_severity=_from_number(_SEVERITY, severity, "minimum_severity") if severity else None,
        area=request.area,
        rule=request.rule,
    )


def rule_to_proto(rule: Rule) -> rule_pb2.Rule:
    first, second = rule.watched
    thresholds = rule.thresholds
    return rule_pb2.Rule(
        rule=rule.code,
        name=text_to_proto(rule.name),
        kind=_KIND[rule.kind],
        set="" if rule.kind is _READING else first,
        code="" if rule.kind is _READING else second,
        source=first if rule.kind is _READING else "",
        measure=second if rule.kind is _READING else "",
        side=_SIDE[thresholds.side] if thresholds else rule_pb2.THRESHOLD_SIDE_UNSPECIFIED,
        raise_threshold=thresholds.raise_at if thresholds else None,
        resolve_threshold=thresholds.resolve_at if thresholds else None,
        severity=_SEVERITY[rule.severity],
        title=text_to_proto(rule.title),
        message=text_to_proto(rule.message),
        is_enabled=rule.is_enabled,
        citation=_citation_to_proto(rule.citation) if rule.citation else None,
        note=rule.note,
        valid_from=_day_to_text(rule.valid_from),
        valid_to=_day_to_text(rule.valid_to),
        version=rule.version,
    )


def rules_from_proto(messages: Iterable[rule_pb2.Rule]) -> list[Rule]:
    """The rules, without versions, which alerts gives. Raises InvalidInput that names the field."""
    return [_rule_from_proto(message, f"rules[{index}].") for index, message in enumerate(messages)]


def _rule_from_proto(message: rule_pb2.Rule, place: str) -> Rule:
    kind = _from_number(_KIND, message.kind, f"{place}kind")
    watched = (message.source, message.measure) if kind is _READING else (message.set, message.code)
    has_cited = message.HasField("citation")
    return Rule(
        code=message.rule,
        name=text_from_proto(message.name),
        kind=kind,
        watched=watched,
        severity=_from_number(_SEVERITY, message.severity, f"{place}severity"),
        title=text_from_proto(message.title),
        message=text_from_proto(message.message),
        thresholds=_thresholds_from_proto(message, place),
        is_enabled=message.is_enabled,
        citation=_citation_from_proto(message.citation, f"{place}citation") if has_cited else None,
        note=" ".join(message.note.split()),
        valid_from=_day_from_text(message.valid_from, f"{place}valid_from"),
        valid_to=_day_from_text(message.valid_to, f"{place}valid_to"),
    )


def _thresholds_from_proto(message: rule_pb2.Rule, place: str) -> Thresholds | None:
    given = [name for name in ("raise_threshold", "resolve_threshold") if message.HasField(name)]
    if not given:
        return None
    if len(given) == 1:
        missing = "resolve_threshold" if given == ["raise_threshold"] else "raise_threshold"
        raise InvalidInput.field(f"{place}{missing}", f"is missing beside {given[0]}")
    side = _from_number(_SIDE, message.side, f"{place}side") if message.side else Side.ABOVE
    return Thresholds(side, message.raise_threshold, message.resolve_threshold)


def _citation_to_proto(citation: Citation) -> text_pb2.Citation:
    return text_pb2.Citation(
        instrument=citation.instrument,
        article=citation.article,
        issued_on=_day_to_text(citation.issued_on),
        text=citation.text,
        verification=text_pb2.Verification.Value(f"VERIFICATION_{citation.verification.upper().replace('-', '_')}"),
    )


def _citation_from_proto(message: text_pb2.Citation, field: str) -> Citation:
    if message.verification not in text_pb2.Verification.values():
        raise InvalidInput.field(f"{field}.verification", f"{message.verification} is not a verification")
    name = text_pb2.Verification.Name(message.verification).removeprefix("VERIFICATION_").lower().replace("_", "-")
    return Citation(
        message.instrument,
        message.article,
        _day_from_text(message.issued_on, f"{field}.issued_on"),
        message.text,
        "unverified" if name == "unspecified" else name,
    )


def _day_to_text(day: date | None) -> str:
    return day.isoformat() if day is not None else ""


def _day_from_text(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput.field(field, f"{text!r} is not a day like 2025-07-01") from error


def _from_number(numbers: Mapping[E, int], number: int, field: str) -> E:
    for each, own in numbers.items():
        if own == number:
            return each
    raise InvalidInput.field(field, f"{number} is not one of {', '.join(each.name for each in numbers)}")
