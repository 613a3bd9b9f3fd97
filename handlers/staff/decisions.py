"""Doors of the staff that move a case: taking it in, examining it, deciding it. Each takes the version it has seen."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec

from app.errors import FieldFault, InvalidRequest
from handlers.doors import Auth, Call, Reply, Route, act_route
from services.applications.reviewing.types import CorrectionPoint, OptionalText, ReviewAction, ReviewView, Text
from services.applications.types import CaseSummary, Correction, Reason

_TAG = "办件审批"
_ONE = "/api/staff/v1/cases/<application_no:str>"
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
Days = Annotated[int, msgspec.Meta(ge=1, le=365)]
Step = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision that needs no words."""

    version: Version | None = None


class ReasonedDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision with its reason in writing."""

    reason: Reason
    version: Version | None = None


class CorrectionNotice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one notice that lists everything at once (一次性告知), by points, by one reason, or both."""

    points: Annotated[list[CorrectionPoint], msgspec.Meta(max_length=30)] = []
    reason: OptionalText = ""
    version: Version | None = None


class NonAcceptance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a case is not accepted, whom to turn to instead, and the way to appeal (empty: the usual one)."""

    reason: Reason
    right_body: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*$")] = ""
    remedy: OptionalText = ""
    version: Version | None = None


class Suspension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The special procedure that begins, by its name in the item, and how long it is expected to take."""

    procedure: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    reason: OptionalText = ""
    expected_days: Days | None = None
    version: Version | None = None


class Resumption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the special procedure found."""

    result: OptionalText = ""
    version: Version | None = None


class Extension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A longer time, in working days."""

    days: Days
    reason: Reason
    version: Version | None = None


class Review(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An opinion on a case under examination; `begun_at` is RFC 3339, now where it is left out."""

    step: Step
    action: ReviewAction
    opinion: Text
    begun_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    version: Version | None = None


class ForcedCorrection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction against the ordinary course, by an administrator."""

    correction: Correction
    reason: Reason
    version: Version | None = None


async def receive(call: Call[Decision]) -> Reply:
    """预审通过，收件."""
    desk, number = call.house.applications.desk, call.path["application_no"]
    return Reply(await desk.receive(call.staff, number, call.address, version=call.body.version))


async def return_case(call: Call[ReasonedDecision]) -> Reply:
    """预审退回."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    return Reply(await desk.return_to_citizen(call.staff, number, body.reason, call.address, version=body.version))


async def accept(call: Call[Decision]) -> Reply:
    """受理."""
    desk, number = call.house.applications.desk, call.path["application_no"]
    return Reply(await desk.accept(call.staff, number, call.address, version=call.body.version))


async def request_correction(call: Call[CorrectionNotice]) -> Reply:
    """一次性告知补正."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    if not body.points and not body.reason.strip():
        raise InvalidRequest(faults=(FieldFault("points", "请写明需要补正的全部内容"),))
    view = await desk.request_correction(
        call.staff, number, body.reason, call.address, points=body.points, version=body.version
    )
    return Reply(view)


async def not_accept(call: Call[NonAcceptance]) -> Reply:
    """不予受理."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    view = await desk.not_accept(
        call.staff,
        number,
        body.reason,
        call.address,
        right_body=body.right_body.strip(),
        remedy=body.remedy.strip(),
        version=body.version,
    )
    return Reply(view)


async def suspend(call: Call[Suspension]) -> Reply:
    """进入特别程序."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    view = await desk.suspend(
        call.staff,
        number,
        body.procedure,
        call.address,
        reason=body.reason.strip(),
        expected_days=body.expected_days,
        version=body.version,
    )
    return Reply(view)


async def resume(call: Call[Resumption]) -> Reply:
    """特别程序结束."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    return Reply(await desk.resume(call.staff, number, call.address, result=body.result.strip(), version=body.version))


async def extend(call: Call[Extension]) -> Reply:
    """延长审批."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    return Reply(await desk.extend(call.staff, number, body.days, body.reason, call.address, version=body.version))


