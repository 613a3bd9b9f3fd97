"""The viewer of a case's materials: every page of its files as a picture, to be zoomed and turned in the browser."""

from __future__ import annotations

from app.errors import NotFound
from handlers.citizen.uploads import PRIVATE_FILE
from handlers.doors import Call, Reply
from handlers.pages import page, page_route

_LONGEST_NUMBER = 3


async def materials(call: Call[None]) -> Reply:
    """Show the pages of a case's files; the look is audited by the use case, once."""
    number = call.path["application_no"]
    case = await call.house.applications.desk.summary(call.staff, number)
    sheets = await call.house.applications.viewer.look(call.staff, number, call.address)
    return page(call, "staff/materials.html", here="cases", case=case, sheets=sheets)


async def sheet(call: Call[None]) -> Reply:
    """Give one page of a look as a picture."""
    number = call.path["number"]
    if not (number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER):
        raise NotFound("没有这一页")
    stored = await call.house.applications.viewer.page(call.staff, call.path["token"], int(number))
    return Reply(stored.content, headers=dict(PRIVATE_FILE), content_type=stored.content_type)


ROUTES = (
    page_route("/staff/cases/<application_no:str>/materials", materials, "逐页查看材料"),
    page_route("/staff/looks/<token:str>/<number:str>", sheet, "材料的一页"),
)
