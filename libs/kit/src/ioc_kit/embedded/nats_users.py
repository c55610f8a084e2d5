"""Who may do what on the message bus: a static user per part of the platform, with the least it needs.

A part publishes the subjects it owns, declares the streams it owns, and reads (by consumers) the streams it names.
Anything else is refused by the server. Devices are not here: the auth callout admits them one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DEAD_LETTERS = "DEADLETTERS"
MQTT_STREAM = "$MQTT_msgs"


class Account(StrEnum):
    """`IOC` carries everything; `SYS` is the server's own: its advisories and the power to cut a connection."""

    IOC = "IOC"
    SYS = "SYS"


@dataclass(frozen=True, slots=True)
class NatsUser:
    """A static user. None for `publish` and `subscribe` means everything in its account."""

    name: str
    password: str = field(repr=False)
    publish: tuple[str, ...] | None = None
    subscribe: tuple[str, ...] | None = None
    account: Account = Account.IOC

    def as_config(self) -> dict[str, object]:
        """The user as nats-server's configuration has it."""
        config: dict[str, object] = {"user": self.name, "password": self.password}
        if self.publish is not None and self.subscribe is not None:
            config["permissions"] = {
                "publish": {"allow": list(self.publish)},
                "subscribe": {"allow": list(self.subscribe)},
                # Whoever is asked may answer, on that one reply subject.
                "allow_responses": True,
            }
        return config


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the platform does on the bus. `subject` is its word in `ioc.<tenant>.<subject>.v1.>`."""

    subject: str
    owns: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    also_publishes: tuple[str, ...] = ()
    also_subscribes: tuple[str, ...] = ()


PLATFORM: Mapping[str, Part] = {
    "registry": Part("registry", owns=("REGISTRY",)),
    "ingest": Part(
        "ingest",
        owns=("OBSERVATIONS", "INGEST"),
        reads=("REGISTRY", "OBSERVATIONS", MQTT_STREAM),
        # The topic tree of devices: ingest's own MQTT client makes the server create the MQTT streams, and sends down.
        also_publishes=("dev.>",),
        also_subscribes=("$SYS.REQ.USER.AUTH", "dev.>"),
    ),
    "kpi": Part("kpi", owns=("KPI",), reads=("REGISTRY", "INGEST")),
    "alerts": Part("alerts", owns=("ALERTS",), reads=("REGISTRY", "INGEST", "KPI")),
    # soc-bridge chains everybody's audit events.
    "soc": Part("soc", owns=("SOC",), reads=("REGISTRY", "INGEST", "KPI", "ALERTS", "GATEWAY")),
    "gateway": Part("gateway", owns=("GATEWAY",), reads=("REGISTRY", "INGEST", "KPI", "ALERTS", "SOC")),
}
"""The parts of the platform by the name of their user."""

OPERATOR = "ops"
SYSTEM = "sys"
WATCH = "ingest-watch"
USER_NAMES = (*PLATFORM, OPERATOR, SYSTEM, WATCH)
"""Every static user, each of which needs a password."""
_WATCHED = f"$SYS.ACCOUNT.{Account.IOC.value}.DISCONNECT"
_WATCH_ASKS = (f"$SYS.REQ.ACCOUNT.{Account.IOC.value}.CONNZ", "$SYS.REQ.SERVER.*.KICK")


def part_user(name: str, password: str, part: Part) -> NatsUser:
    """The user of a part: its own subjects, its streams, consumers on what it reads, dead letters of what it reads."""
    publish = [f"ioc.*.{part.subject}.v1.>", "$JS.API.INFO", "$JS.API.STREAM.NAMES", *part.also_publishes]
    for stream in (*part.owns, DEAD_LETTERS):
        publish += [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("CREATE", "UPDATE", "INFO")]
    for stream in dict.fromkeys((*part.owns, *part.reads)):
        publish += [
            f"$JS.API.STREAM.INFO.{stream}",
            f"$JS.API.STREAM.MSG.GET.{stream}",
            f"$JS.API.DIRECT.GET.{stream}",
            f"$JS.API.DIRECT.GET.{stream}.>",
            f"$JS.API.CONSUMER.*.{stream}",
            f"$JS.API.CONSUMER.*.{stream}.>",
            f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.>",
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.>",
            f"$JS.ACK.{stream}.>",
            f"$JS.FC.{stream}.>",
            f"dead.{stream}.>",
        ]
    return NatsUser(name, password, tuple(dict.fromkeys(publish)), ("_INBOX.>", *part.also_subscribes))


def platform_users(passwords: Mapping[str, str]) -> list[NatsUser]:
    """All static users, the parts of PLATFORM and three more.

    `ops` may do everything in IOC (the `ioc` command), `sys` everything in the server's account; by `ingest-watch`
    ingest hears in that account of devices that were cut off, and cuts them off itself.
    `passwords` is by user name, for all of USER_NAMES. Raises KeyError when one is missing.
    """
    return [
        *(part_user(name, passwords[name], part) for name, part in PLATFORM.items()),
        NatsUser(OPERATOR, passwords[OPERATOR]),
        NatsUser(SYSTEM, passwords[SYSTEM], account=Account.SYS),
        NatsUser(WATCH, passwords[WATCH], _WATCH_ASKS, ("_INBOX.>", _WATCHED), Account.SYS),
    ]
