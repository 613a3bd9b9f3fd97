"""Pages of one case: answers, files, steps, bills and notices; personal data are masked until they are asked for."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import NotFound
from handlers.citizen.documents import document_number
from handlers.citizen.uploads import PRIVATE_FILE, file_id
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route
from handlers.staff.acts import done_text, offered
from handlers.staff.answers import lines
from services.applications.types import CaseView
from services.catalogue.types import Item
from services.staff.types import Role

_ONE = "/staff/cases/<application_no:str>"
_MAILED = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.DISPATCHER, Role.ADMINISTRATOR)
_FETCHED = (Role.WINDOW, Role.DISPATCHER, Role.ADMINISTRATOR)
"""Who may open the pages that are linked to."""


class CaseQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`done` names the act that has just been carried out."""

    done: Annotated[str, msgspec.Meta(max_length=32)] = ""


class UnmaskForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Nothing but the guard: the case stands in the address."""


async def case_detail(call: Call[None]) -> Reply:
    """Show one case, personal data masked; the look is audited by the use case."""
    number = call.path["application_no"]
    view = await call.house.applications.desk.case(call.staff, number, call.address, is_masked=True)
    return await _shown(call, view, done_text(call.query.done))


async def unmask(call: Call[UnmaskForm]) -> Reply:
    """Show one case with its personal data, in this answer only; the unmasking is audited by the use case."""
    number = call.path["application_no"]
    return await _shown(call, await call.house.applications.desk.unmasked(call.staff, number, call.address), "")


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


async def _shown(call: Call[Any], view: CaseView, done: str) -> Reply:
    case, item = view.case, await published_item(call, view.case.item_code)
    return page(
        call,
        "staff/case.html",
        here="cases",
        view=view,
        case=case,
        answers=lines(item.record.form if item else {}, view.form),
        bills=await call.house.payments.bills_of(case.application_no),
        told=await call.house.notify.figures.of_case(case.application_no),
        threads=await call.house.consultations.desk.of_case(call.staff, case.application_no),
        pieces=await call.house.delivery.custody.of_case(case.application_no),
        tasks=await call.house.delivery.tasks.of_subject(case.application_no),
        acts=offered(view.acts, case.status, has_procedures=bool(item and pausing_procedures(item))),
        done=done,
        mailing=await call.house.delivery.mailing.find(case.application_no) if call.staff.may(*_MAILED) else None,
        collection=(
            await call.house.delivery.collecting.find(case.application_no) if call.staff.may(*_FETCHED) else None
        ),
    )


ROUTES = (
    page_route(_ONE, case_detail, "办件", CaseQuery),
    form_route(f"{_ONE}/unmask", unmask, "显示办件的个人信息", UnmaskForm),
    page_route(f"{_ONE}/documents/<document_no:str>", case_document, "办件文书"),
    page_route("/staff/files/<upload_id:str>", case_file, "办件材料"),
)
