"""Doors of staff who help a citizen to file (帮办): offer, fill in, upload, hand in, end; and the parties of a case."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import FieldFault, InvalidRequest
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.applications.assistance.types import AssistancePage, OpenedAssistance, StaffAssistanceView
from services.applications.represented.types import PartiesView
from services.applications.types import ApplicationView, MaterialRef, UploadView

_TAG = "帮办"
_ALL = "/api/staff/v1/assistances"
_ONE = f"{_ALL}/<assistance_no:str>"
_LIMIT_BYTES = 262_144
_FILE_LIMIT_BYTES = 11 * 1_048_576
_UPLOAD_RATE = "200/hour"
_OPEN_RATE = "60/hour"
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]


class NewAssistance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one item to help with."""

    item_code: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Z]+$(?!\n)")]


class AssistedDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to write of the citizen's case; what is left out stays."""

    form: dict[str, Any] | None = None
    materials: Annotated[list[MaterialRef], msgspec.Meta(max_length=100)] | None = None
    version: Version | None = None


class AssistedSubmission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hand in as stored."""

    version: Version | None = None


class AssistanceQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class AssistedUpload(msgspec.Struct, frozen=True, kw_only=True):
    """The one part of the multipart form."""

    file: bytes


async def open_assistance(call: Call[NewAssistance]) -> Reply:
    """Offer help; the code is shown once."""
    await call.house.limits.hit(_OPEN_RATE, "assistance-open", call.staff.staff_id.hex)
    opened = await call.house.applications.assistances.helping.open(call.staff, call.body.item_code, call.address)
    return Reply(opened, status=201, headers={"Cache-Control": "no-store"})


async def list_assistances(call: Call[None]) -> Reply:
    """List the caller's own, newest first."""
    query: AssistanceQuery = call.query
    found, following = await call.house.applications.assistances.helping.list_given(
        call.staff, read_cursor(query.cursor), query.limit
    )
    return Reply(AssistancePage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_assistance(call: Call[None]) -> Reply:
    """Show one, with the case while the consent lasts."""
    number = call.path["assistance_no"]
    return Reply(await call.house.applications.assistances.helping.given(call.staff, number, call.address))


async def fill_in(call: Call[AssistedDraft]) -> Reply:
    """Begin or change the citizen's case."""
    body = call.body
    view = await call.house.applications.assistances.helping.fill_in(
        call.staff,
        call.path["assistance_no"],
        call.address,
        form=body.form,
        materials=body.materials,
        version=body.version,
    )
    return Reply(view)


async def upload(call: Call[AssistedUpload]) -> Reply:
    """Take one file for the citizen's case."""
    await call.house.limits.hit(_UPLOAD_RATE, "assistance-upload", call.staff.staff_id.hex)
    files = call.request.files.getlist("file", []) if call.request.files else []
    if len(files) != 1:
        raise InvalidRequest(faults=(FieldFault("file", "请上传一个文件"),))
    number = call.path["assistance_no"]
    view = await call.house.applications.assistances.helping.upload(call.staff, number, call.address, files[0].body)
    return Reply(view, status=201)


async def hand_in(call: Call[AssistedSubmission]) -> Reply:
    """Hand the case in, where the consent says so."""
    number = call.path["assistance_no"]
    view = await call.house.applications.assistances.helping.hand_in(
        call.staff, number, call.address, call.body.version
    )
    return Reply(view)


async def end_assistance(call: Call[None]) -> Reply:
    """End it."""
    number = call.path["assistance_no"]
    return Reply(await call.house.applications.assistances.helping.end_given(call.staff, number, call.address))


async def get_parties(call: Call[None]) -> Reply:
    """Name everybody who has a part in a case in scope."""
    number = call.path["application_no"]
    await call.house.applications.desk.summary(call.staff, number)
    return Reply(await call.house.applications.represented.parties(call.staff, number, call.address))


_DRAFT: dict[str, Any] = {
    "form": {"applicant_name": "张伟", "reason": "遗失"},
    "materials": [{"material_code": "M02", "upload_id": "01939c5e-0000-7000-8000-000000000001"}],
}
ROUTES = (
    Route(
        "POST",
        _ALL,
        open_assistance,
        auth=Auth.STAFF,
        body=NewAssistance,
        answer=OpenedAssistance,
        status=201,
        summary="发起帮办（出示一次性帮办码，10 分钟内由申请人在手机上同意）",
        tag=_TAG,
        example={"item_code": "11140105MB0001177F4140709012000"},
        limit_bytes=8192,
        remembers=False,
    ),
    Route(
        "GET",
        _ALL,
        list_assistances,
        auth=Auth.STAFF,
        query=AssistanceQuery,
        answer=AssistancePage,
        summary="我的帮办",
        tag=_TAG,
    ),
    Route("GET", _ONE, get_assistance, auth=Auth.STAFF, answer=StaffAssistanceView, summary="帮办详情", tag=_TAG),
    Route(
        "PUT",
        f"{_ONE}/draft",
        fill_in,
        auth=Auth.STAFF,
        body=AssistedDraft,
        answer=ApplicationView,
        summary="代申请人填写",
        tag=_TAG,
        example=_DRAFT,
        limit_bytes=_LIMIT_BYTES,
    ),
    Route(
        "POST",
        f"{_ONE}/uploads",
        upload,
        auth=Auth.STAFF,
        body=AssistedUpload,
        answer=UploadView,
        status=201,
        summary="代申请人上传材料",
        tag=_TAG,
        consumes="multipart/form-data",
        limit_bytes=_FILE_LIMIT_BYTES,
    ),
    Route(
        "POST",
        f"{_ONE}/submit",
        hand_in,
        auth=Auth.STAFF,
        body=AssistedSubmission,
        answer=ApplicationView,
        summary="代申请人提交（须申请人同意代为提交）",
        tag=_TAG,
        example={"version": 2},
        limit_bytes=8192,
    ),
    Route(
        "POST",
        f"{_ONE}/end",
        end_assistance,
        auth=Auth.STAFF,
        answer=StaffAssistanceView,
        summary="结束帮办",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/staff/v1/cases/<application_no:str>/parties",
        get_parties,
        auth=Auth.STAFF,
        answer=PartiesView,
        summary="办件各方（申请人、企业、代办人、帮办人员）",
        tag="办件审批",
    ),
)
