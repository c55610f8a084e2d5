"""Writes helm/ioc/files/nats.conf: what a NATS cluster in operation needs, with the same users as the embedded one.

The users and their permissions come from `ioc_kit.embedded.nats_users`; `--check` writes nothing and ends with status 1
when the file differs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ioc_kit.embedded.nats import MAX_PAYLOAD
from ioc_kit.embedded.nats_users import USER_NAMES, Account, NatsUser, platform_users

TARGET = Path(__file__).resolve().parents[2] / "helm" / "ioc" / "files" / "nats.conf"
_HEAD = f"""\
# nats-server 2.15 or newer for the platform: three servers, the same file for each.
# Written by devtools/charts/nats_conf.py.
#
# $NAMES come from the environment of the server. A value is read as if it stood here: begin passwords with a letter,
# and use letters, digits, dashes and underscores only. Without one of them the server does not start.
#   IOC_NATS_SERVER        this server's own name, the pod's
#   IOC_NATS_REPLICAS      3, or 1 for a server that is alone (then leave out `cluster`)
#   IOC_NATS_PASSWORD_...  one for each user below
#   IOC_NATS_CLUSTER_PASSWORD
#   IOC_NATS_CALLOUT_ISSUER  public half (A...) of the account nkey whose seed ingest has (NATS_CALLOUT_SEED)

server_name: $IOC_NATS_SERVER
listen: "0.0.0.0:4222"
# For probes and for Prometheus' NATS exporter; keep it inside the cluster.
http: "0.0.0.0:8222"
# Bytes of one message: a columnar batch fits.
max_payload: {MAX_PAYLOAD}

jetstream {{
  store_dir: "/data/jetstream"
  # "Accepted" means on the disk. Without this the server acknowledges what it writes up to two minutes later.
  sync_interval: always
}}

cluster {{
  name: ioc
  listen: "0.0.0.0:6222"
  authorization {{
    user: route
    password: $IOC_NATS_CLUSTER_PASSWORD
  }}
  routes: [
    "nats://nats-0.nats-headless:6222"
    "nats://nats-1.nats-headless:6222"
    "nats://nats-2.nats-headless:6222"
  ]
}}

# MQTT 3.1.1 for devices. It speaks plain TCP, for ingest is a client too: end TLS for devices before it, at port 8883.
mqtt {{
  listen: "0.0.0.0:1883"
  stream_replicas: $IOC_NATS_REPLICAS
}}

# Whoever is not a user below is a device: ingest is asked, and without an answer it is refused.
authorization {{
  timeout: 5
  auth_callout {{
    issuer: $IOC_NATS_CALLOUT_ISSUER
    account: {Account.IOC.value}
    auth_users: [{", ".join(USER_NAMES)}]
  }}
}}

system_account: {Account.SYS.value}

accounts {{
"""


def main(arguments: list[str]) -> int:
    """Writes the file, or with `--check` compares it. Returns the exit status."""
    text = config()
    if "--check" not in arguments:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(text, encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != text:
        print(f"{TARGET.name} differs from the kit; run: python devtools/charts/nats_conf.py", file=sys.stderr)
        return 1
    return 0


def config() -> str:
    """The whole file."""
    users = platform_users({name: password_variable(name) for name in USER_NAMES})
    accounts = []
    for account, first in ((Account.IOC, ["jetstream: enabled"]), (Account.SYS, [])):
        lines = [*first, "users: [", *(line for user in users if user.account is account for line in _user(user)), "]"]
        accounts += [f"  {account.value} {{", *(f"    {line}" for line in lines), "  }"]
    return _HEAD + "\n".join(accounts) + "\n}\n"


def password_variable(user: str) -> str:
    """`ingest-watch` -> `$IOC_NATS_PASSWORD_INGEST_WATCH`."""
    return f"$IOC_NATS_PASSWORD_{user.upper().replace('-', '_')}"


def _user(user: NatsUser) -> list[str]:
    if user.publish is None or user.subscribe is None:
        return [f"  {{ user: {user.name}, password: {user.password} }}"]
    return [
        f"  {{ user: {user.name}, password: {user.password}, permissions: {{",
        "      # Whoever is asked may answer, on that one reply subject.",
        "      allow_responses: true",
        f"      publish: {{ allow: [{', '.join(map(_quoted, user.publish))}] }}",
        f"      subscribe: {{ allow: [{', '.join(map(_quoted, user.subscribe))}] }}",
        "  } }",
    ]


def _quoted(subject: str) -> str:
    # Quoted, `$JS` stays a subject instead of being looked for in the environment.
    return f'"{subject}"'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
