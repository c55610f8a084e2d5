"""Agencies: who leads, co-operates, owns and has to decide; effective-dated, with successors."""

from __future__ import annotations

from datetime import date

from ioc_devtools.catalogue.entry import AreaCode, Code, Entry, Named, Text


class SucceededBy(Entry):
    """What took an agency's place, from which day; not verified until a citation is entered."""

    code: Code
    from_date: date
    verified: bool


class Agency(Named):
    """One agency, or a group of them whose members have to be entered."""

    parent: Code | None = None
    group: bool = False
    area: AreaCode | None = None
    valid_to: date | None = None
    succeeded_by: SucceededBy | None = None
    note: Text | None = None

    @property
    def ends_on(self) -> date | None:
        """The first day without it, stated or by succession; None while it stands."""
        return self.valid_to or (self.succeeded_by.from_date if self.succeeded_by else None)


class AgencyFile(Entry):
    """agencies.yaml"""

    agencies: tuple[Agency, ...]
