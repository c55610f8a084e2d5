"""Alerts and rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ioc.alerts.v1 import alert_pb2, rule_pb2
from ioc_gateway.models.shown import Citation, Page, Shown, Text
from ioc_gateway.plain_text import PlainText

AlertState = Literal["open", "acknowledged", "resolved", "retracted"]
Severity = Literal["info", "warning", "severe", "critical"]


class Alert(Shown):
    """A warning about one subject by one rule."""

    proto = alert_pb2.Alert
    alert_id: str
    tenant: str
    rule: str
    rule_version: int
    key: str
    severity: Severity | None
    state: AlertState | None
    title: Text | None
    message: Text | None
    area: str
    thing: str
    value: float
    threshold: float
    unit: str
    subject: str
    value_id: str
    period_start: AwareDatetime | None
    raised_at: AwareDatetime | None
    last_value: float
    last_seen_at: AwareDatetime | None
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str
    acknowledge_note: str
    resolved_at: AwareDatetime | None
    resolved_by: str
    etag: str = Field(description="Send it as If-Match to act on what you saw")
    trace_id: str
    seen_count: int = Field(description="Measurements recorded while it stood")


class AlertTransition(Shown):
    """One step in an alert's life."""

    proto = alert_pb2.AlertTransition
    from_: AlertState | None = Field(validation_alias="from", serialization_alias="from")
    to: AlertState | None
    at: AwareDatetime | None
    by: str = Field(description="Empty for the platform itself")
    note: str
    value: float | None


class Rule(Shown):
    """When to warn, and when to stop."""

    proto = rule_pb2.Rule
    rule: str
    name: Text | None
    kind: Literal["indicator-threshold", "indicator-behind-target", "reading-threshold"] | None
    set: str
    code: str
    source: str
    measure: str
    side: Literal["above", "below"] | None
    raise_threshold: float | None
    resolve_threshold: float | None
    severity: Severity | None
    title: Text | None
    message: Text | None
    is_enabled: bool
    citation: Citation | None
    note: str
    valid_from: str
    valid_to: str
    version: int


class Decision(BaseModel):
    """A person's decision on an alert."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"note": "Đã báo Sở NN&MT kiểm tra trạm"}]}
    )
    note: Annotated[PlainText, Field(max_length=2000)] = ""


class AlertPage(Page[Alert]):
    """A page of alerts, newest first."""


class AlertTransitionPage(Page[AlertTransition]):
    """A page of an alert's life, oldest first."""


class RulePage(Page[Rule]):
    """A page of rules, in order of code."""
