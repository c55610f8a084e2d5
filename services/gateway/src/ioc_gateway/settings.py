"""What the gateway reads from the environment."""

from __future__ import annotations

from pydantic import SecretStr

from ioc_kit.settings import CommonSettings


class Settings(CommonSettings):
    """Addresses of the services behind the gateway, its public address, and its limits."""

    http_listen: str = "127.0.0.1:8080"
    public_url: str = "http://127.0.0.1:8080"
    registry_address: str
    ingest_address: str
    kpi_address: str
    alerts_address: str
    soc_address: str
    client_id: str = "svc-gateway"
    client_secret: SecretStr = SecretStr("")
    console_client_id: str = "ioc-console"
    rate_per_minute: int = 600
    """Requests a caller may make in a minute."""
    anonymous_rate_per_minute: int = 120
    """Requests an address may make in a minute without a token that holds."""
    max_upload_bytes: int = 50 * 1024 * 1024
    max_body_bytes: int = 1024 * 1024
    max_streams_per_caller: int = 8
    max_streams: int = 1000
    trusted_proxies: str = ""
    """Networks whose X-Forwarded-For is believed, e.g. `10.0.0.0/8`; empty believes nobody."""
    heartbeat_seconds: float = 15.0
