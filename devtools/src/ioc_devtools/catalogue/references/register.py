"""The codes that may be named, by noun; a register whose file is wrong says yes, lest one mistake be told twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from ioc_devtools.catalogue.area import Area
from ioc_devtools.catalogue.contract import Contract
from ioc_devtools.catalogue.document import Document, Where
from ioc_devtools.catalogue.drafts import Draft
from ioc_devtools.catalogue.entry import Citation
from ioc_devtools.catalogue.indicator import Indicator
from ioc_devtools.catalogue.source import Source


class Registers:
    """Codes by noun; None where the file could not be read as a whole."""

    def __init__(self, draft: Draft) -> None:
        instruments, units, agencies = draft.instruments.value, draft.units.value, draft.agencies.value
        tenants, sources, areas = draft.tenants.value, draft.sources.value, draft.areas()
        self.instruments = {one.code for one in instruments.instruments} if instruments else None
        self.units = {one.code for one in units.units} if units else None
        self.agencies = {one.code for one in agencies.agencies} if agencies else None
        self.tenants = {one.code for one in tenants.tenants} if tenants else None
        self.sources: dict[str, Source] | None = {one.code: one for one in sources.sources} if sources else None
        self.areas: dict[str, Area] | None = {one.code: one for one in areas} if areas else None
        self.contracts: tuple[Contract, ...] = tuple(part.value for part in draft.contracts if part.value)
        self.indicators: dict[str, Indicator] | None = (
            {
                f"{part.value.set}/{one.code}": one
                for part in draft.indicator_sets
                if part.value
                for one in part.value.indicators
            }
            if all(part.value for part in draft.indicator_sets)
            else None
        )

    def agency(self, document: Document, where: Where, code: str) -> None:
        """Notes an agency that agencies.yaml does not have."""
        known(document, where, code, self.agencies, "agency", "agencies.yaml")

    def unit(self, document: Document, where: Where, code: str) -> None:
        """Notes a unit that units.yaml does not have."""
        known(document, where, code, self.units, "unit", "units.yaml")

    def area(self, document: Document, where: Where, code: str) -> bool:
        """Notes an area that no file of areas/ has; True when it is there to be looked at."""
        known(document, where, code, self.areas, "area", "areas/")
        return bool(self.areas and code in self.areas)

    def cite(self, document: Document, where: Where, citation: Citation | None) -> None:
        """Notes a citation of an instrument that instruments.yaml does not have."""
        if citation:
            known(
                document,
                (*where, "instrument"),
                citation.instrument,
                self.instruments,
                "instrument",
                "instruments.yaml",
            )

    def measure(self, document: Document, where: Where, source: str, measure: str) -> None:
        """Notes a source that sources.yaml does not have, or a measure that the source does not list."""
        known(document, (*where, "source"), source, self.sources, "source", "sources.yaml")
        found = self.sources.get(source) if self.sources else None
        if found:
            what = f"measure of {source}"
            known(
                document,
                (*where, "measure"),
                measure,
                set(found.measures),
                what,
                f"the measures of {source} in sources.yaml",
            )

    def indicator(self, document: Document, where: Where, ref: str) -> Indicator | None:
        """The indicator, or None; notes one that no set has."""
        known(document, where, ref, self.indicators, "indicator", "indicators/")
        return self.indicators.get(ref) if self.indicators else None


def known(
    document: Document, where: Where, code: str, register: Mapping[str, object] | set[str] | None, noun: str, place: str
) -> None:
    """Notes a code that its register does not have, with the nearest one that it has."""
    if register is None or code in register:
        return
    close = get_close_matches(code, list(register), n=1)
    remedy = f"did you mean {close[0]}?" if close else f"correct it, or enter it in {place}"
    document.report(where, f"no {noun} {code!r}", remedy)


def unique(document: Document, codes: Iterable[tuple[Where, str]], noun: str) -> None:
    """Notes every code that an earlier entry has already."""
    seen: set[str] = set()
    for where, code in codes:
        if code in seen:
            document.report(where, f"{noun} {code!r} stands here twice", "give each its own code, or remove one")
        seen.add(code)
