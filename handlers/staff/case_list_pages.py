"""Pages that find cases: the list with its filters, the look-up by an applicant's number, the list as a file.

What filters stand in the address, so that a list can be kept; an applicant's number comes in a form and goes nowhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec

from app import clock
from app.errors import FieldFault, Forbidden, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route
from handlers.parsing import make_cursor, read_cursor
from handlers.staff.case_columns import columns, row_of
from handlers.staff.sheets import Format, Rows, export
from services.applications.finding.types import FIRST_YEAR, LAST_YEAR, CaseFilter
from services.applications.types import STATUS_TEXT, CaseSummary, Status

LIST = "/staff/cases"
_PAGE_LENGTH = 20
StatusFilter = Literal[
    "",
    "ANY",
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
Day = Annotated[str, msgspec.Meta(max_length=10, pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
URGENCIES = {"": "不限", "overdue": "已超期", "yellow": "黄牌", "red": "红牌"}
HELD = {"": "不限", "mine": "我认领的", "unclaimed": "待认领"}
PAID = {"": "不限", "paid": "已缴费", "unpaid": "未缴费", "free": "不收费"}
PLATFORMS = {"": "不限", "WECHAT": "微信", "ALIPAY": "支付宝", "WINDOW": "窗口"}


class CaseFilters(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to list, as it stands in an address; `q` is the number of a case or a part of an item's name."""

    status: StatusFilter = ""
    q: Annotated[str, msgspec.Meta(max_length=64)] = ""
    item: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[0-9A-Za-z]*$")] = ""
    division: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{6})?$")] = ""
    department: Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Z]{18})?$")] = ""
    since: Day = ""
    until: Day = ""
    urgency: Literal["", "overdue", "yellow", "red"] = ""
    held: Literal["", "mine", "unclaimed"] = ""
    paid: Literal["", "paid", "unpaid", "free"] = ""
    platform: Literal["", "WECHAT", "ALIPAY", "WINDOW"] = ""

    @property
    def number(self) -> str:
        """The number of a case that is meant, if it is one."""
        words = self.q.strip()
        return words if words.isascii() and words.isalnum() else ""

    def wanted(self) -> CaseFilter:
        """Read the filter. Raises: InvalidRequest for days that are none."""
        return CaseFilter(
            status=self.status,
            item_code=self.item.upper(),
            division_code=self.division,
            department_code=self.department,
            submitted_from=_day("since", self.since),
            submitted_until=_day("until", self.until),
            urgency=self.urgency,
            held=self.held,
            paid=self.paid,
            platform=self.platform,
            words="" if self.number else self.q.strip(),
        )

    def given(self) -> dict[str, str]:
        """Return what is filtered by, as it stands in an address."""
        named = {name: getattr(self, name) for name in CaseFilters.__struct_fields__}
        return {name: value.strip() for name, value in named.items() if value.strip()}


class CaseListQuery(CaseFilters, forbid_unknown_fields=True, kw_only=True):
    """A page of the list."""

    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class LookUpForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """An applicant's phone or ID number in full."""

    number: Annotated[str, msgspec.Meta(max_length=32)] = ""


class ExportForm(CaseFilters, forbid_unknown_fields=True, kw_only=True):
    """The list as a file; with the names of applicants where a reason for that is given."""

    format: Format = "csv"
    names: Literal["", "1"] = ""
    reason: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    csrf_token: Annotated[str, msgspec.Meta(max_length=128)] = ""


async def case_list(call: Call[None]) -> Reply:
    """Show a page of the list, or the case whose number was given."""
    query: CaseListQuery = call.query
    if query.number:
        return _listed(call, query, await _of_number(call, query.number))
    found, following = await call.house.applications.finding.page(
        call.staff, query.wanted(), read_cursor(query.cursor), _PAGE_LENGTH
    )
    onward = _address(query.given() | {"cursor": make_cursor(following)}) if following else ""
    return _listed(call, query, found, onward, _address(query.given()) if query.cursor else "")


async def look_up(call: Call[LookUpForm]) -> Reply:
    """Show the cases of whoever has a phone or ID number; the look-up is audited by the use case."""
    empty = CaseListQuery()
    try:
        found = await call.house.applications.finding.look_up(call.staff, call.body.number.strip(), call.address)
    except InvalidRequest as refusal:
        return _listed(call, empty, [], problem=refusal)
    return _listed(call, empty, found, looked_up=True)


async def take_away(call: Call[ExportForm]) -> Reply:
    """Hand the list out as a file; what is refused shows the list again."""
    form, finding = call.body, call.house.applications.finding
    try:
        if form.number:
            raise InvalidRequest(faults=(FieldFault("q", "按编号查到的办件不能导出，请改用其他条件"),))
        wanted = form.wanted()
        if form.names and not form.reason.strip():
            raise InvalidRequest(faults=(FieldFault("reason", "请写明导出个人信息的理由"),))
        reason = form.reason.strip() if form.names else ""
        names = await finding.begin_export(call.staff, wanted, reason=reason, address=call.address)
    except (InvalidRequest, Forbidden) as refusal:
        return _listed(call, form, [], problem=refusal, asked=form)

    async def rows() -> AsyncIterator[Rows]:
        async for cases in finding.exported(call.staff, wanted, names=names):
            yield [row_of(each, names=names) for each in cases]

    filters = {**form.given(), "names": names}
    name = f"办件_{clock.beijing_date().isoformat()}"
    return await export(call, "cases", name, columns(names=names), rows(), form.format, title="办件", filters=filters)


def _listed(
    call: Call[Any],
    query: CaseFilters,
    cases: list[CaseSummary],
    next_address: str = "",
    first_address: str = "",
    *,
    looked_up: bool = False,
    problem: SanjinError | None = None,
    asked: ExportForm | None = None,
) -> Reply:
    return page(
        call,
        "staff/cases.html",
        status=problem.status if problem else 200,
        here="cases",
        cases=cases,
        query=query,
        statuses=[(status.value, STATUS_TEXT[status]) for status in Status if status is not Status.DRAFT],
        choices=(
            ("urgency", "期限", URGENCIES),
            ("held", "承办", HELD),
            ("paid", "缴费", PAID),
            ("platform", "渠道", PLATFORMS),
        ),
        is_narrow=bool(query.given().keys() - {"status", "q"}),
        given=query.given(),
        looked_up=looked_up,
        problem=problem,
        asked=asked or ExportForm(),
        next_address=next_address,
        first_address=first_address,
    )


async def _of_number(call: Call[None], number: str) -> list[CaseSummary]:
    try:
        return [await call.house.applications.desk.summary(call.staff, number)]
    except NotFound:
        return []


def _address(given: Mapping[str, str]) -> str:
    return f"{LIST}?{urlencode(given)}" if given else LIST


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidRequest(faults=(FieldFault(name, "请填写有效的日期"),))
    return day


ROUTES = (
    page_route(LIST, case_list, "办件列表", CaseListQuery),
    form_route(f"{LIST}/look-up", look_up, "按申请人查办件", LookUpForm),
    form_route(f"{LIST}/export", take_away, "导出办件", ExportForm),
)
