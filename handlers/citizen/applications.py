"""Doors of one's own cases: draft, change, hand in, correct, withdraw, read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from app.errors import FieldFault, InvalidRequest
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import expected_version, make_cursor, read_cursor
from notify.types import Told
from services.accounts.types import DivisionCode, OnBehalfOf
from services.applications.drafts.types import UpgradeView
from services.applications.types import ApplicationPage, ApplicationView, MaterialRef, TimelineView

_TAG = "办件"
_ALL = "/api/v1/applications"
_ONE = "/api/v1/applications/<application_no:str>"
_LIMIT_BYTES = 262_144
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000, description="读取时的版本；不符则 409")]
Materials = Annotated[list[MaterialRef], msgspec.Meta(max_length=100)]
_EXAMPLE = {
    "item_code": "11140105MB0001177F4140709012000",
    "form": {"applicant_name": "张伟", "reason": "遗失", "commitment": True},
    "materials": [{"material_code": "M02", "upload_id": "01939c5e-0000-7000-8000-000000000001"}],
}


class NewApplication(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case to begin; answers and materials may still be missing.

    `division`: where it is filed from (受理地); `on_behalf_of`: for an enterprise, or for the principal of a mandate.
    """

    item_code: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Z]+$")]
    form: dict[str, Any] = {}
    materials: Materials = []
    division: DivisionCode | None = None
    on_behalf_of: OnBehalfOf | None = None


class ApplicationChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to replace; what is left out stays.

    `form_patch` names single answers (RFC 7396: null takes one out) where `form` would replace all of them. `autosave`
    keeps what is right as it stands and names the rest in `unsaved`.
    """

    form: dict[str, Any] | None = None
    form_patch: dict[str, Any] | None = None
    materials: Materials | None = None
    autosave: bool = False
    version: Version | None = None


class CorrectedCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to replace before a corrected case is handed in again; what is left out stays."""

    form: dict[str, Any] | None = None
    form_patch: dict[str, Any] | None = None
    materials: Materials | None = None
    version: Version | None = None


class Submission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hand in as stored."""

    version: Version | None = None


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take back, with or without a reason."""

    reason: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")] = ""
    version: Version | None = None


class CaseTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of a case and the notices about it, each oldest first; there is never a next page."""

    data: list[TimelineView]
    notices: list[Told]
    next_cursor: None = None


class ListQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tab of one's cases: 草稿, 办理中, 待补正, 已办结."""

    tab: Literal["", "draft", "handling", "correction", "rating", "closed"] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def create_application(call: Call[NewApplication]) -> Reply:
    """Begin a case."""
    body = call.body
    view = await call.house.applications.save_draft(
        call.caller,
        body.item_code,
        body.form,
        body.materials,
        division=body.division or "",
        on_behalf_of=body.on_behalf_of,
    )
    return Reply(view, status=201)


async def change_application(call: Call[ApplicationChange]) -> Reply:
    """Replace answers or materials."""
    body = call.body
    _check_one_form(body)
    if body.autosave and (body.form_patch is None or body.materials is not None):
        raise InvalidRequest(faults=(FieldFault("autosave", "自动保存只能与form_patch同用"),))
    view = await call.house.applications.update_draft(
        call.caller,
        call.path["application_no"],
        form=body.form,
        form_patch=body.form_patch,
        materials=body.materials,
        is_autosave=body.autosave,
        version=expected_version(call.request, body.version),
    )
    return Reply(view)


async def upgrade_application(call: Call[Submission]) -> Reply:
    """Move a draft to the newest version of its item."""
    version = expected_version(call.request, call.body.version)
    return Reply(await call.house.applications.upgrade(call.caller, call.path["application_no"], version=version))


async def submit_application(call: Call[Submission]) -> Reply:
    """Hand a draft in."""
    version = expected_version(call.request, call.body.version)
    return Reply(await call.house.applications.submit(call.caller, call.path["application_no"], version=version))


async def correct_application(call: Call[CorrectedCase]) -> Reply:
    """Hand a corrected case in again."""
    _check_one_form(call.body)
    view = await call.house.applications.resubmit(
        call.caller,
        call.path["application_no"],
        form=call.body.form,
        form_patch=call.body.form_patch,
        materials=call.body.materials,
        version=expected_version(call.request, call.body.version),
    )
    return Reply(view)


async def withdraw_application(call: Call[Withdrawal]) -> Reply:
    """Take a case back."""
    number, version = call.path["application_no"], expected_version(call.request, call.body.version)
    return Reply(await call.house.applications.withdraw(call.caller, number, call.body.reason, version=version))


async def get_application(call: Call[None]) -> Reply:
    """Show one case."""
    view, tag = await call.house.applications.detail(call.caller, call.path["application_no"])
    return Reply(view, etag=tag)


async def list_applications(call: Call[None]) -> Reply:
    """List one tab, newest first."""
    query: ListQuery = call.query
    found, following = await call.house.applications.list_own(
        call.caller, query.tab, read_cursor(query.cursor), query.limit
    )
    return Reply(ApplicationPage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_timeline(call: Call[None]) -> Reply:
    """Show every step of one case, and what was told to the person on which channel."""
    number = call.path["application_no"]
    steps = await call.house.applications.timeline(call.caller, number)
    return Reply(CaseTimeline(data=steps.data, notices=await call.house.notify.told(number)))


def _check_one_form(body: ApplicationChange | CorrectedCase) -> None:
    if body.form is not None and body.form_patch is not None:
        raise InvalidRequest(faults=(FieldFault("form_patch", "form与form_patch只能填写一项"),))


def _change(method: str, path: str, handler: Any, body: type[Any], summary: str, example: Any) -> Route:
    return Route(
        method,
        path,
        handler,
        auth=Auth.CITIZEN,
        body=body,
        answer=ApplicationView,
        summary=summary,
        tag=_TAG,
        example=example,
        limit_bytes=_LIMIT_BYTES,
    )


ROUTES = (
    Route(
        "POST",
        _ALL,
        create_application,
        auth=Auth.CITIZEN,
        body=NewApplication,
        answer=ApplicationView,
        status=201,
        summary="保存办件草稿",
        tag=_TAG,
        example=_EXAMPLE,
        limit_bytes=_LIMIT_BYTES,
    ),
    Route(
        "GET",
        _ALL,
        list_applications,
        auth=Auth.CITIZEN,
        query=ListQuery,
        answer=ApplicationPage,
        summary="我的办件",
        tag=_TAG,
    ),
    Route("GET", _ONE, get_application, auth=Auth.CITIZEN, answer=ApplicationView, summary="办件详情", tag=_TAG),
    _change("PATCH", _ONE, change_application, ApplicationChange, "修改草稿或待补正的办件", {"form": _EXAMPLE["form"]}),
    _change("POST", f"{_ONE}/submit", submit_application, Submission, "提交申请", {"version": 1}),
    _change("POST", f"{_ONE}/withdraw", withdraw_application, Withdrawal, "撤回申请", {"reason": "不再需要办理"}),
    _change("POST", f"{_ONE}/correction", correct_application, CorrectedCase, "提交补正", {"version": 4}),
    Route(
        "POST",
        f"{_ONE}/upgrade",
        upgrade_application,
        auth=Auth.CITIZEN,
        body=Submission,
        answer=UpgradeView,
        summary="草稿转到新版事项",
        tag=_TAG,
        example={"version": 1},
    ),
    Route(
        "GET", f"{_ONE}/timeline", get_timeline, auth=Auth.CITIZEN, answer=CaseTimeline, summary="办件进度", tag=_TAG
    ),
)
