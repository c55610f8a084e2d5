"""The catalogue as the requests that bring the services to it. Pure: no clock, no network."""

from ioc_devtools.catalogue.to_proto.alerts import rules_request
from ioc_devtools.catalogue.to_proto.kpi import indicators_request
from ioc_devtools.catalogue.to_proto.registry import catalogue_request

__all__ = ["catalogue_request", "indicators_request", "rules_request"]
