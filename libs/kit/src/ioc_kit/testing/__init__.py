"""What tests stand on: real PostgreSQL and NATS, signed tokens, a clock that stands still. Load as a pytest plugin.

pytest_plugins = ["ioc_kit.testing.plugin"]
"""

from ioc_kit.testing.clock import FixedClock
from ioc_kit.testing.identity import SigningIssuer

__all__ = ["FixedClock", "SigningIssuer"]
