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
_PROVINCE_ADMIN = frozenset({"province-admin"})
_DEVICE_ADMINS = frozenset({"province-admin", "oc-admin"})
_DEVICE_READERS = _DEVICE_ADMINS | {"operator", "oc-operator", "service"}
_PACKAGE = "/ioc.registry.v1."

POLICY: dict[str, frozenset[str]] = {
    f"{_PACKAGE}TenantService/GetTenant": EVERYONE,
    f"{_PACKAGE}TenantService/ListTenants": EVERYONE,
    f"{_PACKAGE}AreaService/GetArea": EVERYONE,
    f"{_PACKAGE}AreaService/ListAreas": EVERYONE,
    f"{_PACKAGE}AgencyService/GetAgency": EVERYONE,
    f"{_PACKAGE}AgencyService/ListAgencies": EVERYONE,
    f"{_PACKAGE}SourceService/GetSource": EVERYONE,
    f"{_PACKAGE}SourceService/ListSources": EVERYONE,
    f"{_PACKAGE}SourceService/UpdateReadiness": _PROVINCE_ADMIN,
    f"{_PACKAGE}ContractService/GetContract": EVERYONE,
    f"{_PACKAGE}ContractService/ListContracts": EVERYONE,
    f"{_PACKAGE}SeriesService/GetSeries": EVERYONE,
    f"{_PACKAGE}SeriesService/ListSeries": EVERYONE,
    f"{_PACKAGE}DeviceService/GetDevice": _DEVICE_READERS,
    f"{_PACKAGE}DeviceService/ListDevices": _DEVICE_READERS,
    f"{_PACKAGE}DeviceService/IssueDeviceCredential": _DEVICE_ADMINS,
    f"{_PACKAGE}DeviceService/RevokeDeviceCredential": _DEVICE_ADMINS,
    f"{_PACKAGE}CatalogueService/ApplyCatalogue": _PROVINCE_ADMIN,
}
