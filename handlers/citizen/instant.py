"""Doors of instant approval for the applicant: why it was decided so, and the wish for a person."""

from __future__ import annotations

from handlers.doors import Auth, Call, Reply, Route
from services.applications.instant.types import ExplanationView

_TAG = "智慧审批"
_ONE = "/api/v1/applications/<application_no:str>"


async def explain(call: Call[None]) -> Reply:
    """Explain how one case was or will be decided."""
    return Reply(await call.house.applications.asking.explanation(call.caller, call.path["application_no"]))


async def ask_for_person(call: Call[None]) -> Reply:
    """Have a person decide, or look again."""
    return Reply(await call.house.applications.asking.ask_for_person(call.caller, call.path["application_no"]))


ROUTES = (
    Route(
        "GET",
        f"{_ONE}/decision-explanation",
        explain,
        auth=Auth.CITIZEN,
        answer=ExplanationView,
        summary="自动决定的说明",
        tag=_TAG,
    ),
    Route(
        "POST",
        f"{_ONE}/ask-for-person",
        ask_for_person,
        auth=Auth.CITIZEN,
        answer=ExplanationView,
        summary="要求人工办理或复核",
        tag=_TAG,
    ),
)
