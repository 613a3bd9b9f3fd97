"""Doors of instant approval for staff: the explanation with its inputs, and the answer to who asked for a person."""

from __future__ import annotations

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.applications.instant.types import ExplanationView
from services.applications.types import Reason

_TAG = "智慧审批"
_ONE = "/api/staff/v1/cases/<application_no:str>"


class ReviewAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person found; the applicant reads it."""

    opinion: Reason


async def explain(call: Call[None]) -> Reply:
    """Explain one case, with the values that the rules have seen."""
    asking, number = call.house.applications.asking, call.path["application_no"]
    return Reply(await asking.explanation_for_staff(call.staff, number, call.address))


async def answer(call: Call[ReviewAnswer]) -> Reply:
    """人工复核答复."""
    asking, number = call.house.applications.asking, call.path["application_no"]
    return Reply(await asking.answer(call.staff, number, call.body.opinion, call.address))


ROUTES = (
    Route(
        "GET",
        f"{_ONE}/decision-explanation",
        explain,
        auth=Auth.STAFF,
        answer=ExplanationView,
        summary="自动决定的说明（含核验数据）",
        tag=_TAG,
    ),
    Route(
        "POST",
        f"{_ONE}/review-answer",
        answer,
        auth=Auth.STAFF,
        body=ReviewAnswer,
        answer=ExplanationView,
        summary="答复人工复核要求",
        tag=_TAG,
        example={"opinion": "经人工复核，决定正确"},
        limit_bytes=8192,
    ),
)
