"""What can go wrong in the registry, by name."""

from __future__ import annotations

from ioc_kit.errors import Conflict, Forbidden, NotFound


class ThingNotFound(NotFound):
    """No area, agency, source, contract, series, tenant or device of that code that the caller may see."""

    def __init__(self, kind: str, code: str) -> None:
        super().__init__(f"no {kind} {code!r}", kind=kind, code=code)
        self.reason = f"{kind.upper()}_NOT_FOUND"  # type: ignore[misc]  # one class for seven nouns


class ContractVersionTaken(Conflict):
    """The version exists with another content: published versions never change."""

    reason = "CONTRACT_VERSION_TAKEN"

    def __init__(self, contract: str, version: int) -> None:
        super().__init__(
            f"contract {contract!r} version {version} is published with another content; raise the version",
            contract=contract,
            version=version,
        )


class DeviceTaken(Conflict):
    """Another tenant has a device of that id: ids are unique in the province."""

    reason = "DEVICE_TAKEN"

    def __init__(self, device_id: str) -> None:
        super().__init__(f"device id {device_id!r} is taken; choose another", device_id=device_id)


class ProvinceOnly(Forbidden):
    """Only the province's administrators may change the catalogue of all tenants."""

    reason = "PROVINCE_ONLY"

    def __init__(self) -> None:
        super().__init__("only administrators of the province may do this")
