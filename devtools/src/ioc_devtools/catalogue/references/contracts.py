"""Checks of contracts: whose, from which source, in which units, on which ground; no series and no device twice."""

from __future__ import annotations

from ioc_devtools.catalogue.contract import Contract
from ioc_devtools.catalogue.document import Document
from ioc_devtools.catalogue.drafts import Draft
from ioc_devtools.catalogue.references.register import Registers, known, unique


def check_contracts(draft: Draft, registers: Registers) -> None:
    """Notes what is wrong in and between contracts."""
    devices: dict[str, str] = {}
    series: dict[tuple[str, str], str] = {}
    contracts: dict[tuple[str, str], str] = {}
    for part in draft.contracts:
        document, contract = part.document, part.value
        if contract is None:
            continue
        code = (contract.tenant, contract.contract)
        if code in contracts:
            document.report(("contract",), f"{contracts[code]} has this code already", "give it a code of its own")
        contracts[code] = document.file
        _parties(document, contract, registers)
        _measures(document, contract, registers)
        _ground(document, contract, draft, registers)
        _dimensions(document, contract, registers)
        for i, thing in enumerate(contract.things):
            # A client id is unique in the whole broker: a second device of that name would throw the first one out.
            if thing.device and thing.device in devices:
                message = f"device {thing.device!r} is in {devices[thing.device]} already"
                document.report(("things", i, "device"), message, "give each device a name of its own")
            if thing.device:
                devices[thing.device] = document.file
        for one in contract.series():
            if (contract.tenant, one.key) in series:
                message = f"{series[contract.tenant, one.key]} makes the series {one.key!r} already"
                document.report(("measures",), message, "take the measure or the thing out of one of the two")
                break
            series[contract.tenant, one.key] = document.file


def _parties(document: Document, contract: Contract, registers: Registers) -> None:
    known(document, ("tenant",), contract.tenant, registers.tenants, "tenant", "tenants.yaml")
    known(document, ("source",), contract.source, registers.sources, "source", "sources.yaml")
    registers.agency(document, ("agency",), contract.agency)
    registers.cite(document, ("cite",), contract.cite)


def _measures(document: Document, contract: Contract, registers: Registers) -> None:
    unique(document, ((("measures", i, "code"), one.code) for i, one in enumerate(contract.measures)), "measure")
    source = registers.sources.get(contract.source) if registers.sources else None
    for i, measure in enumerate(contract.measures):
        registers.unit(document, ("measures", i, "unit"), measure.unit)
        if source:
            what = f"measure of {source.code}"
            place = f"the measures of {source.code} in sources.yaml"
            known(document, ("measures", i, "code"), measure.code, set(source.measures), what, place)


def _ground(document: Document, contract: Contract, draft: Draft, registers: Registers) -> None:
    unique(document, ((("things", i, "code"), one.code) for i, one in enumerate(contract.things)), "thing")
    tenants = draft.tenants.value.tenants if draft.tenants.value else ()
    tenant = next((one for one in tenants if one.code == contract.tenant), None)
    places = [(("things", i, "area"), one.area) for i, one in enumerate(contract.things)]
    for where, code in [*places, *((("areas", i), code) for i, code in enumerate(contract.areas))]:
        if not registers.area(document, where, code) or registers.areas is None:
            continue
        if not registers.areas[code].holds_on(contract.valid_from):
            message = f"area {code} does not exist on {contract.valid_from}, when the contract begins"
            document.report(where, message, "name the area of that day, or move valid_from")
        elif tenant:
            # Statistics may reach back before the tenant's first day: its ground is then that of its first day.
            ground = tenant.areas_on(max(contract.valid_from, tenant.valid_from))
            if code not in ground and registers.areas[code].parent not in ground:
                message = f"area {code} is not on the ground of tenant {tenant.code}"
                document.report(where, message, "name an area of the tenant, or add it in tenants.yaml")


def _dimensions(document: Document, contract: Contract, registers: Registers) -> None:
    codes = [one.code for one in contract.dimensions]
    unique(document, ((("dimensions", i, "code"), code) for i, code in enumerate(codes)), "dimension")
    for i, dimension in enumerate(contract.dimensions):
        unique(document, ((("dimensions", i, "codes", j), code) for j, code in enumerate(dimension.codes)), "code")
        for j, code in enumerate(dimension.codes):
            registers.agency(document, ("dimensions", i, "codes", j), code)
    columns = contract.sdmx.columns if contract.sdmx else ()
    named = [column.dimension for column in columns if column.role == "dimension"]
    if contract.sdmx and sorted(map(str, named)) != sorted(codes):
        message = f"the columns name the dimensions {named}, the contract has {codes}"
        document.report(("sdmx", "columns"), message, "give every dimension one column with role: dimension")
