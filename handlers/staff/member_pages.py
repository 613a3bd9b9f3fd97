"""Pages of staff and roles: the list, one account with what may be done to it, the forms of a new and a changed one."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec

from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import DoneQuery, PageForm, form_route, page, page_route, see_other
from handlers.parsing import field_fault, make_cursor, read_cursor
from handlers.staff.members import RoleName
from handlers.staff.role_words import ROLES
from services.staff.types import FirstPassword, MemberFilter, MemberTerms, MemberView, NewStaff, Role

_LIST = "/staff/members"
_ONE = f"{_LIST}/<username:str>"
_PAGE_LENGTH = 20
_STATUSES = {"ACTIVE": "在用", "DISABLED": "已停用"}
_ACTS = {
    "end_sessions": "结束全部登录会话",
    "reset_password": "重置密码（发初始密码）",
    "reset_totp": "重置动态口令（连同密码）",
    "disable": "停用账号",
    "enable": "启用账号",
}
_SAID = {
    "changed": "已保存，立即生效",
    "enable": "账号已启用",
    "disable": "账号已停用",
    "end_sessions": "会话已全部结束",
}
_REFUSED = (InvalidRequest, Conflict, Forbidden)
Text = Annotated[str, msgspec.Meta(max_length=400)]
Check = Annotated[str, msgspec.Meta(max_length=1)]


class MembersQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which accounts to list."""

    q: Annotated[str, msgspec.Meta(max_length=64)] = ""
    role: RoleName = ""
    status: Literal["", "ACTIVE", "DISABLED"] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class MemberForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """An account as a browser sends it: a box a role, codes separated by spaces."""

    username: Annotated[str, msgspec.Meta(max_length=64)] = ""
    display_name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    role_window: Check = ""
    role_reviewer: Check = ""
    role_cashier: Check = ""
    role_dispatcher: Check = ""
    role_publisher: Check = ""
    role_approver: Check = ""
    role_auditor: Check = ""
    role_administrator: Check = ""
    divisions: Text = ""
    departments: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    version: Annotated[int, msgspec.Meta(ge=0, le=2_000_000_000)] = 0


class ActForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """One of the acts, confirmed."""

    act: Literal["end_sessions", "reset_password", "reset_totp", "disable", "enable"]
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
    sure: Check = ""


async def members(call: Call[None]) -> Reply:
    """Show a page of accounts."""
    query: MembersQuery = call.query
    wanted, after = MemberFilter(query.q.strip(), query.role, query.status), read_cursor(query.cursor)
    found = await call.house.staff.members.page(call.staff, wanted, after, _PAGE_LENGTH, cursor_of=make_cursor)
    return page(
        call,
        "staff/members.html",
        here="members",
        rows=found.data,
        query=query,
        roles=ROLES,
        statuses=_STATUSES,
        may_change=call.staff.may(Role.ADMINISTRATOR),
        next_address=_list_address(query, found.next_cursor) if found.next_cursor else "",
        first_address=_list_address(query) if query.cursor else "",
    )


async def member(call: Call[None]) -> Reply:
    """Show one account."""
    shown = await call.house.staff.members.show(call.staff, call.path["username"])
    return _member(call, shown, said=_SAID.get(call.query.done, ""))


async def act(call: Call[ActForm]) -> Reply:
    """Do one thing to an account; a refusal shows the account with the reason why."""
    form, username, room = call.body, call.path["username"], call.house.staff.members
    try:
        if not form.sure:
            raise InvalidRequest(faults=(FieldFault("sure", "请勾选确认"),))
        first = await _done(call, form, username)
    except _REFUSED as refusal:
        return _member(call, await room.show(call.staff, username), refusal, form)
    if first is not None:
        return _member(call, first.member, first=first)
    return see_other(f"{_LIST}/{username}?done={form.act}")


async def new_form(call: Call[None]) -> Reply:
    """Show the form of a new account."""
    call.staff.require_role(Role.ADMINISTRATOR)
    return _form(call, MemberForm())


async def add(call: Call[MemberForm]) -> Reply:
    """Make an account and show its first password, this once."""
    try:
        new = _converted({"username": call.body.username.strip(), **_terms(call.body)}, NewStaff)
        first = await call.house.staff.members.add(call.staff, new, call.address)
    except _REFUSED as refusal:
        call.staff.require_role(Role.ADMINISTRATOR)
        return _form(call, call.body, refusal)
    return _member(call, first.member, first=first)


