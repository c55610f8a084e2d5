"""TAXII 2.1, by the client that security teams use."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import requests
from google.protobuf.timestamp_pb2 import Timestamp
from taxii2client.common import TokenAuth
from taxii2client.v21 import Collection, Server, as_pages

from ioc.soc.v1 import exchange_pb2

IDS = {"vinh": "0f0e0d0c-0b0a-4908-8706-050403020100", "nghe-an": "0f0e0d0c-0b0a-4908-8706-050403020101"}
MEDIA = "application/taxii+json;version=2.1"


class Bearer(TokenAuth):
    """The client's own token scheme says `Token`; ours is `Bearer`."""

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self.key}"
        return request


def an_object(number: int) -> exchange_pb2.StixObject:
    stix_id = f"incident--00000000-0000-4000-8000-{number:012d}"
    body = {"type": "incident", "spec_version": "2.1", "id": stix_id, "name": f"sự cố {number}"}
    return exchange_pb2.StixObject(
        stix_id=stix_id,
        version="2026-11-23T01:00:00.000Z",
        added_at=Timestamp(seconds=1_790_000_000 + number, nanos=123_456_000),
        json=json.dumps(body).encode(),
        type="incident",
    )


@pytest.fixture
def exchange(peers: Any) -> Any:
    """An exchange with a collection for each of two tenants, and 25 objects that page by number."""

    def collections(_request: Any) -> Any:
        caller, _ = peers.last("ListCollections")
        mine = [
            exchange_pb2.Collection(collection_id=i, tenant=t, title=t) for t, i in IDS.items() if caller.may_read(t)
        ]
        return exchange_pb2.ListCollectionsResponse(collections=mine)

    def collection(request: Any) -> Any:
        tenant = next(t for t, i in IDS.items() if i == request.collection_id)
        return exchange_pb2.GetCollectionResponse(
            collection=exchange_pb2.Collection(collection_id=request.collection_id, tenant=tenant, title=tenant)
        )

    def objects(request: Any) -> Any:
        found = [an_object(number) for number in range(25)]
        if request.HasField("added_after"):
            found = [o for o in found if o.added_at.ToNanoseconds() > request.added_after.ToNanoseconds()]
        if request.match.ids:
            found = [o for o in found if o.stix_id in request.match.ids]
        start = int(request.page_token or 0)
        end = start + request.page_size
        more = str(end) if end < len(found) else ""
        return exchange_pb2.ListStixObjectsResponse(objects=found[start:end], next_page_token=more)

    peers.on("ListCollections", collections)
    peers.on("GetCollection", collection)
    peers.on("ListStixObjects", objects)
    return peers


async def test_a_soc_tool_finds_its_root_and_pages_through(gateway: Any, exchange: Any) -> None:
    auth = Bearer(gateway.issuer.token("soc-analyst", tenant="nghe-an"))

    def pull() -> tuple[list[str], list[str], list[str]]:
        server = Server(f"{gateway.url}/taxii2/", auth=auth)
        roots = [root.url for root in server.api_roots]
        assert server.default.url == f"{gateway.url}/taxii2/nghe-an/"
        (collection,) = next(root for root in server.api_roots if "/vinh/" in root.url).collections
        assert (collection.id, collection.can_read, collection.can_write) == (IDS["vinh"], True, False)
        found = [each["id"] for page in as_pages(collection.get_objects, per_request=10) for each in page["objects"]]
        manifest = [each["id"] for page in as_pages(collection.get_manifest, per_request=7) for each in page["objects"]]
        return roots, found, manifest

    roots, found, manifest = await asyncio.to_thread(pull)
    assert roots == [f"{gateway.url}/taxii2/{tenant}/" for tenant in ("nghe-an", "vinh")]
    assert found == manifest == [an_object(number).stix_id for number in range(25)]
    caller, _ = exchange.last("ListStixObjects")
    assert caller.tenant == "vinh"


async def test_only_what_is_new_is_pulled(gateway: Any, exchange: Any) -> None:
    token = gateway.issuer.token("soc-analyst", tenant="vinh")
    url = f"{gateway.url}/taxii2/vinh/collections/{IDS['vinh']}/"

    def pull() -> Any:
        return Collection(url, auth=Bearer(token)).get_objects(added_after="2026-09-21T14:13:40.123456Z")

    envelope = await asyncio.to_thread(pull)
    _, asked = exchange.last("ListStixObjects")
    assert asked.added_after.ToMicroseconds() == 1_790_000_020_123_456
    assert [each["id"][-2:] for each in envelope["objects"]] == ["21", "22", "23", "24"]


