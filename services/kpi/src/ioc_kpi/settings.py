"""What kpi reads from the environment."""

from __future__ import annotations

from pydantic import Field, SecretStr

from ioc_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    """The ledger it asks, the account it asks as, and how long it waits before it computes."""

    ingest_address: str
    client_id: str = "svc-kpi"
    client_secret: SecretStr
    provisional_minutes: float = Field(5.0, ge=0)
    """From this minute on a running period counts, marked provisional."""
    settle_ms: int = Field(100, ge=0)
    """How long a touched value waits, so that a burst of readings is one computation."""
    settle_running_ms: int = Field(3000, ge=0)
    """The same for a period that is still running, which is touched again and again."""
