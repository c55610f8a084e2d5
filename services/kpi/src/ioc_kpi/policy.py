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
        "service",
    }
)
# A proof asks the ledger for every window of a value: for those who answer for numbers, not for every page view.
_PROVERS = frozenset({"province-admin", "operator", "analyst", "oc-admin", "oc-operator", "partner", "service"})
_DEFINERS = frozenset({"province-admin"})
_PACKAGE = "/ioc.kpi.v1."

POLICY: dict[str, frozenset[str]] = {
    f"{_PACKAGE}IndicatorService/GetIndicator": _READERS,
    f"{_PACKAGE}IndicatorService/ListIndicators": _READERS,
    f"{_PACKAGE}IndicatorService/ListIndicatorSets": _READERS,
    f"{_PACKAGE}IndicatorService/ListTargets": _READERS,
    f"{_PACKAGE}IndicatorService/ApplyIndicators": _DEFINERS,
    f"{_PACKAGE}ValueService/ListLatestValues": _READERS,
    f"{_PACKAGE}ValueService/ListValues": _READERS,
    f"{_PACKAGE}ValueService/GetValue": _READERS,
    f"{_PACKAGE}ValueService/ExplainValue": _READERS,
    f"{_PACKAGE}ValueService/ProveValue": _PROVERS,
}
