"""The addresses of TAXII 2.1: discovery, an API root per tenant, its collection, objects, versions and manifest.

Served from soc-bridge's ExchangeService. Collections are read-only. Pages go by the moment an object was added, never
by offset, so that they stay right while objects come in.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from google.protobuf.timestamp_pb2 import Timestamp

from ioc.soc.v1 import exchange_pb2
from ioc_gateway.parts import Parts
from ioc_gateway.peers import ask
from ioc_gateway.plain_text import only_plain_parameters
from ioc_gateway.rendering import to_timestamp
from ioc_gateway.security import PartsOf, SignedIn, caller_of
from ioc_gateway.taxii import media
from ioc_kit.errors import Forbidden, InvalidInput, NotFound
from ioc_kit.tenancy import Caller

MAX_PAGE = 1000
PAGE = 100
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z")
_MATCHES = ("id", "type", "version", "spec_version")


class RootNotFound(NotFound):
    """No API root of that tenant within the caller's reach; the two look alike on purpose."""

    reason = "API_ROOT_NOT_FOUND"

    def __init__(self, tenant: str) -> None:
        super().__init__("no such API root, or not for you", tenant=tenant)


class ReadOnly(Forbidden):
    """Objects are published by soc-bridge only."""

    reason = "COLLECTION_READ_ONLY"


@dataclass(frozen=True, slots=True)
class Root:
    """An API root that the caller may read."""

    caller: Caller
    tenant: str
    parts: Parts

    async def collections(self) -> list[exchange_pb2.Collection]:
        """The collections of the root. Raises RootNotFound when there is none: no such tenant."""
        request = exchange_pb2.ListCollectionsRequest(page_size=MAX_PAGE)
        found = await ask(self.parts.peers.exchange.ListCollections, request, self.caller, self.tenant)
        mine = [each for each in found.collections if each.tenant == self.tenant]
        if not mine:
            raise RootNotFound(self.tenant)
        return mine

    async def objects(self, collection_id: str, query: _Query, **more: object) -> exchange_pb2.ListStixObjectsResponse:
        """A page of objects. Raises NotFound for a collection of another root, too."""
        await self.collection(collection_id)
        request = exchange_pb2.ListStixObjectsRequest(
            collection_id=collection_id,
            added_after=query.added_after,
            page_size=query.limit,
            page_token=query.next,
            match=exchange_pb2.StixMatch(**{**query.match, **more}),  # type: ignore[arg-type]
        )
        return await ask(self.parts.peers.exchange.ListStixObjects, request, self.caller, self.tenant)

    async def collection(self, collection_id: str) -> exchange_pb2.Collection:
        """One collection of the root."""
        request = exchange_pb2.GetCollectionRequest(collection_id=collection_id)
        found = await ask(self.parts.peers.exchange.GetCollection, request, self.caller, self.tenant)
        if found.collection.tenant != self.tenant:
            raise NotFound(f"no collection {collection_id!r} in this API root")
        return found.collection


async def _root(
    caller: SignedIn, parts: PartsOf, tenant: Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
) -> Root:
    if not caller.may_read(tenant):
        raise RootNotFound(tenant)
    return Root(caller.narrowed_to(tenant), tenant, parts)


@dataclass(frozen=True, slots=True)
class _Query:
    added_after: Timestamp | None
    limit: int
    next: str
    match: dict[str, list[str]]


async def _query(
    request: Request,
    limit: Annotated[int, Query(ge=1)] = PAGE,
    next: Annotated[str, Query(max_length=4096)] = "",  # TAXII's name
    added_after: Annotated[str, Query()] = "",
) -> _Query:
    match = {
        name: [value for text in request.query_params.getlist(f"match[{name}]") for value in text.split(",") if value]
        for name in _MATCHES
    }
    for version in match["version"]:
        if version not in ("last", "first", "all"):
            _moment("match[version]", version)
    return _Query(
        to_timestamp(_moment("added_after", added_after), "added_after") if added_after else None,
        min(limit, MAX_PAGE),
        next,
        {
            "ids": match["id"],
            "types": match["type"],
            "versions": match["version"],
            "spec_versions": match["spec_version"],
        },
    )


RootOf = Annotated[Root, Depends(_root)]
QueryOf = Annotated[_Query, Depends(_query)]
CollectionId = Annotated[str, Path(pattern=r"^[0-9a-fA-F-]{36}$")]
StixId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}--[0-9a-fA-F-]{36}$")]


def taxii_app(parts: Parts) -> FastAPI:
    """The TAXII server as an app of its own, to be mounted at `/taxii2`: its failures are TAXII's, not problems."""
    app = FastAPI(
        title="IOC TAXII 2.1",
        openapi_url=None,
        redirect_slashes=False,
        # Who calls comes first: nothing else is told to somebody without a token.
        dependencies=[Depends(caller_of), Depends(media.negotiate), Depends(only_plain_parameters)],
    )
    app.state.parts = parts
    media.install(app)
    app.add_api_route("/", discovery, response_class=Response)
    app.add_api_route("/{tenant}/", api_root, response_class=Response)
    app.add_api_route("/{tenant}/status/{status_id}/", status, response_class=Response)
    app.add_api_route("/{tenant}/collections/", collections, response_class=Response)
    one = "/{tenant}/collections/{collection_id}"
    app.add_api_route(f"{one}/", collection, response_class=Response)
    app.add_api_route(f"{one}/objects/", objects, response_class=Response)
    app.add_api_route(f"{one}/objects/", refuse_objects, methods=["POST"], response_class=Response)
    app.add_api_route(f"{one}/objects/{{object_id}}/", object_by_id, response_class=Response)
    app.add_api_route(f"{one}/objects/{{object_id}}/", refuse_objects, methods=["DELETE"], response_class=Response)
    app.add_api_route(f"{one}/objects/{{object_id}}/versions/", versions, response_class=Response)
    app.add_api_route(f"{one}/manifest/", manifest, response_class=Response)
    return app


