"""Traffic Light Protocol 2.0: how far a thing may be passed on, and who is served what."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Tlp(IntEnum):
    """In order of how narrow the circle is."""

    CLEAR = 0
    GREEN = 1
    AMBER = 2
    """Within the recipient's organisation and its clients."""
    AMBER_STRICT = 3
    """Within the recipient's organisation only."""
    RED = 4
    """For the eyes of single persons: never by a feed, whoever asks."""

    @property
    def label(self) -> str:
        """As FIRST writes it in small letters: `amber+strict`."""
        return self.name.lower().replace("_", "+")


_INSIDE = frozenset({"soc-analyst", "province-admin", "oc-admin"})


def served_up_to(roles: Iterable[str], *, is_own_tenant: bool) -> Tlp:
    """The narrowest marking that a caller with these roles is served.

    People and teams of the tenant itself get AMBER+STRICT; a partner's account, and the province looking into a
    centre's collection, are other organisations and get AMBER. Without any role that reads feeds: CLEAR.
    """
    held = set(roles)
    if held & _INSIDE:
        return Tlp.AMBER_STRICT if is_own_tenant else Tlp.AMBER
    return Tlp.AMBER if "partner" in held and is_own_tenant else Tlp.CLEAR
