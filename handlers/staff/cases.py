"""Doors of the staff about cases: the queue, one case, its files, parcels and licences; decisions stand apart."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from app.errors import FieldFault, InvalidRequest
from handlers.citizen.uploads import PRIVATE_FILE, file_id
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.applications.finding.types import FIRST_YEAR, LAST_YEAR, CaseFilter
from services.applications.types import CasePage, CaseView, FileLink, LicenceChanged, Reason, ShipmentList
from services.licences.types import Change

_TAG = "办件审批"
_TABS = frozenset({"handling", "correction", "closed"})
_ALL = "/api/staff/v1/cases"
_ONE = "/api/staff/v1/cases/<application_no:str>"
Tab = Literal[
    "", "handling", "correction", "closed", "SUBMITTED", "RETURNED", "RECEIVED", "CORRECTION", "ACCEPTED",
    "SUSPENDED", "APPROVED", "DENIED", "CERTIFYING", "DELIVERING", "CLOSED", "ANY",
]  # fmt: skip


class CaseQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of cases: a tab, a status or ANY, empty for everything open. Filters go with a status, not with a tab."""

    tab: Tab = ""
    item_code: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[0-9A-Z]*$")] = ""
    division_code: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{6})?$")] = ""
    department_code: Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Z]{18})?$")] = ""
    submitted_from: date | None = None
    submitted_until: date | None = None
    urgency: Literal["", "overdue", "yellow", "red"] = ""
    held: Literal["", "mine", "unclaimed"] = ""
    paid: Literal["", "paid", "unpaid", "free"] = ""
    platform: Literal["", "WECHAT", "ALIPAY", "WINDOW"] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class LookUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An applicant's phone or ID number in full; it stands in no address."""

    number: Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[^\x00]*$")]


class LicenceChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the issuing body does with a licence."""

    change: Change
    reason: Reason


async def list_cases(call: Call[None]) -> Reply:
    """List the queue within the caller's scope."""
    query: CaseQuery = call.query
    applications, after = call.house.applications, read_cursor(query.cursor)
    if query.tab in _TABS:
        found, following = await applications.desk.queue(call.staff, query.tab, after, query.limit)
    else:
        found, following = await applications.finding.page(call.staff, _wanted(query), after, query.limit)
    return Reply(CasePage(data=found, next_cursor=make_cursor(following) if following else None))


def _wanted(query: CaseQuery) -> CaseFilter:
    for name in ("submitted_from", "submitted_until"):
        day: date | None = getattr(query, name)
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise InvalidRequest(faults=(FieldFault(name, "请填写有效的日期"),))
    return CaseFilter(
        status=query.tab,
        item_code=query.item_code,
        division_code=query.division_code,
        department_code=query.department_code,
        submitted_from=query.submitted_from,
        submitted_until=query.submitted_until,
        urgency=query.urgency,
        held=query.held,
        paid=query.paid,
        platform=query.platform,
    )


async def look_up(call: Call[LookUp]) -> Reply:
    """List the cases of whoever has a phone or ID number; the look-up is audited."""
    found = await call.house.applications.finding.look_up(call.staff, call.body.number, call.address)
    return Reply(CasePage(data=found, next_cursor=None))


async def get_case(call: Call[None]) -> Reply:
    """Show one case."""
    return Reply(await call.house.applications.desk.case(call.staff, call.path["application_no"], call.address))


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


async def link_upload(call: Call[None]) -> Reply:
    """Give a short link to a file of a case in scope; the look is audited."""
    return Reply(await call.house.applications.uploads.case_link(call.staff, file_id(call), call.address))


ROUTES = (
    Route("GET", _ALL, list_cases, auth=Auth.STAFF, query=CaseQuery, answer=CasePage, summary="办件队列", tag=_TAG),
    Route(
        "POST",
        "/api/staff/v1/case-look-ups",
        look_up,
        auth=Auth.STAFF,
        body=LookUp,
        answer=CasePage,
        summary="按申请人手机号或身份证号查办件",
        tag=_TAG,
        example={"number": "13800000001"},
        limit_bytes=8192,
        remembers=False,
    ),
    Route("GET", _ONE, get_case, auth=Auth.STAFF, answer=CaseView, summary="办件详情（含申请人信息）", tag=_TAG),
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
    Route(
        "GET",
        "/api/staff/v1/uploads/<upload_id:str>/link",
        link_upload,
        auth=Auth.STAFF,
        answer=FileLink,
        summary="材料文件的短时链接",
        tag=_TAG,
    ),
)
