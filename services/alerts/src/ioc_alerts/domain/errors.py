"""What can go wrong in alerts, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioc_kit.errors import Conflict, Forbidden, NotFound, Stale

if TYPE_CHECKING:
    from ioc_alerts.domain.alert import Alert


class AlertNotFound(NotFound):
    """No alert of that id that the caller may see."""

    reason = "ALERT_NOT_FOUND"

    def __init__(self, alert_id: str) -> None:
        super().__init__(f"no alert {alert_id!r}", alert_id=alert_id)


class RuleNotFound(NotFound):
    """No rule of that code."""

    reason = "RULE_NOT_FOUND"

    def __init__(self, rule: str) -> None:
        super().__init__(f"no rule {rule!r}", rule=rule)


class AlertClosed(Conflict):
    """The alert's life has ended: nothing more can be done with it."""

    reason = "ALERT_CLOSED"

    def __init__(self, alert: Alert, verb: str) -> None:
        closed_at = alert.closed_at.isoformat() if alert.closed_at else ""
        super().__init__(
            f"cannot {verb} alert {alert.alert_id}: it was {alert.state.value} at {closed_at}",
            alert_id=alert.alert_id,
            state=alert.state.name,
            closed_at=closed_at,
        )


class AlertChanged(Stale):
    """Somebody changed the alert's state after the caller read it."""

    reason = "STALE_ETAG"

    def __init__(self, alert: Alert) -> None:
        super().__init__(
            f"alert {alert.alert_id} has changed since you read it: it is {alert.state.value} now; read it again",
            alert_id=alert.alert_id,
            etag=alert.etag,
        )


class RequestIdReused(Conflict):
    """The request id was used for another command."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request id {request_id!r} was used for another command; make a new one", request_id=request_id
        )


class ProvinceOnly(Forbidden):
    """Only the province's administrators may change the rules of all tenants."""

    reason = "PROVINCE_ONLY"

    def __init__(self) -> None:
        super().__init__("only administrators of the province may do this")
