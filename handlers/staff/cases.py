"""Doors of the staff about cases: the queue, one case, every decision, its files, parcels and licences."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from handlers.citizen.uploads import PRIVATE_FILE, file_id
from handlers.doors import Auth, Call, Handler, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.applications.types import (
    CasePage,
    CaseSummary,
    CaseView,
    Correction,
    LicenceChanged,
    Reason,
    ShipmentList,
)
from services.licences.types import Change

_TAG = "办件审批"
_ALL = "/api/staff/v1/cases"
_ONE = "/api/staff/v1/cases/<application_no:str>"
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
Tab = Literal[
    "", "handling", "correction", "closed",
    "SUBMITTED", "CORRECTION", "ACCEPTED", "SUSPENDED", "APPROVED", "DENIED", "CERTIFYING", "DELIVERING", "CLOSED",
]  # fmt: skip


class CaseQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of the queue; a status or a tab, empty for everything open."""

    tab: Tab = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision that needs no words."""

    version: Version | None = None


class ReasonedDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision with its reason in writing; a correction lists everything at once."""

    reason: Reason
    version: Version | None = None


class Suspension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The special procedure that begins, by its name in the item."""

    procedure: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    version: Version | None = None


class ForcedCorrection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction against the ordinary course, by an administrator."""

    correction: Correction
    reason: Reason
    version: Version | None = None


class LicenceChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the issuing body does with a licence."""

    change: Change
    reason: Reason


async def list_cases(call: Call[None]) -> Reply:
    """List the queue within the caller's scope."""
    query: CaseQuery = call.query
    found, following = await call.house.applications.desk.queue(
        call.staff, query.tab, read_cursor(query.cursor), query.limit
    )
    return Reply(CasePage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_case(call: Call[None]) -> Reply:
    """Show one case."""
    return Reply(await call.house.applications.desk.case(call.staff, call.path["application_no"], call.address))


async def accept(call: Call[Decision]) -> Reply:
    """受理."""
    desk, number = call.house.applications.desk, call.path["application_no"]
    return Reply(await desk.accept(call.staff, number, call.address, version=call.body.version))


async def request_correction(call: Call[ReasonedDecision]) -> Reply:
    """一次性告知补正."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    return Reply(await desk.request_correction(call.staff, number, body.reason, call.address, version=body.version))


async def not_accept(call: Call[ReasonedDecision]) -> Reply:
    """不予受理."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    return Reply(await desk.not_accept(call.staff, number, body.reason, call.address, version=body.version))


async def suspend(call: Call[Suspension]) -> Reply:
    """进入特别程序."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    return Reply(await desk.suspend(call.staff, number, body.procedure, call.address, version=body.version))


async def resume(call: Call[Decision]) -> Reply:
    """特别程序结束."""
    desk, number = call.house.applications.desk, call.path["application_no"]
    return Reply(await desk.resume(call.staff, number, call.address, version=call.body.version))


async def approve(call: Call[Decision]) -> Reply:
    """准予."""
    desk, number = call.house.applications.desk, call.path["application_no"]
    return Reply(await desk.approve(call.staff, number, call.address, version=call.body.version))


async def deny(call: Call[ReasonedDecision]) -> Reply:
    """不予批准."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    return Reply(await desk.deny(call.staff, number, body.reason, call.address, version=body.version))


async def hand_over(call: Call[Decision]) -> Reply:
    """窗口领取."""
    desk, number = call.house.applications.desk, call.path["application_no"]
    return Reply(await desk.hand_over(call.staff, number, call.address, version=call.body.version))


async def force(call: Call[ForcedCorrection]) -> Reply:
    """强制更正."""
    desk, number, body = call.house.applications.desk, call.path["application_no"], call.body
    view = await desk.force(call.staff, number, body.correction, body.reason, call.address, version=body.version)
    return Reply(view)


async def list_shipments(call: Call[None]) -> Reply:
    """List the parcels of one case."""
    return Reply(await call.house.applications.aftercare.shipments(call.staff, call.path["application_no"]))


async def rebook_shipment(call: Call[None]) -> Reply:
    """Have a refused parcel booked again."""
    await call.house.applications.aftercare.rebook(call.staff, call.path["shipment_no"], call.address)
    return Reply(status=202)


async def change_licence(call: Call[LicenceChange]) -> Reply:
    """Suspend, restore, revoke, cancel or withdraw a licence."""
    care, number, body = call.house.applications.aftercare, call.path["licence_no"], call.body
    return Reply(await care.change_licence(call.staff, number, body.change, body.reason, call.address))


async def view_upload(call: Call[None]) -> Reply:
    """Show a file of a case in scope; the look is audited."""
    file = await call.house.applications.uploads.case_file(call.staff, file_id(call), call.address)
    return Reply(file.content, content_type=file.content_type, headers=dict(PRIVATE_FILE))


def _decision(path: str, handler: Handler, body: type[Any], summary: str, example: Any) -> Route:
    return Route(
        "POST",
        f"{_ONE}/{path}",
        handler,
        auth=Auth.STAFF,
        body=body,
        answer=CaseSummary,
        summary=summary,
        tag=_TAG,
        example=example,
        limit_bytes=8192,
    )


_SEEN: dict[str, Any] = {"version": 2}
ROUTES = (
    Route("GET", _ALL, list_cases, auth=Auth.STAFF, query=CaseQuery, answer=CasePage, summary="办件队列", tag=_TAG),
    Route("GET", _ONE, get_case, auth=Auth.STAFF, answer=CaseView, summary="办件详情（含申请人信息）", tag=_TAG),
    _decision("accept", accept, Decision, "受理", _SEEN),
    _decision(
        "correction", request_correction, ReasonedDecision, "一次性告知补正", {"reason": "照片背景应为白色"} | _SEEN
    ),
    _decision("not-accept", not_accept, ReasonedDecision, "不予受理", {"reason": "不属于本机关职权范围"}),
    _decision("suspend", suspend, Suspension, "进入特别程序", {"procedure": "现场勘验"}),
    _decision("resume", resume, Decision, "特别程序结束", _SEEN),
    _decision("approve", approve, Decision, "准予", _SEEN),
    _decision("deny", deny, ReasonedDecision, "不予批准", {"reason": "不符合申请条件"}),
    _decision("hand-over", hand_over, Decision, "窗口领取结果", _SEEN),
    _decision("force", force, ForcedCorrection, "强制更正", {"correction": "terminate", "reason": "申请人死亡"}),
    Route(
        "GET",
        f"{_ONE}/shipments",
        list_shipments,
        auth=Auth.STAFF,
        answer=ShipmentList,
        summary="办件的快递",
        tag=_TAG,
    ),
    Route(
        "POST",
        "/api/staff/v1/shipments/<shipment_no:str>/rebook",
        rebook_shipment,
        auth=Auth.STAFF,
        status=202,
        summary="重新下单快递",
        tag=_TAG,
    ),
    Route(
        "POST",
        "/api/staff/v1/licences/<licence_no:str>/status",
        change_licence,
        auth=Auth.STAFF,
        body=LicenceChange,
        answer=LicenceChanged,
        summary="变更证照状态",
        tag=_TAG,
        example={"change": "suspend", "reason": "依法暂扣"},
        limit_bytes=8192,
    ),
    Route(
        "GET", "/api/staff/v1/uploads/<upload_id:str>", view_upload, auth=Auth.STAFF, summary="查看材料文件", tag=_TAG
    ),
)