async def discovery(caller: SignedIn, parts: PartsOf) -> Response:
    """The API roots that the caller may read; its own tenant's is the default."""
    request = exchange_pb2.ListCollectionsRequest(page_size=MAX_PAGE)
    found = await ask(parts.peers.exchange.ListCollections, request, caller)
    tenants = sorted({each.tenant for each in found.collections if caller.may_read(each.tenant)})
    roots = {tenant: f"{parts.settings.public_url.rstrip('/')}/taxii2/{tenant}/" for tenant in tenants}
    content: dict[str, object] = {
        "title": "IOC Nghệ An",
        "description": "Sự cố an toàn thông tin của các trung tâm · Security incidents of the operations centres",
        "api_roots": list(roots.values()),
    }
    if caller.tenant in roots:
        content["default"] = roots[caller.tenant]
    return media.answer(content)


async def api_root(root: RootOf) -> Response:
    """What the root speaks."""
    await root.collections()
    return media.answer(
        {
            "title": f"IOC {root.tenant}",
            "versions": [media.TAXII],
            "max_content_length": root.parts.settings.max_body_bytes,
        }
    )


async def status(_root: RootOf, status_id: Annotated[str, Path(max_length=100)]) -> Response:
    """There is none: nothing can be added here."""
    raise NotFound(f"no status {status_id!r}: these collections are read-only")


async def collections(root: RootOf) -> Response:
    """The collections of the root."""
    return media.answer({"collections": [_shown(each) for each in await root.collections()]})


async def collection(root: RootOf, collection_id: CollectionId) -> Response:
    """One collection."""
    return media.answer(_shown(await root.collection(collection_id)))


async def objects(root: RootOf, collection_id: CollectionId, query: QueryOf) -> Response:
    """A page of STIX objects, as they were rendered when they changed."""
    found = await root.objects(collection_id, query)
    return _envelope([each.json for each in found.objects], found)


async def object_by_id(root: RootOf, collection_id: CollectionId, object_id: StixId, query: QueryOf) -> Response:
    """The versions asked of one object."""
    found = await root.objects(collection_id, query, ids=[object_id])
    if not found.objects and not query.next:
        raise NotFound(f"no object {object_id!r} in this collection")
    return _envelope([each.json for each in found.objects], found)


async def versions(root: RootOf, collection_id: CollectionId, object_id: StixId, query: QueryOf) -> Response:
    """The versions of one object."""
    found = await root.objects(collection_id, query, ids=[object_id], versions=["all"])
    if not found.objects and not query.next:
        raise NotFound(f"no object {object_id!r} in this collection")
    return _envelope([json.dumps(each.version).encode() for each in found.objects], found, name="versions")


async def manifest(root: RootOf, collection_id: CollectionId, query: QueryOf) -> Response:
    """The same objects without their content."""
    found = await root.objects(collection_id, query)
    records = [
        json.dumps(
            {
                "id": each.stix_id,
                "date_added": _stamp(each.added_at),
                "version": each.version,
                "media_type": media.STIX,
            }
        ).encode()
        for each in found.objects
    ]
    return _envelope(records, found)


async def refuse_objects(root: RootOf, collection_id: CollectionId) -> Response:
    """Nothing can be added or deleted from outside."""
    await root.collection(collection_id)
    raise ReadOnly("this collection is read-only: can_write is false")


def _envelope(items: list[bytes], found: exchange_pb2.ListStixObjectsResponse, name: str = "objects") -> Response:
    parts = [b'"more":true', b'"next":' + json.dumps(found.next_page_token).encode()] if found.next_page_token else []
    if items:
        parts.append(f'"{name}":['.encode() + b",".join(items) + b"]")
    headers = {}
    if found.objects:
        headers["X-TAXII-Date-Added-First"] = _stamp(found.objects[0].added_at)
        headers["X-TAXII-Date-Added-Last"] = _stamp(found.objects[-1].added_at)
    return media.answer(b"{" + b",".join(parts) + b"}", headers=headers)


def _shown(collection: exchange_pb2.Collection) -> dict[str, object]:
    return {
        "id": collection.collection_id,
        "title": collection.title,
        "description": collection.description,
        "can_read": True,
        "can_write": False,
        "media_types": [media.STIX],
    }


def _stamp(at: Timestamp) -> str:
    return at.ToDatetime(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(field: str, text: str) -> datetime:
    """A TAXII timestamp: RFC 3339 in UTC with `Z`. Raises InvalidInput for anything else."""
    if _MOMENT.fullmatch(text):
        try:
            # Python reads at most six digits of a second's fraction; time added has no more.
            return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        except ValueError as error:
            raise InvalidInput.field(field, "is no moment that there is") from error
    raise InvalidInput.field(field, "must be a moment like 2026-11-23T01:00:00.000000Z")