async def test_headers_say_when_the_first_and_last_were_added(gateway: Any, exchange: Any) -> None:
    client = gateway.client("soc-analyst", tenant="vinh")
    answer = await client.get(f"/taxii2/vinh/collections/{IDS['vinh']}/objects/?limit=2", headers={"Accept": MEDIA})
    assert answer.headers["content-type"] == MEDIA
    assert answer.headers["x-taxii-date-added-first"] == "2026-09-21T14:13:20.123456Z"
    assert answer.headers["x-taxii-date-added-last"] == "2026-09-21T14:13:21.123456Z"
    assert (answer.json()["more"], answer.json()["next"]) == (True, "2")


async def test_filters_reach_the_service(gateway: Any, exchange: Any) -> None:
    client = gateway.client("soc-analyst", tenant="vinh")
    await client.get(
        f"/taxii2/vinh/collections/{IDS['vinh']}/objects/",
        params={
            "match[type]": "incident,indicator",
            "match[version]": "all",
            "match[spec_version]": "2.1",
            "match[id]": "x--1",
        },
    )
    _, asked = exchange.last("ListStixObjects")
    assert list(asked.match.types) == ["incident", "indicator"]
    assert (list(asked.match.versions), list(asked.match.spec_versions)) == (["all"], ["2.1"])
    assert list(asked.match.ids) == ["x--1"]


async def test_one_object_and_its_versions(gateway: Any, exchange: Any) -> None:
    client = gateway.client("soc-analyst", tenant="vinh")
    base = f"/taxii2/vinh/collections/{IDS['vinh']}/objects"
    one = await client.get(f"{base}/{an_object(3).stix_id}/")
    assert [each["name"] for each in one.json()["objects"]] == ["sự cố 3"]
    assert (await client.get(f"{base}/{an_object(3).stix_id}/versions/")).json()["versions"] == [
        "2026-11-23T01:00:00.000Z"
    ]
    assert (await client.get(f"{base}/{an_object(99).stix_id}/")).status_code == 404


async def test_another_tenants_root_is_not_there(gateway: Any, exchange: Any) -> None:
    client = gateway.client("partner", "soc-analyst", tenant="vinh")
    for path in ("nghe-an/", "nghe-an/collections/", f"nghe-an/collections/{IDS['nghe-an']}/objects/", "no-such/"):
        answer = await client.get(f"/taxii2/{path}")
        assert answer.status_code == 404, path
    # Nor does its collection show under one's own root.
    answer = await client.get(f"/taxii2/vinh/collections/{IDS['nghe-an']}/objects/")
    assert answer.status_code == 404
    assert (await client.get("/taxii2/")).json()["api_roots"] == [f"{gateway.url}/taxii2/vinh/"]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (MEDIA, 200),
        ("application/taxii+json", 200),
        ("application/taxii+json; version=2.1", 200),
        ("text/html, application/taxii+json;version=2.1;q=0.5", 200),
        ("*/*", 200),
        ("application/taxii+json;version=2.0", 406),
        ("application/vnd.oasis.taxii+json; version=2.0", 406),
        ("application/json", 406),
        ("", 406),
    ],
)
async def test_only_taxii_is_spoken(gateway: Any, exchange: Any, accept: str, status: int) -> None:
    answer = await gateway.client("soc-analyst").get("/taxii2/", headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA
    if status == 406:
        assert answer.json()["http_status"] == "406"


async def test_nothing_can_be_written(gateway: Any, exchange: Any) -> None:
    client = gateway.client("soc-analyst", tenant="vinh")
    url = f"/taxii2/vinh/collections/{IDS['vinh']}/objects/"
    assert (await client.post(url, content=b"{}", headers={"Content-Type": "application/json"})).status_code == 415
    assert (await client.post(url, content=b"{}", headers={"Content-Type": MEDIA})).status_code == 403
    assert (await client.delete(f"{url}{an_object(1).stix_id}/")).status_code == 403


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "added_after=yesterday", "added_after=2026-02-30T00:00:00Z",
              "added_after=2026-11-23T08:00:00%2B07:00", "match[version]=newest", "next=%00"]
)  # fmt: skip
async def test_wrong_parameters_are_a_taxii_error(gateway: Any, exchange: Any, query: str) -> None:
    client = gateway.client("soc-analyst", tenant="vinh")
    answer = await client.get(f"/taxii2/vinh/collections/{IDS['vinh']}/objects/?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == MEDIA
    assert answer.json()["title"] == "Bad Request"


async def test_without_a_token_the_client_is_told_how(gateway: Any) -> None:
    def ask() -> requests.Response:
        return requests.get(f"{gateway.url}/taxii2/", headers={"Accept": MEDIA}, timeout=5)

    answer = await asyncio.to_thread(ask)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="ioc"')
