"""Tenants, areas, agencies, sources and contracts as the registry's ApplyCatalogueRequest."""

from __future__ import annotations

from ioc.registry.v1 import catalogue_pb2, contract_pb2, place_pb2, source_pb2
from ioc_devtools.catalogue.agency import Agency
from ioc_devtools.catalogue.area import Area
from ioc_devtools.catalogue.catalogue import Catalogue
from ioc_devtools.catalogue.contract import Contract, SdmxFile
from ioc_devtools.catalogue.source import Privacy, Source
from ioc_devtools.catalogue.tenant import Tenant
from ioc_devtools.catalogue.to_proto.text import citation_to_proto, day_to_proto, period_to_proto, text_to_proto


def catalogue_request(catalogue: Catalogue) -> catalogue_pb2.ApplyCatalogueRequest:
    """Everything that the registry is to hold; `dry_run` and `request_id` are left to whoever calls."""
    return catalogue_pb2.ApplyCatalogueRequest(
        tenants=[_tenant(one) for one in catalogue.tenants],
        areas=[_area(catalogue, one) for one in catalogue.areas],
        agencies=[_agency(one) for one in catalogue.agencies],
        sources=[_source(catalogue, one) for one in catalogue.sources],
        contracts=[_contract(catalogue, one) for one in catalogue.contracts],
    )


def _tenant(tenant: Tenant) -> place_pb2.Tenant:
    # The wire has one list for all times: an area's own validity says when it counts.
    areas = dict.fromkeys(code for ground in tenant.areas for code in ground.codes)
    return place_pb2.Tenant(
        tenant=tenant.code,
        name=text_to_proto(tenant.name_vi, tenant.name_en),
        parent=tenant.parent or "",
        areas=list(areas),
        valid_from=day_to_proto(tenant.valid_from),
        valid_to=day_to_proto(tenant.valid_to),
    )


def _area(catalogue: Catalogue, area: Area) -> place_pb2.Area:
    return place_pb2.Area(
        code=area.code,
        name=text_to_proto(area.name_vi, area.name_en),
        kind=area.kind,
        parent=area.parent or "",
        centre_lon=area.centre_lon,
        centre_lat=area.centre_lat,
        area_km2=area.area_km2,
        population=area.population_2019,
        valid_from=day_to_proto(area.valid_from),
        valid_to=day_to_proto(area.valid_to),
        predecessors=[one.predecessor for one in catalogue.successions if one.successor == area.code],
        successors=catalogue.successors(area.code),
    )


def _agency(agency: Agency) -> place_pb2.Agency:
    succession = agency.succeeded_by
    return place_pb2.Agency(
        code=agency.code,
        name=text_to_proto(agency.name_vi, agency.name_en),
        parent=agency.parent or "",
        is_group=agency.group,
        succeeded_by=succession.code if succession else "",
        succeeded_on=day_to_proto(succession.from_date if succession else None),
        is_verified=succession.verified if succession else False,
        area=agency.area or "",
        note=agency.note or "",
        valid_to=day_to_proto(agency.ends_on),
    )


def _source(catalogue: Catalogue, source: Source) -> source_pb2.Source:
    period = source.period
    return source_pb2.Source(
        code=source.code,
        ref=source.ref,
        phase=source.phase,
        name=text_to_proto(source.name_vi, source.name_en),
        leads=source.lead,
        partners=source.partners,
        period_from=(period.since or 0) if period else 0,
        period_to=(period.to or 0) if period else 0,
        period_outlook=(period.outlook or 0) if period else 0,
        interface=source.interface,
        cadence=source.cadence,
        measures=source.measures,
        layers=source.layers,
        privacy=_privacy(source.privacy),
        origin=source.origin or "",
        note=source.measures_note or "",
        is_verified=source.verified is not False,
        deduced=source.deduced,
        readiness=_readiness(catalogue, source),
    )


def _privacy(privacy: Privacy | None) -> str:
    if privacy is None:
        return ""
    said = {
        "aggregates only": privacy.aggregate,
        f"cells below {privacy.k} suppressed": privacy.k is not None,
        "reporter masked": privacy.mask_reporter,
        "no footage": privacy.footage == "never",
    }
    return "; ".join(words for words, is_said in said.items() if is_said)


def _readiness(catalogue: Catalogue, source: Source) -> source_pb2.Readiness:
    expanded = source.phase == "expanded"
    codes = [one.code for one in (catalogue.plan.steps if expanded else catalogue.plan.stages)]
    steps = [
        source_pb2.ReadinessStep(
            code=code,
            state=source_pb2.STEP_STATE_DONE if code in source.readiness.done else source_pb2.STEP_STATE_NOT_STARTED,
            evidence=(source.readiness.note or "") if code in source.readiness.done else "",
        )
        for code in codes
    ]
    return source_pb2.Readiness(is_connected=source.readiness.connected, steps=steps, note=source.readiness.note or "")


def _contract(catalogue: Catalogue, contract: Contract) -> contract_pb2.Contract:
    privacy = catalogue.source(contract.source).privacy
    columns, constants = _columns(contract.sdmx)
    message = contract_pb2.Contract(
        contract=contract.contract,
        version=contract.version,
        tenant=contract.tenant,
        source=contract.source,
        name=text_to_proto(contract.name_vi, contract.name_en),
        measures=[
            contract_pb2.Measure(
                measure=one.code,
                unit=one.unit,
                name=text_to_proto(one.name_vi, one.name_en),
                minimum=one.minimum,
                maximum=one.maximum,
                resolution=one.resolution or 0.0,
            )
            for one in contract.measures
        ],
        things=[
            contract_pb2.Thing(
                thing=one.code,
                area=one.area,
                name=text_to_proto(one.name_vi, one.name_en),
                device_id=one.device or "",
                lon=one.lon,
                lat=one.lat,
            )
            for one in contract.things
        ],
        areas=contract.areas,
        dimensions=[
            contract_pb2.Dimension(name=one.code, codes=one.codes, is_required=True) for one in contract.dimensions
        ],
        period_kind=period_to_proto(contract.period),
        privacy_k=(privacy.k or 0) if privacy else 0,
        mode=contract_pb2.CONTRACT_MODE_ENFORCE,
        columns=columns,
        constants=constants,
        valid_from=day_to_proto(contract.valid_from),
        valid_to=day_to_proto(contract.valid_to),
        citation=citation_to_proto(catalogue, contract.cite),
    )
    message.cadence.FromTimedelta(contract.cadence)
    message.allowed_lateness.FromTimedelta(contract.allowed_lateness)
    message.clock_skew.FromTimedelta(contract.clock_skew)
    message.retention.FromTimedelta(contract.retention)
    return message


def _columns(sdmx: SdmxFile | None) -> tuple[dict[str, str], dict[str, str]]:
    """Columns with their meaning, and columns with the one value they must have."""
    if sdmx is None:
        return {}, {}
    columns = {one.column: one.dimension or one.role for one in sdmx.columns if one.role != "constant"}
    constants = {one.column: one.constant for one in sdmx.columns if one.constant is not None}
    return columns, constants
