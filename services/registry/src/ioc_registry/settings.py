"""What the registry reads from the environment."""

from ioc_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Nothing beyond what every service reads."""
