"""Refuses a login for a while after too many wrong passwords, by the realm's own brute-force settings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ioc_devtools.issuer.realm import BruteForce


@dataclass
class _Failures:
    count: int
    last_at: datetime
    locked_until: datetime


class LoginThrottle:
    """Counts wrong passwords per login. Only logins that exist are counted, so memory is bounded by the realm."""

    def __init__(self, rules: BruteForce, now: Callable[[], datetime]) -> None:
        self._rules = rules
        self._now = now
        self._failures: dict[str, _Failures] = {}

    def is_locked(self, username: str) -> bool:
        """Whether even the right password is refused at this moment."""
        failures = self._failures.get(username)
        return self._rules.enabled and failures is not None and self._now() < failures.locked_until

    def failed(self, username: str) -> None:
        """Counts one wrong password; every `rules.failures` of them lock the login, longer each time."""
        now = self._now()
        failures = self._failures.get(username)
        if failures is None or now - failures.last_at > self._rules.forget_after:
            failures = self._failures[username] = _Failures(0, now, now)
        failures.count += 1
        failures.last_at = now
        rounds, rest = divmod(failures.count, self._rules.failures)
        if rest == 0:
            failures.locked_until = now + min(self._rules.wait * rounds, self._rules.wait_max)

    def succeeded(self, username: str) -> None:
        """Forgets the wrong passwords before a right one."""
        self._failures.pop(username, None)
