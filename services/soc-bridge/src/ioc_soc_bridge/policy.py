"""Who may call what. A method that is not here is refused."""

from __future__ import annotations

_SUBMIT = frozenset({"partner", "soc-analyst", "service", "province-admin", "oc-admin"})
_READ = frozenset({"soc-analyst", "province-admin", "oc-admin", "partner"})

POLICY: dict[str, frozenset[str]] = {
    "/ioc.soc.v1.SecurityEventService/SubmitSecurityEvents": _SUBMIT,
    "/ioc.soc.v1.SecurityEventService/ListQuarantinedEvents": _READ,
    "/ioc.soc.v1.IncidentService/GetIncident": _READ,
    "/ioc.soc.v1.IncidentService/ListIncidents": _READ,
    "/ioc.soc.v1.ExchangeService/ListCollections": _READ,
    "/ioc.soc.v1.ExchangeService/GetCollection": _READ,
    "/ioc.soc.v1.ExchangeService/ListStixObjects": _READ,
}