async def review(call: Call[Review]) -> Reply:
    """审查、审核、现场勘验意见."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    view = await desk.review(
        call.staff,
        number,
        body.step,
        body.action,
        body.opinion,
        call.address,
        begun_at=body.begun_at,
        version=body.version,
    )
    return Reply(view, status=201)


async def explain_overdue(call: Call[ReasonedDecision]) -> Reply:
    """超期说明."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    return Reply(await desk.explain_overdue(call.staff, number, body.reason, call.address, version=body.version))


async def approve(call: Call[Decision]) -> Reply:
    """准予."""
    desk, number = call.house.applications.desk, call.path["application_no"]
    return Reply(await desk.approve(call.staff, number, call.address, version=call.body.version))


async def deny(call: Call[ReasonedDecision]) -> Reply:
    """不予批准."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    return Reply(await desk.deny(call.staff, number, body.reason, call.address, version=body.version))


async def terminate(call: Call[ReasonedDecision]) -> Reply:
    """终止."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    return Reply(await desk.terminate(call.staff, number, body.reason, call.address, version=body.version))


async def hand_over(call: Call[Decision]) -> Reply:
    """窗口领取."""
    desk, number = call.house.applications.desk, call.path["application_no"]
    return Reply(await desk.hand_over(call.staff, number, call.address, version=call.body.version))


async def force(call: Call[ForcedCorrection]) -> Reply:
    """强制更正."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    view = await desk.force(call.staff, number, body.correction, body.reason, call.address, version=body.version)
    return Reply(view)


_decision = partial(act_route, under=_ONE, answer=CaseSummary, tag=_TAG, limit_bytes=32_768)
_SEEN: dict[str, Any] = {"version": 2}
_POINTS = {
    "points": [
        {"target": "materials.M02", "text": "照片背景应为白色"},
        {"target": "form.phone", "text": "请填写本人手机号"},
    ]
}
ROUTES = (
    _decision("receive", receive, Decision, "预审通过，出具收件凭证", _SEEN),
    _decision("return", return_case, ReasonedDecision, "预审退回", {"reason": "请改选正确的办理情形"} | _SEEN),
    _decision("accept", accept, Decision, "受理", _SEEN),
    _decision("correction", request_correction, CorrectionNotice, "一次性告知补正", _POINTS | _SEEN),
    _decision(
        "not-accept",
        not_accept,
        NonAcceptance,
        "不予受理",
        {"reason": "不属于本机关职权范围", "right_body": "太原市行政审批服务管理局"},
    ),
    _decision(
        "suspend",
        suspend,
        Suspension,
        "进入特别程序",
        {"procedure": "现场勘验", "expected_days": 5, "reason": "核实现场"},
    ),
    _decision("resume", resume, Resumption, "特别程序结束", {"result": "现场符合要求"} | _SEEN),
    _decision("extend", extend, Extension, "延长审批（负责人批准）", {"days": 5, "reason": "案情复杂"} | _SEEN),
    Route(
        "POST",
        f"{_ONE}/reviews",
        review,
        auth=Auth.STAFF,
        body=Review,
        answer=ReviewView,
        status=201,
        summary="记录审查、审核、现场勘验意见",
        tag=_TAG,
        example={"step": "审查", "action": "PASS", "opinion": "材料真实，符合条件"} | _SEEN,
        limit_bytes=8192,
    ),
    _decision("overdue-reason", explain_overdue, ReasonedDecision, "超期说明", {"reason": "系统核验延迟"} | _SEEN),
    _decision("approve", approve, Decision, "准予", _SEEN),
    _decision("deny", deny, ReasonedDecision, "不予批准", {"reason": "不符合申请条件"}),
    _decision("terminate", terminate, ReasonedDecision, "终止办理", {"reason": "申请人死亡，赋予其资格的许可无法作出"}),
    _decision("hand-over", hand_over, Decision, "窗口领取结果", _SEEN),
    _decision("force", force, ForcedCorrection, "强制更正", {"correction": "terminate", "reason": "申请人死亡"}),
)
