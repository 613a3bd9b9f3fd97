"""Pages of cases: the queue with filters and search, one case with its answers, files, steps and bills, its files."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec

from app.errors import NotFound
from handlers.citizen.documents import document_number
from handlers.citizen.uploads import PRIVATE_FILE, file_id
from handlers.doors import Auth, Call, Reply, Route
from handlers.pages import page
from handlers.parsing import make_cursor, read_cursor
from handlers.staff.acts import done_text, offered
from handlers.staff.answers import lines
from services.applications.types import CaseSummary
from services.catalogue.types import Item

_TAG = "工作台"
_LIST = "/staff/cases"
_PAGE_LENGTH = 20
StatusFilter = Literal[
    "",
    "SUBMITTED",
    "RETURNED",
    "RECEIVED",
    "CORRECTION",
    "ACCEPTED",
    "SUSPENDED",
    "APPROVED",
    "DENIED",
    "CERTIFYING",
    "DELIVERING",
    "CLOSED",
]


class CaseListQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to list: everything open, one status, or the case of one number."""

    status: StatusFilter = ""
    q: Annotated[str, msgspec.Meta(max_length=64)] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class CaseQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`done` names the act that has just been carried out."""

    done: Annotated[str, msgspec.Meta(max_length=32)] = ""


async def case_list(call: Call[None]) -> Reply:
    """Show a page of the queue, or the case that was searched for."""
    query: CaseListQuery = call.query
    number = query.q.strip()
    cases, next_address = await _searched(call, number) if number else await _queued(call, query)
    return page(
        call,
        "staff/cases.html",
        here="cases",
        counts=await call.house.applications.desk.tally(call.staff),
        cases=cases,
        chosen=query.status,
        number=number,
        next_address=next_address,
        first_address=_address(query.status) if query.cursor else "",
    )


async def case_detail(call: Call[None]) -> Reply:
    """Show one case; the look is audited by the use case."""
    number = call.path["application_no"]
    view = await call.house.applications.desk.case(call.staff, number, call.address)
    item = await published_item(call, view.case.item_code)
    return page(
        call,
        "staff/case.html",
        here="cases",
        view=view,
        case=view.case,
        answers=lines(item.record.form if item else {}, view.form),
        bills=await call.house.payments.bills_of(number),
        acts=offered(view.acts, view.case.status, has_procedures=bool(item and pausing_procedures(item))),
        done=done_text(call.query.done),
    )


async def case_file(call: Call[None]) -> Reply:
    """Show a picture of a case, or hand out a PDF; the look is audited by the use case."""
    upload_id = file_id(call)
    stored = await call.house.applications.uploads.case_file(call.staff, upload_id, call.address)
    headers = dict(PRIVATE_FILE)
    if not stored.content_type.startswith("image/"):
        # Browsers show no PDF in the sandbox that keeps strangers' files harmless.
        headers["Content-Disposition"] = f'attachment; filename="{upload_id.hex}.pdf"'
    return Reply(stored.content, etag=f'"{upload_id.hex}"', headers=headers, content_type=stored.content_type)


def pausing_procedures(item: Item) -> list[str]:
    """Name the special procedures of an item that stop the clock; an extension (延长审批) does not."""
    return [each.name for each in item.record.special_procedures if each.kind.value != "1"]


async def case_document(call: Call[None]) -> Reply:
    """Hand out a written document; the look is audited by the use case."""
    documents, number, document_no = (
        call.house.applications.documents,
        call.path["application_no"],
        document_number(call),
    )
    content = await documents.file_for_staff(call.staff, number, document_no, call.address)
    # A header is ASCII: the number itself has Chinese characters in it.
    headers = dict(PRIVATE_FILE) | {"Content-Disposition": f'attachment; filename="{number}.pdf"'}
    return Reply(content, headers=headers, content_type="application/pdf")


async def published_item(call: Call[Any], item_code: str) -> Item | None:
    """Return an item for the titles of its form; None where it is no longer published."""
    try:
        return await call.house.catalogue.current_item(item_code)
    except NotFound:
        return None


async def _queued(call: Call[None], query: CaseListQuery) -> tuple[list[CaseSummary], str]:
    desk, after = call.house.applications.desk, read_cursor(query.cursor)
    cases, following = await desk.queue(call.staff, query.status, after, _PAGE_LENGTH)
    return cases, _address(query.status, make_cursor(following)) if following else ""


async def _searched(call: Call[None], number: str) -> tuple[list[CaseSummary], str]:
    try:
        return [await call.house.applications.desk.summary(call.staff, number)], ""
    except NotFound:
        return [], ""


def _address(status: str, cursor: str = "") -> str:
    given = {name: value for name, value in (("status", status), ("cursor", cursor)) if value}
    return f"{_LIST}?{urlencode(given)}" if given else _LIST


ROUTES = (
    Route("GET", _LIST, case_list, Auth.STAFF, "办件列表", _TAG, query=CaseListQuery, page=True),
    Route("GET", f"{_LIST}/<application_no:str>", case_detail, Auth.STAFF, "办件", _TAG, query=CaseQuery, page=True),
    Route(
        "GET",
        f"{_LIST}/<application_no:str>/documents/<document_no:str>",
        case_document,
        Auth.STAFF,
        "办件文书",
        _TAG,
        page=True,
    ),
    Route("GET", "/staff/files/<upload_id:str>", case_file, Auth.STAFF, "办件材料", _TAG, page=True),
)
