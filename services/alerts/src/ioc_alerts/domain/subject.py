"""What an alert is about: a place, perhaps a thing there, perhaps dimensions. One open alert per rule and subject."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ioc_kit.errors import InvalidInput

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CODE = re.compile(r"[^\x00-\x1f\x7f/=]{1,128}")


@dataclass(frozen=True, slots=True)
class Subject:
    """Area code, thing code (empty: the area as a whole), dimensions in order of name."""

    area: str
    thing: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def make(cls, area: str, thing: str, dimensions: tuple[tuple[str, str], ...]) -> Subject:
        """A subject whose key follows from its parts. Raises InvalidInput for a part that cannot stand in a key."""
        for part in (area, *([thing] if thing else []), *(word for pair in dimensions for word in pair)):
            if not _CODE.fullmatch(part):
                raise InvalidInput.field("subject", f"{part!r} is empty or holds `/`, `=` or control characters")
        return cls(area, thing, tuple(sorted(dimensions)))

    @property
    def key(self) -> str:
        """`<area>[/<thing>][/<DIM>=<value>...]`: the tail of a series key, unique within a tenant and rule."""
        things = [self.thing] if self.thing else []
        return "/".join([self.area, *things, *(f"{name}={value}" for name, value in self.dimensions)])


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """A series key read back into its parts."""

    source: str
    measure: str
    subject: Subject


@lru_cache(maxsize=65_536)
def parse_series_key(key: str) -> SeriesKey:
    """Reads `<source>/<measure>/<area>[/<thing>][/<DIM>=<value>...]`. Raises InvalidInput for anything else.

    >>> parse_series_key("air-quality/pm25_ugm3/16690/aq-vinh-01").subject.thing
    'aq-vinh-01'
    """
    source, measure, area, *rest = parts if len(parts := key.split("/")) >= 3 else ["", "", ""]
    things = [part for part in rest if "=" not in part]
    dimensions = [part.partition("=") for part in rest if "=" in part]
    words = [source, measure, area, *things, *(word for name, _, value in dimensions for word in (name, value))]
    is_ordered = [*things, *("=".join((name, value)) for name, _, value in dimensions)] == rest
    if len(things) > 1 or not is_ordered or not all(_PART.fullmatch(word) for word in words):
        raise InvalidInput.field("series", f"{key!r} is not <source>/<measure>/<area>[/<thing>][/<DIM>=<value>...]")
    named = tuple(sorted((name, value) for name, _, value in dimensions))
    return SeriesKey(source, measure, Subject(area, things[0] if things else "", named))
