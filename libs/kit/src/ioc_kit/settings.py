"""The settings that every service reads, from the environment only; a service adds its own fields."""

from __future__ import annotations

from enum import StrEnum

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Where the process runs. Production refuses what is only for development."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class CommonSettings(BaseSettings):
    """What any process of the platform needs, services with and without a store."""

    model_config = SettingsConfigDict(env_prefix="IOC_", extra="ignore", frozen=True)

    environment: Environment = Environment.PRODUCTION
    log_level: str = "INFO"
    oidc_issuer: str
    oidc_audience: str = "ioc-api"
    province_tenant: str = "nghe-an"
    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str = ""
    nats_password: SecretStr = SecretStr("")
    drain_seconds: float = 10.0


class ServiceSettings(CommonSettings):
    """What a gRPC service with a schema of its own needs."""

    grpc_listen: str = "127.0.0.1:0"
    database_url: SecretStr
    migration_database_url: SecretStr | None = None
    database_pool: int = 5
