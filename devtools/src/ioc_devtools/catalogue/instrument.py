"""Instruments (plans, decisions, laws, standards) that citations point to, and the units of measure."""

from __future__ import annotations

from datetime import date
from typing import Literal

from ioc_devtools.catalogue.entry import Code, Entry, Text, UnitCode, Verification

InstrumentKind = Literal[
    "plan",
    "decision",
    "decree",
    "law",
    "circular",
    "resolution",
    "letter",
    "directive",
    "regulation",
    "standard",
    "scheme",
]


class Instrument(Entry):
    """One instrument: number, issuer, date, validity, what it supersedes, and how sure the entry is."""

    code: Code
    kind: InstrumentKind
    number: Text
    issuer: Text
    title_vi: Text | None = None  # international standards have none
    title_en: Text
    issued_on: date | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    supersedes: tuple[Code, ...] = ()
    verification: Verification
    readable: bool = True
    note: Text | None = None


class Unit(Entry):
    """A unit that data may carry: its code, and the symbol that people see."""

    code: UnitCode
    symbol: str
    name_vi: Text
    name_en: Text


class InstrumentFile(Entry):
    """instruments.yaml"""

    instruments: tuple[Instrument, ...]


class UnitFile(Entry):
    """units.yaml"""

    units: tuple[Unit, ...]
