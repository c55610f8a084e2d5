"""Who may call what. A method that is not listed is refused."""

from __future__ import annotations

_READERS = frozenset(
    {
        "province-admin",
        "operator",
        "analyst",
        "agency-editor",
        "oc-admin",
        "oc-operator",
        "soc-analyst",
        "partner",
    }
)
_ON_DUTY = frozenset({"province-admin", "operator", "oc-admin", "oc-operator"})
_RULES = "/ioc.alerts.v1.RuleService"
_ALERTS = "/ioc.alerts.v1.AlertService"

POLICY = {
    f"{_RULES}/GetRule": _READERS,
    f"{_RULES}/ListRules": _READERS,
    f"{_RULES}/ApplyRules": frozenset({"province-admin"}),
    f"{_ALERTS}/GetAlert": _READERS,
    f"{_ALERTS}/ListAlerts": _READERS,
    f"{_ALERTS}/ListAlertTransitions": _READERS,
    f"{_ALERTS}/AcknowledgeAlert": _ON_DUTY,
    f"{_ALERTS}/ResolveAlert": _ON_DUTY,
}
