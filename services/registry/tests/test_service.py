import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from ioc.registry.v1 import (
    catalogue_pb2,
    catalogue_pb2_grpc,
    contract_pb2,
    contract_pb2_grpc,
    device_pb2,
    device_pb2_grpc,
    events_pb2,
    place_pb2,
    place_pb2_grpc,
    source_pb2,
    source_pb2_grpc,
)
from ioc.type.v1 import period_pb2, text_pb2
from ioc_kit.bus.envelope import from_message
from ioc_kit.rpc import error_from_call
from ioc_registry.policy import POLICY


def text(vi, en=""):
    return text_pb2.LocalizedText(vi=vi, en=en)


def a_contract(tenant="vinh", version=1, device="aq-1", **changes):
    return contract_pb2.Contract(
        contract="air-quality",
        version=version,
        tenant=tenant,
        source="air-quality",
        name=text("Không khí", "Air"),
        measures=[
            contract_pb2.Measure(measure="pm25_ugm3", unit="ug/m3", name=text("Bụi mịn"), minimum=0, maximum=1000)
        ],
        things=[
            contract_pb2.Thing(thing=device, area="16681", name=text("Trạm 1"), device_id=device, lon=105.6, lat=18.6)
        ],
        period_kind=period_pb2.PERIOD_KIND_INSTANT,
        cadence=Duration(seconds=60),
        allowed_lateness=Duration(seconds=259200),
        mode=contract_pb2.CONTRACT_MODE_ENFORCE,
        **changes,
    )


def a_catalogue(**changes):
    fields = {
        "tenants": [
            place_pb2.Tenant(tenant="nghe-an", name=text("Nghệ An")),
            place_pb2.Tenant(tenant="vinh", name=text("Vinh"), parent="nghe-an"),
        ],
        "areas": [
            place_pb2.Area(code="412", name=text("Thành phố Vinh", "Vinh City"), kind="city", valid_to="2025-07-01"),
            place_pb2.Area(code="16681", name=text("Phường Thành Vinh"), kind="ward", valid_from="2025-07-01"),
        ],
        "agencies": [place_pb2.Agency(code="SO-TC", name=text("Sở Tài chính"))],
        "sources": [source_pb2.Source(code="air-quality", ref="2.2", name=text("Không khí"), is_verified=True)],
        "contracts": [a_contract()],
    }
    return catalogue_pb2.ApplyCatalogueRequest(**{**fields, **changes})


@pytest.fixture
async def applied(registry, as_role):
    await catalogue_pb2_grpc.CatalogueServiceStub(registry).ApplyCatalogue(a_catalogue(), **as_role("province-admin"))
    return registry


async def error_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_call(caught.value)


async def test_applying_twice_changes_nothing(registry, as_role):
    stub = catalogue_pb2_grpc.CatalogueServiceStub(registry)
    dry = await stub.ApplyCatalogue(a_catalogue(dry_run=True), **as_role("province-admin"))
    first = await stub.ApplyCatalogue(a_catalogue(), **as_role("province-admin"))
    second = await stub.ApplyCatalogue(a_catalogue(), **as_role("province-admin"))
    assert len(dry.changes) == len(first.changes) == 7
    assert all(change.is_new for change in first.changes)
    assert (len(second.changes), second.unchanged) == (0, 7)


async def test_a_catalogue_with_a_mistake_changes_nothing(registry, as_role):
    stub = catalogue_pb2_grpc.CatalogueServiceStub(registry)
    broken = a_catalogue(contracts=[a_contract(), a_contract(tenant="hoang-mai")])  # one device id, two tenants
    assert (await error_of(stub.ApplyCatalogue(broken, **as_role("province-admin")))).reason == "DEVICE_TAKEN"
    places = place_pb2_grpc.AreaServiceStub(registry)
    assert not (await places.ListAreas(place_pb2.ListAreasRequest(), **as_role("analyst"))).areas


