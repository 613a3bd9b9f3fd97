"""Doors of ratings (好差评): rate once, add words once, appeal once; tags and figures are open to all."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.ratings.types import Comment, NewRating, RatingFigures, RatingView, TagList

_TAG = "好差评"
_ALL = "/api/v1/ratings"
_ONE = f"{_ALL}/<subject_no:str>"


class Supplement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words that are added to a rating; grade and first words stay."""

    comment: Comment


class FigureQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose figures, and over how many months, this one included; nothing = all."""

    division: Annotated[str, msgspec.Meta(pattern="^([0-9]{6})?$")] = ""
    department: Annotated[str, msgspec.Meta(max_length=18)] = ""
    item_code: Annotated[str, msgspec.Meta(max_length=64)] = ""
    months: Annotated[int, msgspec.Meta(ge=1, le=60)] = 12


async def rate(call: Call[NewRating]) -> Reply:
    """Rate a case or package that has ended."""
    return Reply(await call.house.ratings.rate(call.caller, call.body), status=201)


async def get_rating(call: Call[None]) -> Reply:
    """Show an own rating."""
    return Reply(await call.house.ratings.own(call.caller, call.path["subject_no"]))


async def supplement(call: Call[Supplement]) -> Reply:
    """Add words."""
    return Reply(await call.house.ratings.supplement(call.caller, call.path["subject_no"], call.body.comment))


async def appeal(call: Call[None]) -> Reply:
    """Ask for another look."""
    return Reply(await call.house.ratings.appeal(call.caller, call.path["subject_no"]))


async def list_tags(call: Call[None]) -> Reply:
    """List what may be ticked."""
    return Reply(call.house.ratings.tags())


async def get_figures(call: Call[None]) -> Reply:
    """Show public sums."""
    query: FigureQuery = call.query
    figures = await call.house.ratings.figures(query.division, query.department, query.item_code, query.months)
    return Reply(figures)


ROUTES = (
    Route(
        "POST",
        _ALL,
        rate,
        auth=Auth.CITIZEN,
        body=NewRating,
        answer=RatingView,
        status=201,
        summary="评价已办结的办件或一件事",
        tag=_TAG,
        example={"subject_no": "14202601010000000001", "grade": 5, "tags": ["办理快捷"], "comment": "很快就办好了"},
        limit_bytes=8192,
    ),
    Route("GET", f"{_ALL}/tags", list_tags, auth=Auth.PUBLIC, answer=TagList, summary="评价标签", tag=_TAG),
    Route(
        "GET",
        f"{_ALL}/figures",
        get_figures,
        auth=Auth.PUBLIC,
        query=FigureQuery,
        answer=RatingFigures,
        summary="评价汇总（公开）",
        tag=_TAG,
    ),
    Route("GET", _ONE, get_rating, auth=Auth.CITIZEN, answer=RatingView, summary="我的评价", tag=_TAG),
    Route(
        "POST",
        f"{_ONE}/supplement",
        supplement,
        auth=Auth.CITIZEN,
        body=Supplement,
        answer=RatingView,
        summary="追加评价",
        tag=_TAG,
        example={"comment": "补充：证件第二天就收到了"},
        limit_bytes=8192,
    ),
    Route("POST", f"{_ONE}/appeal", appeal, auth=Auth.CITIZEN, answer=RatingView, summary="对差评反馈申诉", tag=_TAG),
)
