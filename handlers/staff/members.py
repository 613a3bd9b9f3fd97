"""Doors of staff and roles: accounts of others, for administrators (auditors may look)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from handlers.staff.own_account import Ended
from services.staff.types import FirstPassword, MemberFilter, MemberPage, MemberTerms, MemberView, NewStaff

_TAG = "人员与角色"
_ALL = "/api/staff/v1/staff"
_ONE = f"{_ALL}/<username:str>"
_NO_STORE = {"Cache-Control": "no-store"}
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
RoleName = Literal[
    "", "window", "reviewer", "cashier", "dispatcher", "publisher", "approver", "auditor", "administrator"
]


class MemberQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which accounts to list; `q` is part of the username or the name."""

    q: Annotated[str, msgspec.Meta(max_length=64)] = ""
    role: RoleName = ""
    status: Literal["", "ACTIVE", "DISABLED"] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class MemberChange(MemberTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account as it shall be, whole; `version` is the one that was read."""

    version: Version


class Versioned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An act on the account as it was read."""

    version: Version


class Reasoned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same with a reason for the audit trail."""

    version: Version
    reason: Reason


async def list_members(call: Call[None]) -> Reply:
    """List the accounts within the caller's scope."""
    query: MemberQuery = call.query
    wanted = MemberFilter(query.q.strip(), query.role, query.status)
    after = read_cursor(query.cursor)
    found = await call.house.staff.members.page(call.staff, wanted, after, query.limit, cursor_of=make_cursor)
    return Reply(found)


async def add(call: Call[NewStaff]) -> Reply:
    """Make an account; the answer holds its first password, this once."""
    made = await call.house.staff.members.add(call.staff, call.body, call.address)
    return Reply(made, status=201, headers=dict(_NO_STORE))


async def show(call: Call[None]) -> Reply:
    """Show one account."""
    return Reply(await call.house.staff.members.show(call.staff, call.path["username"]))


async def change(call: Call[MemberChange]) -> Reply:
    """Change name, roles and scope."""
    body, members = call.body, call.house.staff.members
    return Reply(await members.change(call.staff, call.path["username"], body.version, body, call.address))


async def disable(call: Call[Reasoned]) -> Reply:
    """Switch an account off."""
    body, members = call.body, call.house.staff.members
    return Reply(await members.disable(call.staff, call.path["username"], body.version, body.reason, call.address))


async def enable(call: Call[Versioned]) -> Reply:
    """Switch an account on."""
    members = call.house.staff.members
    return Reply(await members.enable(call.staff, call.path["username"], call.body.version, call.address))


async def reset_password(call: Call[Reasoned]) -> Reply:
    """Hand out a first password."""
    body, members = call.body, call.house.staff.members
    made = await members.reset_password(call.staff, call.path["username"], body.version, body.reason, call.address)
    return Reply(made, headers=dict(_NO_STORE))


async def reset_totp(call: Call[Reasoned]) -> Reply:
    """Forget the second factor, and the password with it."""
    body, members = call.body, call.house.staff.members
    made = await members.reset_totp(call.staff, call.path["username"], body.version, body.reason, call.address)
    return Reply(made, headers=dict(_NO_STORE))


async def end_sessions(call: Call[None]) -> Reply:
    """End all sessions of somebody else."""
    ended = await call.house.staff.members.end_sessions(call.staff, call.path["username"], call.address)
    return Reply(Ended(ended=ended))


def _route(method: str, path: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(method, path, handler, auth=Auth.STAFF, summary=summary, tag=_TAG, **more)


_TERMS = {
    "display_name": "小店区综合窗口 郝婷", "roles": ["window"], "divisions": ["140105"], "departments": [],
}  # fmt: skip
_REASON = {"version": 1, "reason": "本人更换手机，已当面核对身份"}
ROUTES = (
    _route("GET", _ALL, list_members, "人员列表", query=MemberQuery, answer=MemberPage),
    _route("POST", _ALL, add, "新增人员（返回一次性初始密码）", body=NewStaff, answer=FirstPassword, status=201,
           remembers=False, example={"username": "window-xiaodian-2", **_TERMS}),
    _route("GET", _ONE, show, "人员详情", answer=MemberView),
    _route("PUT", _ONE, change, "更改角色与辖区", body=MemberChange, answer=MemberView,
           example={"version": 1, **_TERMS}),
    _route("POST", f"{_ONE}/disable", disable, "停用账号", body=Reasoned, answer=MemberView,
           example={"version": 1, "reason": "已调离岗位"}),
    _route("POST", f"{_ONE}/enable", enable, "启用账号", body=Versioned, answer=MemberView, example={"version": 2}),
    _route("POST", f"{_ONE}/password-reset", reset_password, "重置密码", body=Reasoned, answer=FirstPassword,
           remembers=False, example=_REASON),
    _route("POST", f"{_ONE}/totp-reset", reset_totp, "重置动态口令（连同密码）", body=Reasoned, answer=FirstPassword,
           remembers=False, example=_REASON),
    _route("DELETE", f"{_ONE}/sessions", end_sessions, "结束其全部会话", answer=Ended),
)  # fmt: skip
