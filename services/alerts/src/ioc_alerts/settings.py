"""What alerts reads from the environment."""

from datetime import timedelta

from ioc_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Beyond what every service reads: how often a key whose state does not change is written."""

    reading_quiet_span: timedelta = timedelta(seconds=5)
    """Readings of one key nearer together than this, that change no state, are not written one by one."""
