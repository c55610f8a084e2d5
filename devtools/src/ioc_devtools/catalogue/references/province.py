"""Checks of who and where: instruments, units, agencies, areas, tenants, sources, the plan."""

from __future__ import annotations

from ioc_devtools.catalogue.drafts import Draft
from ioc_devtools.catalogue.plan import Duty, Task
from ioc_devtools.catalogue.references.register import Registers, known, unique
from ioc_devtools.catalogue.source import Source


def check_province(draft: Draft, registers: Registers) -> None:
    """Notes what is wrong between the files that say who and where."""
    _instruments_and_units(draft, registers)
    _agencies(draft, registers)
    _areas(draft)
    _tenants(draft, registers)
    _sources(draft, registers)
    _plan(draft, registers)


def _instruments_and_units(draft: Draft, registers: Registers) -> None:
    document, value = draft.instruments.document, draft.instruments.value
    if value:
        unique(
            document, ((("instruments", i, "code"), one.code) for i, one in enumerate(value.instruments)), "instrument"
        )
        for i, instrument in enumerate(value.instruments):
            for j, code in enumerate(instrument.supersedes):
                where = ("instruments", i, "supersedes", j)
                known(document, where, code, registers.instruments, "instrument", "instruments.yaml")
    document, units = draft.units.document, draft.units.value
    if units:
        unique(document, ((("units", i, "code"), one.code) for i, one in enumerate(units.units)), "unit")


def _agencies(draft: Draft, registers: Registers) -> None:
    document, value = draft.agencies.document, draft.agencies.value
    if not value:
        return
    unique(document, ((("agencies", i, "code"), one.code) for i, one in enumerate(value.agencies)), "agency")
    for i, agency in enumerate(value.agencies):
        if agency.parent:
            registers.agency(document, ("agencies", i, "parent"), agency.parent)
        if agency.succeeded_by:
            registers.agency(document, ("agencies", i, "succeeded_by", "code"), agency.succeeded_by.code)
        if agency.area:
            registers.area(document, ("agencies", i, "area"), agency.area)


def _areas(draft: Draft) -> None:
    districts, communes = draft.districts, draft.communes
    for rows in (draft.province, districts, communes):
        unique(rows.document, (((i, "code"), row.code) for i, row in enumerate(rows.value or ())), "area")
    if districts.value is None or communes.value is None:
        return
    codes = {row.code for row in districts.value}
    for i, district in enumerate(districts.value):
        if district.merged_into:
            known(districts.document, (i, "merged_into"), district.merged_into, codes, "district", "areas/2024.csv")
        counted = sum(1 for row in communes.value if row.district_2024 == district.code)
        if counted != district.successors_2025_07:
            message = (
                f"{district.successors_2025_07} successors printed, {counted} rows of 2025.csv name {district.code}"
            )
            districts.document.report(
                (i, "successors_2025_07"), message, "correct district_2024 there, or the count here"
            )
    for i, commune in enumerate(communes.value):
        known(communes.document, (i, "district_2024"), commune.district_2024, codes, "district", "areas/2024.csv")


def _tenants(draft: Draft, registers: Registers) -> None:
    document, value = draft.tenants.document, draft.tenants.value
    if not value:
        return
    unique(document, ((("tenants", i, "code"), one.code) for i, one in enumerate(value.tenants)), "tenant")
    roots = [one.code for one in value.tenants if one.parent is None]
    if len(roots) != 1:
        message = f"{len(roots)} tenants have no parent ({', '.join(roots) or 'none'})"
        document.report(("tenants",), message, "the province is the one root: give every other tenant its parent")
    for i, tenant in enumerate(value.tenants):
        if tenant.parent:
            known(document, ("tenants", i, "parent"), tenant.parent, registers.tenants, "tenant", "tenants.yaml")
            if tenant.parent == tenant.code:
                document.report(("tenants", i, "parent"), "a tenant is not its own parent", "name the province")
        registers.agency(document, ("tenants", i, "agency"), tenant.agency)
        registers.cite(document, ("tenants", i, "cite"), tenant.cite)
        for j, ground in enumerate(tenant.areas):
            for k, code in enumerate(ground.codes):
                where = ("tenants", i, "areas", j, "codes", k)
                if registers.area(document, where, code) and registers.areas:
                    area = registers.areas[code]
                    if not area.holds_on(ground.since):
                        document.report(
                            where, f"area {code} does not exist on {ground.since}", "split the ground by date"
                        )
                    elif area.valid_to and (ground.to is None or ground.to > area.valid_to):
                        document.report(
                            where, f"area {code} ends on {area.valid_to}", f"end this ground with to: {area.valid_to}"
                        )


def _sources(draft: Draft, registers: Registers) -> None:
    document, value = draft.sources.document, draft.sources.value
    if not value:
        return
    unique(document, ((("sources", i, "code"), one.code) for i, one in enumerate(value.sources)), "source")
    for i, source in enumerate(value.sources):
        for name, codes in (("lead", source.lead), ("with", source.partners)):
            for j, code in enumerate(codes):
                registers.agency(document, ("sources", i, name, j), code)
        unique(document, ((("sources", i, "measures", j), one) for j, one in enumerate(source.measures)), "measure")
        for j, use in enumerate(source.uses):
            other, _, measure = use.partition("/")
            found = registers.sources.get(other) if registers.sources else None
            if found is None or measure not in found.measures:
                document.report(
                    ("sources", i, "uses", j), f"no measure {use!r}", "write it as source/measure of this file"
                )
        _readiness(draft, i, source)


def _readiness(draft: Draft, index: int, source: Source) -> None:
    plan = draft.plan.value
    if plan is None:
        return
    choices = [one.code for one in (plan.steps if source.phase == "expanded" else plan.stages)]
    for j, code in enumerate(source.readiness.done):
        if code not in choices:
            message = f"{code!r} is no milestone of a source that is {source.phase}"
            where = ("sources", index, "readiness", "done", j)
            draft.sources.document.report(where, message, f"choose {', '.join(choices)}")


def _plan(draft: Draft, registers: Registers) -> None:
    document, plan = draft.plan.document, draft.plan.value
    if not plan:
        return
    known(document, ("instrument",), plan.instrument, registers.instruments, "instrument", "instruments.yaml")
    assignments: tuple[tuple[str, tuple[Task | Duty, ...]], ...] = (("tasks", plan.tasks), ("duties", plan.duties))
    for part, items in assignments:
        unique(document, (((part, i, "ref"), one.ref) for i, one in enumerate(items)), "ref")
        for i, item in enumerate(items):
            for name, codes in (("lead", item.lead), ("with", item.partners)):
                for j, code in enumerate(codes):
                    registers.agency(document, (part, i, name, j), code)
