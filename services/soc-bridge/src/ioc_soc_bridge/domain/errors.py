"""What can go wrong in the SOC bridge, by name."""

from __future__ import annotations

from ioc_kit.errors import FieldViolation, InvalidInput, NotFound


class PayloadTooLarge(InvalidInput):
    """More bytes or lines than one submission may hold: send several."""

    http_status = 413
    reason = "PAYLOAD_TOO_LARGE"

    def __init__(self, what: str, limit: int) -> None:
        description = f"more than {limit} {what}: send less at a time"
        super().__init__(f"payload: {description}", FieldViolation("payload", description), limit=limit)


class FormatUnknown(InvalidInput):
    """The form of the events is not said, or not known."""

    reason = "FORMAT_UNKNOWN"

    def __init__(self) -> None:
        description = "say EVENT_FORMAT_SURICATA_EVE or EVENT_FORMAT_SYSLOG"
        super().__init__(f"format: {description}", FieldViolation("format", description))


class IncidentNotFound(NotFound):
    """No incident of that id that the caller may see."""

    reason = "INCIDENT_NOT_FOUND"

    def __init__(self, incident_id: str) -> None:
        super().__init__(f"no incident {incident_id!r}", incident_id=incident_id)


class CollectionNotFound(NotFound):
    """No collection of that id that the caller may see."""

    reason = "COLLECTION_NOT_FOUND"

    def __init__(self, collection_id: str) -> None:
        super().__init__(f"no collection {collection_id!r}", collection_id=collection_id)
