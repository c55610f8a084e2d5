"""What alerts reads from the environment."""

from pydantic import Field

from ioc_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Beyond what every service reads: how often a key whose state does not change is written."""

    reading_quiet_seconds: float = Field(default=5.0, ge=0)
    """Readings of one key nearer together than this, that change no state, are not written one by one."""
