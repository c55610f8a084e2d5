"""What ingest reads from the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr

from ioc_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Beside what every service reads: the writer's own role, the log, files, and the MQTT door."""

    writer_database_url: SecretStr
    """URL of the role `ioc_ingest_writer`, which may add to the ledger and see nothing."""
    log_max_age: timedelta = timedelta(days=7)
    """How long batches stay in the log; the writer must come back from an outage within this time."""
    log_max_bytes: int = Field(default=0, ge=0)
    """Size at which the log refuses more (0 = no limit of its own): intake stops, nothing is dropped."""
    writer_linger_ms: int = Field(default=20, ge=0, le=1000)
    """Shortest time between two transactions of the writer: small batches share one fsync."""
    file_max_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    """Largest file that is taken."""
    mqtt_host: str = ""
    """Host of the MQTT listener; empty leaves the MQTT door closed."""
    mqtt_port: int = 1883
    mqtt_group_ms: int = Field(default=50, ge=0, le=1000)
    """How long readings of devices wait for company, so that they share one message and one fsync."""
    nats_system_user: str = ""
    """User of the system account, by which a revoked device is cut off at once; empty: it stays until it reconnects."""
    nats_system_password: SecretStr = SecretStr("")
    nats_callout_seed: SecretStr = SecretStr("")
    """Account seed (nkey) that signs the admission of devices."""
    nats_server_log: Path | None = None
    """Log file of a NATS server on this machine: the only place that tells of publishes outside a device's topics."""
    receipt_days: int = Field(default=30, gt=0)
    """How long a batch id is remembered."""
    quarantine_days: int = Field(default=30, gt=0)
    """How long refused rows are kept."""