async def edit_form(call: Call[None]) -> Reply:
    """Show the form of an account."""
    shown = await call.house.staff.members.show(call.staff, call.path["username"])
    call.staff.require_role(Role.ADMINISTRATOR)
    boxes = {f"role_{role}": "1" for role in shown.roles}
    form = MemberForm(
        display_name=shown.display_name,
        divisions=" ".join(shown.divisions),
        departments=" ".join(shown.departments),
        version=shown.version,
        **boxes,
    )
    return _form(call, form, username=shown.username)


async def edit(call: Call[MemberForm]) -> Reply:
    """Change an account."""
    form, username = call.body, call.path["username"]
    try:
        terms = _converted(_terms(form), MemberTerms)
        await call.house.staff.members.change(call.staff, username, form.version, terms, call.address)
    except _REFUSED as refusal:
        call.staff.require_role(Role.ADMINISTRATOR)
        return _form(call, form, refusal, username=username)
    return see_other(f"{_LIST}/{username}?done=changed")


async def _done(call: Call[Any], form: ActForm, username: str) -> FirstPassword | None:
    room, address = call.house.staff.members, call.address
    if form.act == "end_sessions":
        await room.end_sessions(call.staff, username, address)
    elif form.act == "enable":
        await room.enable(call.staff, username, form.version, address)
    elif form.act == "disable":
        await room.disable(call.staff, username, form.version, form.reason, address)
    elif form.act == "reset_totp":
        return await room.reset_totp(call.staff, username, form.version, form.reason, address)
    else:
        return await room.reset_password(call.staff, username, form.version, form.reason, address)
    return None


def _member(
    call: Call[Any],
    shown: MemberView,
    refusal: SanjinError | None = None,
    form: ActForm | None = None,
    *,
    first: FirstPassword | None = None,
    said: str = "",
) -> Reply:
    return page(
        call,
        "staff/member.html",
        here="members",
        status=refusal.status if refusal else 200,
        member=shown,
        roles=ROLES,
        statuses=_STATUSES,
        acts={name: title for name, title in _ACTS.items() if name != _IDLE[shown.status]},
        chosen=form.act if form else "",
        reason=form.reason if form else "",
        may_change=call.staff.may(Role.ADMINISTRATOR) and shown.username != call.staff.username,
        first=first,
        said=said,
        problem=refusal,
    )


_IDLE = {"ACTIVE": "enable", "DISABLED": "disable"}


def _form(call: Call[Any], form: MemberForm, refusal: SanjinError | None = None, *, username: str = "") -> Reply:
    return page(
        call,
        "staff/member_form.html",
        here="members",
        status=refusal.status if refusal else 200,
        title=f"更改 {username}" if username else "新增人员",
        address=f"{_LIST}/{username}/edit" if username else f"{_LIST}/new",
        back=f"{_LIST}/{username}" if username else _LIST,
        version=form.version if username else 0,
        form=form,
        chosen=_roles(form),
        roles=ROLES,
        problem=refusal,
    )


def _terms(form: MemberForm) -> dict[str, Any]:
    return {
        "display_name": form.display_name.strip(),
        "roles": _roles(form),
        "divisions": form.divisions.replace("，", " ").replace(",", " ").split(),
        "departments": form.departments.replace("，", " ").replace(",", " ").split(),
    }


def _roles(form: MemberForm) -> list[str]:
    return [role.value for role in Role if getattr(form, f"role_{role.value}")]


def _converted(values: dict[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        fault = field_fault(str(error))
        raise InvalidRequest(faults=(FieldFault(fault.path.partition("[")[0], _worded(fault)),)) from error


def _worded(fault: FieldFault) -> str:
    field = fault.path.partition("[")[0]
    return {
        "username": "用户名只能用字母、数字、点、横线和下划线",
        "display_name": "请填写姓名",
        "roles": "请至少选择一个角色",
        "divisions": "辖区应为6位区划代码，至少一个",
        "departments": "部门应为18位统一社会信用代码",
    }.get(field, fault.message)


def _list_address(query: MembersQuery, cursor: str = "") -> str:
    given = {"q": query.q, "role": query.role, "status": query.status, "cursor": cursor}
    chosen = {name: value for name, value in given.items() if value}
    return f"{_LIST}?{urlencode(chosen)}" if chosen else _LIST


ROUTES = (
    page_route(_LIST, members, "人员列表", MembersQuery),
    page_route(f"{_LIST}/new", new_form, "新增人员"),
    form_route(f"{_LIST}/new", add, "新增人员", MemberForm),
    page_route(_ONE, member, "人员", DoneQuery),
    page_route(f"{_ONE}/edit", edit_form, "更改人员"),
    form_route(f"{_ONE}/edit", edit, "更改人员", MemberForm),
    form_route(f"{_ONE}/act", act, "人员操作", ActForm),
)
