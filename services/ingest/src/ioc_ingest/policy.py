"""Who may call what. A method that is not listed is refused."""

from __future__ import annotations

EVERYONE = frozenset(
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
_PUSHERS = frozenset({"partner", "province-admin", "oc-admin", "oc-operator", "service"})
_UPLOADERS = frozenset({"agency-editor", "province-admin", "oc-admin"})
_COUNTERS = frozenset({"province-admin", "service"})
_ANALYSTS = frozenset({"province-admin", "analyst", "service", "oc-admin"})
_PACKAGE = "/ioc.ingest.v1."

POLICY: dict[str, frozenset[str]] = {
    f"{_PACKAGE}IntakeService/PushBatches": _PUSHERS,
    f"{_PACKAGE}IntakeService/UploadFile": _UPLOADERS,
    f"{_PACKAGE}ObservationService/ListLatestObservations": EVERYONE,
    f"{_PACKAGE}ObservationService/ListObservations": EVERYONE,
    f"{_PACKAGE}ObservationService/AggregateWindows": _ANALYSTS,
    f"{_PACKAGE}StatusService/ListSourceStatus": EVERYONE,
    f"{_PACKAGE}StatusService/ListDeviceStatus": EVERYONE,
    f"{_PACKAGE}BalanceService/GetBalance": EVERYONE,
    f"{_PACKAGE}BalanceService/RecountLedger": _COUNTERS,
    f"{_PACKAGE}QuarantineService/GetQuarantineItem": EVERYONE,
    f"{_PACKAGE}QuarantineService/ListQuarantineItems": EVERYONE,
}
