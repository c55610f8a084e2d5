"""Sources: the plan's record from the registry, joined with what ingest says really arrives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import grpc
import structlog
from fastapi import Body, Path, Request, Response

from ioc.ingest.v1 import observation_pb2
from ioc.registry.v1 import source_pb2
from ioc_gateway.answers import NOT_MODIFIED, page_of, problems, router, shown
from ioc_gateway.asking import CODE, Asker, Asking, Paged, RequestId, SearchQuery
from ioc_gateway.models.sources import ReadinessChange, Source, SourcePage
from ioc_gateway.rendering import enum_number, rendered

routes = router("sources")
log = structlog.get_logger()
Code = Annotated[str, Path(pattern=CODE)]
Statuses = Mapping[str, Sequence[Mapping[str, object]]]
STATUS_PAGE = 1000


@routes.get(
    "/sources",
    operation_id="listSources",
    summary="The systems of the plan, how ready they are and what arrives from them",
    response_model=SourcePage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_sources(request: Request, asking: Asking, paging: Paged, search: SearchQuery = "") -> Response:
    """In order of code. When the part that knows the status does not answer, sources are shown without it."""
    found = await asking.ask(
        asking.peers.sources.ListSources,
        source_pb2.ListSourcesRequest(page_size=paging.size, page_token=paging.token, search=search),
    )
    statuses = await _statuses(asking)
    return page_of(request, SourcePage, [_joined(each, statuses) for each in found.sources], found.next_page_token)


@routes.get(
    "/sources/{code}",
    operation_id="getSource",
    summary="One system of the plan",
    response_model=Source,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_source(request: Request, asking: Asking, code: Code) -> Response:
    """By code."""
    found = await asking.ask(asking.peers.sources.GetSource, source_pb2.GetSourceRequest(code=code))
    return shown(request, _joined(found.source, await _statuses(asking)))


@routes.put(
    "/sources/{code}/readiness",
    operation_id="updateReadiness",
    summary="Record how far a source has come (province-admin)",
    response_model=Source,
    responses=problems(404, 409, 413),
)
async def update_readiness(
    request: Request,
    asking: Asking,
    code: Code,
    change: Annotated[ReadinessChange, Body()],
    request_id: RequestId,
) -> Response:
    """Replaces the whole readiness; the moment of each step is set by the registry."""
    states = source_pb2.StepState.DESCRIPTOR
    steps = [
        source_pb2.ReadinessStep(code=step.code, state=enum_number(states, step.state), evidence=step.evidence)  # type: ignore[arg-type]
        for step in change.steps
    ]
    readiness = source_pb2.Readiness(is_connected=change.is_connected, steps=steps, note=change.note)
    done = await asking.ask(
        asking.peers.sources.UpdateReadiness,
        source_pb2.UpdateReadinessRequest(code=code, readiness=readiness, request_id=request_id),
    )
    return shown(request, _joined(done.source, await _statuses(asking)))


async def _statuses(asking: Asker) -> Statuses | None:
    """What arrives, by source; None while ingest does not answer."""
    by_source: defaultdict[str, list[Mapping[str, object]]] = defaultdict(list)
    now = datetime.now(UTC)
    token = ""
    try:
        while True:
            found = await asking.ask(
                asking.peers.status.ListSourceStatus,
                observation_pb2.ListSourceStatusRequest(page_size=STATUS_PAGE, page_token=token),
            )
            for each in found.sources:
                by_source[each.source].append(_with_age(rendered(each), now))
            token = found.next_page_token
            if not token:
                return by_source
    except grpc.aio.AioRpcError as error:
        # The plan's record is worth showing without it; the page turns such sources grey.
        log.warning("the status of sources is not known", code=error.code().name)
        return None


def _with_age(status: Mapping[str, object], now: datetime) -> Mapping[str, object]:
    last = status["last_received_at"]
    return {**status, "age_seconds": max((now - last).total_seconds(), 0.0) if isinstance(last, datetime) else None}


def _joined(source: source_pb2.Source, statuses: Statuses | None) -> Source:
    status = statuses.get(source.code, []) if statuses is not None else []
    return Source.of(source, status=status, is_status_known=statuses is not None)
