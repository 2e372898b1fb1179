"""How many sign-ins a workspace had, by day, method, outcome and start: also those that the log has no more."""

from datetime import date, timedelta
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import AfterValidator, Field, WithJsonSchema

from service.api.answers import answer_json, named_workspace
from service.api.operation import CSV, JSON, Answer, Call, Operation, Query
from service.api.shapes import Shape
from service.api.streaming import csv_line, wanted
from service.commands.sign_in_counts import SignInCount, count_sign_ins
from service.errors import invalid
from service.keys import CLOCK, POOL

USUAL_DAYS: Final = 30
MOST_DAYS: Final = 366
DAY_LENGTH: Final = 10
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2999, 12, 31)


def read_day(text: str) -> date:
    """Return a day (RFC 3339, full-date).

    Raises:
        ValueError: it is none, or in no time of this service.
    """
    message = "write a day as 2026-11-25"
    if len(text) != DAY_LENGTH or not text.isascii():
        raise ValueError(message)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(message) from None
    if text != day.isoformat() or not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(message)
    return day


def _day(text: str) -> str:
    read_day(text)
    return text


Day = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


class PeriodQuery(Query):
    """Which days, in UTC, both included."""

    first: Annotated[
        Day | None, Field(alias="from", description="The first day; default: 29 days before the last.")
    ] = None
    last: Annotated[Day | None, Field(alias="to", description="The last day; default: today.")] = None


class SignInCountShape(Shape):
    """So many sign-ins on one day (UTC). ``initiated_by`` is null where nothing says who began them."""

    day: str
    method: Literal["sso", "google", "magic_link", "recovery"]
    reason: str
    initiated_by: str | None
    count: int


class SignInCountsShape(Shape):
    """The counts of a period, oldest first. Days and kinds without any are left out."""

    first: Annotated[str, Field(alias="from")]
    last: Annotated[str, Field(alias="to")]
    items: list[SignInCountShape]


COLUMNS: Final = tuple(SignInCountShape.model_fields)


async def count(call: Call) -> web.StreamResponse:
    """Answer the counts of a period, as JSON or as CSV. They are the same before and after rows were removed."""
    slug = await named_workspace(call)
    first, last = _period(call.query_as(PeriodQuery), call.request.app[CLOCK]().date())
    items = [_show(one) for one in await count_sign_ins(call.request.app[POOL], slug, first, last)]
    if wanted(call.request) == CSV:
        lines = [csv_line(COLUMNS), *(csv_line([getattr(one, name) for name in COLUMNS]) for one in items)]
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=b"".join(lines), content_type=CSV, charset="utf-8", headers=headers)
    return answer_json(SignInCountsShape(**{"from": first.isoformat(), "to": last.isoformat()}, items=items))


def _period(query: PeriodQuery, today: date) -> tuple[date, date]:
    last = today if query.last is None else read_day(query.last)
    first = last - timedelta(days=USUAL_DAYS - 1) if query.first is None else read_day(query.first)
    if first > last:
        raise invalid("The period ends before it begins.", "/to", "query")
    if last - first >= timedelta(days=MOST_DAYS):
        raise invalid(f"Ask for at most {MOST_DAYS} days at a time.", "/from", "query")
    return first, last


def _show(one: SignInCount) -> SignInCountShape:
    return SignInCountShape(
        day=one.day.isoformat(),
        method=one.method,
        reason=one.reason,
        initiated_by=one.initiated_by,
        count=one.times,
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}/sign-ins/counts",
        identifier="count_sign_ins",
        summary="How many sign-ins there were by day, method, outcome and start, also of days that the log has no more",
        access="read",
        handler=count,
        query=PeriodQuery,
        answers={200: Answer("The counts.", {JSON: SignInCountsShape, CSV: None})},
        refusals=("workspace_unknown",),
    ),
)
