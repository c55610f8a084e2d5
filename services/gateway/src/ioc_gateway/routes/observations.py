"""Readings, quarantine and the books."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import AwareDatetime

from ioc.ingest.v1 import balance_pb2, observation_pb2, quarantine_pb2
from ioc.type.v1 import text_pb2
from ioc_gateway.answers import NOT_MODIFIED, page, problems, router, shown
from ioc_gateway.asking import CODE, Asking, CodeQuery, Paged
from ioc_gateway.models.observations import Balance, ObservationPage, QuarantineItem, QuarantinePage
from ioc_gateway.rendering import to_timestamp
from ioc_kit.errors import InvalidInput

routes = router("observations")
From = Annotated[AwareDatetime | None, Query(alias="from", description="From this moment on, with time zone")]
To = Annotated[AwareDatetime | None, Query(description="Up to, and not including, this moment")]
AsOf = Annotated[AwareDatetime | None, Query(description="What was known at this moment; now when left out")]


def interval(start: AwareDatetime | None, end: AwareDatetime | None) -> text_pb2.Interval:
    """The interval of a query. Raises InvalidInput when it ends before it begins."""
    if start is not None and end is not None and end < start:
        raise InvalidInput.field("to", "lies before `from`")
    return text_pb2.Interval(**{"from": to_timestamp(start, "from"), "to": to_timestamp(end, "to")})


@routes.get(
    "/observations/latest",
    operation_id="listLatestObservations",
    summary="The newest reading of each series",
    response_model=ObservationPage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_latest(
    request: Request,
    asking: Asking,
    paging: Paged,
    source: CodeQuery = "",
    measure: CodeQuery = "",
    area: CodeQuery = "",
    thing: CodeQuery = "",
) -> Response:
    """In order of tenant and series key."""
    found = await asking.ask(
        asking.peers.observations.ListLatestObservations,
        observation_pb2.ListLatestObservationsRequest(
            page_size=paging.size, page_token=paging.token, source=source, measure=measure, area=area, thing=thing
        ),
    )
    return page(request, ObservationPage, found.observations, found.next_page_token)


@routes.get(
    "/observations",
    operation_id="listObservations",
    summary="The history of one series",
    response_model=ObservationPage,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def list_observations(
    request: Request,
    asking: Asking,
    paging: Paged,
    series_key: Annotated[
        str, Query(min_length=1, max_length=1000, examples=["air-quality/pm25_ugm3/16690/aq-vinh-01"])
    ],
    start: From = None,
    to: To = None,
    as_of: AsOf = None,
    revisions: Annotated[bool, Query(description="Every revision, oldest first; else the one in force")] = False,
) -> Response:
    """In order of time. The key is a parameter and not part of the path, because it holds slashes."""
    found = await asking.ask(
        asking.peers.observations.ListObservations,
        observation_pb2.ListObservationsRequest(
            series_key=series_key,
            interval=interval(start, to),
            as_of=to_timestamp(as_of, "as_of"),
            include_revisions=revisions,
            page_size=paging.size,
            page_token=paging.token,
        ),
    )
    return page(request, ObservationPage, found.observations, found.next_page_token)


@routes.get(
    "/quarantine",
    operation_id="listQuarantine",
    summary="What could not be used, with reason and remedy",
    response_model=QuarantinePage,
    responses={**NOT_MODIFIED, **problems()},
)
async def list_quarantine(
    request: Request,
    asking: Asking,
    paging: Paged,
    source: CodeQuery = "",
    door: CodeQuery = "",
    rule: CodeQuery = "",
) -> Response:
    """Newest first."""
    found = await asking.ask(
        asking.peers.quarantine.ListQuarantineItems,
        quarantine_pb2.ListQuarantineItemsRequest(
            page_size=paging.size, page_token=paging.token, source=source, door=door, rule=rule
        ),
    )
    return page(request, QuarantinePage, found.items, found.next_page_token)


@routes.get(
    "/quarantine/{item_id}",
    operation_id="getQuarantineItem",
    summary="One row or message that could not be used",
    response_model=QuarantineItem,
    responses={**NOT_MODIFIED, **problems(404)},
)
async def get_quarantine_item(
    request: Request, asking: Asking, item_id: Annotated[str, Path(pattern=CODE)]
) -> Response:
    """By id."""
    found = await asking.ask(
        asking.peers.quarantine.GetQuarantineItem, quarantine_pb2.GetQuarantineItemRequest(item_id=item_id)
    )
    return shown(request, QuarantineItem.of(found.item))


@routes.get(
    "/balance",
    operation_id="getBalance",
    summary="The books: what came in against what lies in the ledger",
    response_model=Balance,
    responses={**NOT_MODIFIED, **problems()},
)
async def get_balance(
    request: Request, asking: Asking, start: From = None, to: To = None, source: CodeQuery = ""
) -> Response:
    """By source, door and hour of arrival, newest first; the last 24 hours by default, 31 days at most."""
    asked = balance_pb2.GetBalanceRequest(source=source)
    if start is not None or to is not None:
        asked.interval.CopyFrom(interval(start, to))
    found = await asking.ask(asking.peers.balance.GetBalance, asked)
    return shown(request, Balance.of(found))