async def test_a_published_version_never_changes(applied, as_role):
    stub = catalogue_pb2_grpc.CatalogueServiceStub(applied)
    changed = a_catalogue(contracts=[a_contract(privacy_k=5)])
    assert (
        await error_of(stub.ApplyCatalogue(changed, **as_role("province-admin")))
    ).reason == "CONTRACT_VERSION_TAKEN"
    raised = await stub.ApplyCatalogue(
        a_catalogue(contracts=[a_contract(privacy_k=5, version=2)]), **as_role("province-admin")
    )
    assert [(change.kind, change.is_new) for change in raised.changes] == [("contract", False)]
    contracts = contract_pb2_grpc.ContractServiceStub(applied)
    newest = await contracts.GetContract(
        contract_pb2.GetContractRequest(contract="air-quality"), **as_role("partner", tenant="vinh")
    )
    assert (newest.contract.version, newest.contract.privacy_k) == (2, 5)


async def test_areas_answer_for_a_day_and_without_accents(applied, as_role):
    stub = place_pb2_grpc.AreaServiceStub(applied)
    before = await stub.ListAreas(place_pb2.ListAreasRequest(as_of="2025-06-30"), **as_role("analyst"))
    after = await stub.ListAreas(place_pb2.ListAreasRequest(as_of="2025-07-01"), **as_role("analyst"))
    assert [area.code for area in before.areas] == ["412"]
    assert [area.code for area in after.areas] == ["16681"]
    found = await stub.ListAreas(place_pb2.ListAreasRequest(search="THANH VINH"), **as_role("analyst"))
    assert [area.code for area in found.areas] == ["16681"]
    literal = await stub.ListAreas(place_pb2.ListAreasRequest(search="%"), **as_role("analyst"))
    assert not literal.areas
    refused = await error_of(stub.ListAreas(place_pb2.ListAreasRequest(as_of="tomorrow"), **as_role("analyst")))
    assert "as_of" in refused.message


async def test_pages_go_through_everything_once(applied, as_role):
    stub, token, seen = place_pb2_grpc.AreaServiceStub(applied), "", []
    for _ in range(3):
        page = await stub.ListAreas(place_pb2.ListAreasRequest(page_size=1, page_token=token), **as_role("analyst"))
        seen += [area.code for area in page.areas]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["16681", "412"]
    wrong = await error_of(stub.ListAreas(place_pb2.ListAreasRequest(page_token="forged"), **as_role("analyst")))
    assert "page_token" in wrong.message


async def test_a_contract_is_seen_by_its_tenant_and_the_province_only(applied, as_role):
    contracts, series = contract_pb2_grpc.ContractServiceStub(applied), contract_pb2_grpc.SeriesServiceStub(applied)
    for caller, count in (
        (as_role("partner", tenant="vinh"), 1),
        (as_role("operator"), 1),
        (as_role("operator", narrow_to="vinh"), 1),
        (as_role("partner", tenant="hoang-mai"), 0),
        (as_role("agency-editor"), 0),
    ):
        assert len((await contracts.ListContracts(contract_pb2.ListContractsRequest(), **caller)).contracts) == count
        assert len((await series.ListSeries(contract_pb2.ListSeriesRequest(), **caller)).series) == count
    stranger = contracts.GetContract(
        contract_pb2.GetContractRequest(contract="air-quality"), **as_role("partner", tenant="hoang-mai")
    )
    assert (await error_of(stranger)).reason == "CONTRACT_NOT_FOUND"


async def test_a_credential_is_told_once_and_only_its_hash_goes_on(applied, as_role, bus):
    stub = device_pb2_grpc.DeviceServiceStub(applied)
    admin = as_role("oc-admin", tenant="vinh")
    issued = await stub.IssueDeviceCredential(device_pb2.IssueDeviceCredentialRequest(device_id="aq-1"), **admin)
    assert issued.device.state == device_pb2.DEVICE_STATE_ACTIVE
    assert issued.device.topic == "dev/vinh/aq-1/readings"
    subscription = await bus.jetstream.pull_subscribe("ioc.vinh.registry.v1.device.changed", "look", stream="REGISTRY")
    [message] = await subscription.fetch(1, timeout=5)
    event = from_message(message.subject, message.data, message.headers, 1).read(events_pb2.DeviceCredentialChanged)
    assert len(event.secret_sha256) == 64
    assert issued.secret not in str(event)
    revoked = await stub.RevokeDeviceCredential(device_pb2.RevokeDeviceCredentialRequest(device_id="aq-1"), **admin)
    assert revoked.device.state == device_pb2.DEVICE_STATE_REVOKED


