"""The three case messages (受理信息, 过程信息, 结果信息) as documents, and how stored rows become them. Pure.

The service renders them when a system asks and into events. They name no applicant: who needs that asks for the case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from app import clock
from app.db import Row

ACCEPTANCE_ACTS: Mapping[str, str] = {
    "application.received": "receive",
    "application.returned": "return",
    "application.correction_requested": "request_correction",
    "application.accepted": "accept",
    "application.not_accepted": "not_accept",
}
"""Event → what the acceptance message says was done last."""
RESULT_EVENTS = frozenset(
    {"application.approved", "application.denied", "application.closed", "application.terminated"}
)
_RESULT_TEXT = {
    "GRANTED": "准予",
    "REFUSED": "不予批准",
    "NOT_ACCEPTED": "不予受理",
    "WITHDRAWN": "撤回",
    "TERMINATED": "终止",
}
_ACTION_TEXT = {"PASS": "通过", "RETURN": "退回", "OTHER": "其他"}


class Body(Struct, frozen=True, kw_only=True):
    """The body in charge (实施主体) with its 统一社会信用代码."""

    uscc: str
    name: str
    division_code: str


class AcceptanceMessage(Struct, frozen=True, kw_only=True, tag_field="kind", tag="acceptance"):
    """受理信息: which body did what with the request, by whom, when, under which document number, until when."""

    application_no: str
    version: int
    body: Body
    action: str
    officer: str
    occurred_at: str
    document_no: str
    reason: str
    promised_due_on: str | None
    legal_due_on: str | None


class ProcessStep(Struct, frozen=True, kw_only=True):
    """One step of the handling (环节): who, what they did (通过/退回/其他), what they think, from when to when."""

    step: str
    officer: str
    action: str
    action_text: str
    opinion: str
    begun_at: str
    ended_at: str | None


class SpecialProcedure(Struct, frozen=True, kw_only=True):
    """One special procedure (特别程序): its time is not counted."""

    kind: str
    reason: str
    begun_at: str
    ended_at: str | None
    result: str


class ProcessMessage(Struct, frozen=True, kw_only=True, tag_field="kind", tag="process"):
    """过程信息: all steps and special procedures so far, oldest first."""

    application_no: str
    version: int
    body: Body
    status: str
    steps: list[ProcessStep]
    special_procedures: list[SpecialProcedure]


class Certificate(Struct, frozen=True, kw_only=True):
    """A certificate that came out of the case (证照)."""

    name: str
    licence_no: str
    valid_from: str
    valid_until: str | None


class ResultMessage(Struct, frozen=True, kw_only=True, tag_field="kind", tag="result"):
    """结果信息: how it ended, when, under which document number, with which certificates."""

    application_no: str
    version: int
    body: Body
    outcome: str
    outcome_text: str
    officer: str
    decided_at: str | None
    closed_at: str | None
    document_no: str
    reason: str
    certificates: list[Certificate]
    by_courier: bool
    has_fee: bool
    fee_fen: int


def acceptance(case: Row, body: Body, steps: Sequence[Row], documents: Sequence[Row]) -> AcceptanceMessage | None:
    """Render the acceptance message of a case; None while nobody has looked at it."""
    last = next((step for step in reversed(steps) if step["event"] in ACCEPTANCE_ACTS), None)
    if last is None:
        return None
    return AcceptanceMessage(
        application_no=case["application_no"],
        version=case["version"],
        body=body,
        action=ACCEPTANCE_ACTS[last["event"]],
        officer=last["actor_shown"],
        occurred_at=clock.rfc3339(last["occurred_at"]),
        document_no=_document_no(documents, ACCEPTANCE_ACTS[last["event"]]),
        reason=case["reason"],
        promised_due_on=_day(case["promised_due_on"]),
        legal_due_on=_day(case["legal_due_on"]),
    )


def process(
    case: Row, body: Body, steps: Sequence[Row], reviews: Sequence[Row], pauses: Sequence[Row]
) -> ProcessMessage:
    """Render the process message of a case: every step of it, and what the examination wrote down."""
    moved = [_moved(step, following) for step, following in zip(steps, [*steps[1:], None], strict=True)]
    examined = [_examined(review) for review in reviews]
    return ProcessMessage(
        application_no=case["application_no"],
        version=case["version"],
        body=body,
        status=case["status"],
        steps=sorted(moved + examined, key=lambda step: step.begun_at),
        special_procedures=[
            SpecialProcedure(
                kind=pause["name"],
                reason=pause["reason"],
                begun_at=clock.rfc3339(pause["begun_at"]),
                ended_at=clock.rfc3339_or_none(pause["ended_at"]),
                result=pause["result"],
            )
            for pause in pauses
        ],
    )


def result(
    case: Row, body: Body, steps: Sequence[Row], documents: Sequence[Row], licences: Sequence[Row], by_courier: bool
) -> ResultMessage | None:
    """Render the result message of a case; None while nothing is decided."""
    if not case["outcome"]:
        return None
    decision = next((step for step in reversed(steps) if step["event"] in _DECISIONS), None)
    return ResultMessage(
        application_no=case["application_no"],
        version=case["version"],
        body=body,
        outcome=case["outcome"],
        outcome_text=_RESULT_TEXT.get(case["outcome"], ""),
        officer=decision["actor_shown"] if decision is not None else "",
        decided_at=clock.rfc3339_or_none(case["decided_at"]),
        closed_at=clock.rfc3339_or_none(case["closed_at"]),
        document_no=_document_no(documents, _DECISIONS[decision["event"]] if decision is not None else ""),
        reason=case["reason"],
        certificates=[
            Certificate(
                name=licence["type_name"],
                licence_no=licence["licence_no"],
                valid_from=licence["issued_on"].isoformat(),
                valid_until=_day(licence["expires_on"]),
            )
            for licence in licences
        ],
        by_courier=by_courier,
        has_fee=case["fee_fen"] > 0,
        fee_fen=case["fee_fen"],
    )


_DECISIONS = {
    "application.approved": "approve",
    "application.denied": "deny",
    "application.not_accepted": "not_accept",
    "application.withdrawn": "withdraw",
    "application.terminated": "terminate",
}
_DOCUMENTS = {
    "receive": "RECEIPT",
    "return": "RETURN",
    "request_correction": "CORRECTION",
    "accept": "ACCEPTANCE",
    "not_accept": "NON_ACCEPTANCE",
    "approve": "APPROVAL",
    "deny": "DENIAL",
    "withdraw": "WITHDRAWAL",
    "terminate": "TERMINATION",
}
"""Act → kind of the written document that belongs to it."""


def _document_no(documents: Sequence[Row], act: str) -> str:
    kind = _DOCUMENTS.get(act)
    found = [row["document_no"] for row in documents if row["kind"] == kind]
    return found[-1] if found else ""


def _moved(step: Row, following: Row | None) -> ProcessStep:
    return ProcessStep(
        step=step["title"],
        officer=step["actor_shown"],
        action="OTHER",
        action_text=_ACTION_TEXT["OTHER"],
        opinion=step["told"],
        begun_at=clock.rfc3339(step["occurred_at"]),
        ended_at=clock.rfc3339(following["occurred_at"]) if following is not None else None,
    )


def _examined(review: Row) -> ProcessStep:
    return ProcessStep(
        step=review["step"],
        officer=review["officer"].rpartition("/")[2],
        action=review["action"],
        action_text=_ACTION_TEXT.get(review["action"], "其他"),
        opinion=review["opinion"],
        begun_at=clock.rfc3339(review["begun_at"]),
        ended_at=clock.rfc3339(review["ended_at"]),
    )


def _day(day: Any) -> str | None:
    return day.isoformat() if day is not None else None
