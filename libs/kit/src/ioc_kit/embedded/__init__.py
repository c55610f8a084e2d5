"""Real servers as children of this process, from Python wheels alone: PostgreSQL 18 and NATS with JetStream and MQTT.

For development and tests. Everything here is synchronous; from asyncio call it by `asyncio.to_thread`.
A server ends with the process that started it, also when that process is killed with SIGKILL (Linux).
"""

from ioc_kit.embedded.errors import EmbeddedError
from ioc_kit.embedded.nats import EmbeddedNats
from ioc_kit.embedded.nats_users import USER_NAMES, Account, NatsUser, Part, part_user, platform_users
from ioc_kit.embedded.nkey import IssuerKey, kept_issuer_key, new_issuer_key
from ioc_kit.embedded.postgres import EmbeddedPostgres
from ioc_kit.embedded.process import Profile
from ioc_kit.embedded.roles import clone_database, create_service_roles, drop_database, role_names, with_login

__all__ = [
    "USER_NAMES",
    "Account",
    "EmbeddedError",
    "EmbeddedNats",
    "EmbeddedPostgres",
    "IssuerKey",
    "NatsUser",
    "Part",
    "Profile",
    "clone_database",
    "create_service_roles",
    "drop_database",
    "kept_issuer_key",
    "new_issuer_key",
    "part_user",
    "platform_users",
    "role_names",
    "with_login",
]
