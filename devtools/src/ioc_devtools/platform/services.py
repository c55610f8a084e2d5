"""The services of the platform as parts: their commands and environments, derived from ports and secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ioc_devtools.platform.processes import PartSpec
from ioc_devtools.platform.state import StateFolder
from ioc_kit.embedded import kept_issuer_key
from ioc_kit.embedded.nats_users import WATCH

ROOT = Path(__file__).resolve().parents[4]
"""The source tree: the realm file, the catalogue and the migrations stand in it."""
HOST = "127.0.0.1"
PROVINCE = "nghe-an"
DATABASE = "ioc"
SCHEMAS = {"registry": "registry", "ingest": "ingest", "kpi": "kpi", "alerts": "alerts", "soc-bridge": "soc"}
"""gRPC services with a store, in the order they start; name to schema."""
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE")
_TELEMETRY_PREFIX = "OTEL_"
_TUNABLE = ("IOC_RATE_PER_MINUTE", "IOC_ANONYMOUS_RATE_PER_MINUTE", "IOC_LOG_LEVEL")
"""Settings that a test or a bench may give to every part."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that is known before anything starts."""

    ports: Mapping[str, int]
    state: StateFolder

    def address(self, name: str) -> str:
        """host:port of a part."""
        return f"{HOST}:{self.ports[name]}"

    @property
    def public_url(self) -> str:
        """Where browsers and partners go."""
        return f"http://{self.address('gateway')}"

    @property
    def issuer(self) -> str:
        """The issuer's identifier: the embedded one, or the one that IOC_EXTERNAL_ISSUER names (a Keycloak)."""
        return external_issuer() or f"http://{self.address('identity')}/realms/ioc"

    def database_url(self, role: str) -> str:
        """The URL of a database role; its password is a secret of this installation."""
        return f"postgresql://{role}:{self.state.secret(f'db:{role}')}@{self.address('postgres')}/{DATABASE}"


def external_issuer() -> str:
    """An issuer that somebody else runs with the same realm and settings; empty for the embedded one."""
    return os.environ.get("IOC_EXTERNAL_ISSUER", "")


def inherited() -> dict[str, str]:
    """What a part may take over from our own environment: no secret of anybody else."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    kept |= {name: os.environ[name] for name in _TUNABLE if name in os.environ}
    return kept | {name: value for name, value in os.environ.items() if name.startswith(_TELEMETRY_PREFIX)}


def realm_environment(layout: Layout) -> dict[str, str]:
    """The placeholders of the realm file."""
    clients = ("vinh-ioc", "hoang-mai-ioc", "soc-partner-nghe-an", "svc-kpi", "svc-gateway")
    secrets = {secret_name(client): layout.state.secret(secret_name(client)) for client in clients}
    return secrets | {
        "IOC_DEMO_PASSWORD": layout.state.secret("IOC_DEMO_PASSWORD"),
        "IOC_DEMO_USERS": "true",
        "IOC_PUBLIC_URL": layout.public_url,
    }


def secret_name(client: str) -> str:
    """The placeholder that holds a confidential client's secret."""
    return f"IOC_CLIENT_SECRET_{client.upper().replace('-', '_')}"


def issuer_spec(layout: Layout) -> PartSpec:
    """The embedded identity provider."""
    command = [
        *_python("ioc_devtools.issuer"),
        f"--realm={ROOT / 'identity' / 'realm.json'}",
        f"--listen={layout.address('identity')}",
        f"--state={layout.state.folder('identity')}",
    ]
    environment = inherited() | realm_environment(layout) | {"IOC_ENVIRONMENT": "development"}
    return PartSpec("identity", command, environment, layout.issuer)


def service_specs(layout: Layout) -> list[PartSpec]:
    """The five services with a store."""
    return [
        PartSpec(name, _python(_module(name)), _environment(layout, name), layout.address(name)) for name in SCHEMAS
    ]


def gateway_spec(layout: Layout) -> PartSpec:
    """The public edge; starts last, when what it calls is there."""
    environment = _common(layout, "gateway") | {
        "IOC_HTTP_LISTEN": layout.address("gateway"),
        "IOC_PUBLIC_URL": layout.public_url,
        "IOC_CLIENT_ID": "svc-gateway",
        "IOC_CLIENT_SECRET": layout.state.secret(secret_name("svc-gateway")),
        **_peers(layout),
    }
    return PartSpec("gateway", _python("ioc_gateway"), environment, layout.public_url)


def _environment(layout: Layout, name: str) -> dict[str, str]:
    schema = SCHEMAS[name]
    environment = _common(layout, name) | {
        "IOC_GRPC_LISTEN": layout.address(name),
        "IOC_DATABASE_URL": layout.database_url(f"ioc_{schema}"),
    }
    if name == "ingest":
        environment |= {
            "IOC_WRITER_DATABASE_URL": layout.database_url("ioc_ingest_writer"),
            # What NATS acknowledges and drops stands only in its log.
            "IOC_NATS_SERVER_LOG": str(layout.state.path / "nats" / "nats.log"),
            "IOC_MQTT_HOST": HOST,
            "IOC_MQTT_PORT": str(layout.ports["mqtt"]),
            "IOC_NATS_SYSTEM_USER": WATCH,
            "IOC_NATS_SYSTEM_PASSWORD": layout.state.secret(f"nats:{WATCH}"),
            "IOC_NATS_CALLOUT_SEED": kept_issuer_key(layout.state.path / "callout.seed").seed,
        }
    elif name == "kpi":
        environment |= {
            "IOC_INGEST_ADDRESS": layout.address("ingest"),
            "IOC_CLIENT_ID": "svc-kpi",
            "IOC_CLIENT_SECRET": layout.state.secret(secret_name("svc-kpi")),
        }
    elif name == "soc-bridge":
        environment["IOC_SYSLOG_LISTEN"] = f"{layout.address('syslog')}={PROVINCE}/syslog"
    return environment


def _common(layout: Layout, name: str) -> dict[str, str]:
    return inherited() | {
        "IOC_ENVIRONMENT": "development",
        "IOC_OIDC_ISSUER": layout.issuer,
        "IOC_OIDC_AUDIENCE": "ioc-api",
        "IOC_PROVINCE_TENANT": PROVINCE,
        "IOC_NATS_URL": f"nats://{layout.address('nats')}",
        "IOC_NATS_USER": SCHEMAS.get(name, name),
        "IOC_NATS_PASSWORD": layout.state.secret(f"nats:{SCHEMAS.get(name, name)}"),
        "PYTHONUNBUFFERED": "1",
    }


def _peers(layout: Layout) -> dict[str, str]:
    return {f"IOC_{'SOC' if name == 'soc-bridge' else name.upper()}_ADDRESS": layout.address(name) for name in SCHEMAS}


def _module(name: str) -> str:
    return f"ioc_{name.replace('-', '_')}"


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]