async def test_a_device_of_another_tenant_is_out_of_reach(applied, as_role):
    stub = device_pb2_grpc.DeviceServiceStub(applied)
    request = device_pb2.IssueDeviceCredentialRequest(device_id="aq-1")
    stranger = await error_of(stub.IssueDeviceCredential(request, **as_role("oc-admin", tenant="hoang-mai")))
    assert stranger.reason == "DEVICE_NOT_FOUND"
    province = await error_of(stub.IssueDeviceCredential(request, **as_role("province-admin")))
    assert province.http_status == 403


async def test_recorded_readiness_survives_the_next_apply(applied, as_role):
    stub = source_pb2_grpc.SourceServiceStub(applied)
    step = source_pb2.ReadinessStep(code="connect", state=source_pb2.STEP_STATE_DONE, evidence="biên bản 12/2026")
    request = source_pb2.UpdateReadinessRequest(
        code="air-quality", readiness=source_pb2.Readiness(is_connected=True, steps=[step])
    )
    await stub.UpdateReadiness(request, **as_role("province-admin"))
    again = await catalogue_pb2_grpc.CatalogueServiceStub(applied).ApplyCatalogue(
        a_catalogue(), **as_role("province-admin")
    )
    assert not again.changes
    source = (
        await stub.GetSource(source_pb2.GetSourceRequest(code="air-quality"), **as_role("partner", tenant="vinh"))
    ).source
    assert source.readiness.is_connected
    assert source.readiness.steps[0].evidence == "biên bản 12/2026"
    assert source.readiness.steps[0].HasField("updated_at")


async def test_a_published_contract_carries_its_series(applied, bus):
    subscription = await bus.jetstream.pull_subscribe(
        "ioc.vinh.registry.v1.contract.published", "look", stream="REGISTRY"
    )
    [message] = await subscription.fetch(1, timeout=5)
    event = from_message(message.subject, message.data, message.headers, 1)
    published = event.read(events_pb2.ContractPublished)
    assert event.tenant == "vinh"
    assert (published.contract.things, published.contract.measures) == (a_contract().things, a_contract().measures)
    assert (published.part, published.parts) == (1, 1)
    assert [series.key for series in published.series] == ["air-quality/pm25_ugm3/16681/aq-1"]


@pytest.mark.parametrize("field", ["code", "name"])
async def test_hostile_text_is_stored_as_text_or_refused(registry, as_role, field):
    stub = catalogue_pb2_grpc.CatalogueServiceStub(registry)
    nasty = "'; DROP TABLE area; --"
    area = place_pb2.Area(
        code=nasty if field == "code" else "1", name=text(nasty if field == "name" else "x"), kind="ward"
    )
    call = stub.ApplyCatalogue(catalogue_pb2.ApplyCatalogueRequest(areas=[area]), **as_role("province-admin"))
    if field == "code":
        assert (await error_of(call)).violations[0].field == "area"
    else:
        await call
        places = place_pb2_grpc.AreaServiceStub(registry)
        found = await places.GetArea(place_pb2.GetAreaRequest(code="1"), **as_role("analyst"))
        assert found.area.name.vi == nasty


async def test_a_nul_character_is_a_clear_error(registry, as_role):
    places = place_pb2_grpc.AreaServiceStub(registry)
    for call in (
        places.GetArea(place_pb2.GetAreaRequest(code="a\x00b"), **as_role("analyst")),
        places.ListAreas(place_pb2.ListAreasRequest(search="a\x00b"), **as_role("analyst")),
    ):
        assert (await error_of(call)).http_status in (400, 404)


def test_every_rpc_has_a_policy():
    from google.protobuf import descriptor_pool

    names = {
        f"/{service.full_name}/{method.name}"
        for module in (place_pb2, source_pb2, contract_pb2, device_pb2, catalogue_pb2)
        for service in descriptor_pool.Default().FindFileByName(module.DESCRIPTOR.name).services_by_name.values()
        for method in service.methods
    }
    assert names == set(POLICY)
