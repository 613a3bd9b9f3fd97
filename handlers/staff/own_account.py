"""Doors of one's own account: what a first sign-in has to put right, password, second factor, live sessions."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.staff.types import Origin, Profile, SessionView, SetupView, StaffSignedIn, TotpOffer

_TAG = "工作人员"
_SETUP = "/api/staff/v1/setup"
_ME = "/api/staff/v1/me"
_NO_STORE = {"Cache-Control": "no-store"}
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Code = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$")]


class NewPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password that replaces a first or an expired one."""

    new_password: Password


class PasswordChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password, with the proof of who asks for it."""

    password: Password
    totp: Code
    new_password: Password


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks; nothing where there is no second factor yet."""

    password: Annotated[str, msgspec.Meta(max_length=128)] = ""
    totp: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{6})?$")] = ""


class TotpCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that the new authenticator shows."""

    totp: Code


class SetupDone(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to be put right; with the last step comes the session that is good for all doors."""

    setup: SetupView | None
    signed_in: StaffSignedIn | None


class SessionList(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's live sessions."""

    data: list[SessionView]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How many sessions were ended."""

    ended: int


def origin_of(call: Call[Any]) -> Origin:
    """Return where a request came from."""
    return Origin(call.address, call.agent)


async def setup(call: Call[None]) -> Reply:
    """Say what is left to be put right."""
    return Reply(await call.house.staff.own.setup(call.staff))


async def set_password(call: Call[NewPassword]) -> Reply:
    """Choose a password."""
    return await _step(
        call, await call.house.staff.own.set_password(call.staff, call.body.new_password, origin_of(call))
    )


async def offer_totp(call: Call[Proof]) -> Reply:
    """Make a TOTP secret to be scanned."""
    body = call.body
    offer = await call.house.staff.own.offer_totp(call.staff, body.password, body.totp, origin_of(call))
    return Reply(offer, status=201, headers=dict(_NO_STORE))


async def confirm_totp(call: Call[TotpCode]) -> Reply:
    """Prove the secret by a code."""
    return await _step(call, await call.house.staff.own.confirm_totp(call.staff, call.body.totp, origin_of(call)))


async def profile(call: Call[None]) -> Reply:
    """Show one's own account."""
    return Reply(await call.house.staff.own.profile(call.staff))


async def change_password(call: Call[PasswordChange]) -> Reply:
    """Change one's password."""
    body = call.body
    await call.house.staff.own.change_password(call.staff, body.password, body.totp, body.new_password, origin_of(call))
    return Reply(status=204)


async def sessions(call: Call[None]) -> Reply:
    """List one's live sessions."""
    return Reply(SessionList(data=await call.house.staff.own.sessions(call.staff)))


async def end_session(call: Call[None]) -> Reply:
    """End one of them."""
    await call.house.staff.own.end_session(call.staff, call.path["session_id"], origin_of(call))
    return Reply(status=204)


async def end_others(call: Call[None]) -> Reply:
    """End all but this one."""
    return Reply(Ended(ended=await call.house.staff.own.end_other_sessions(call.staff, origin_of(call))))


async def _step(call: Call[Any], signed_in: StaffSignedIn | None) -> Reply:
    left = await call.house.staff.own.setup(call.staff) if signed_in is None else None
    return Reply(SetupDone(setup=left, signed_in=signed_in), headers=dict(_NO_STORE))


def _own(method: str, path: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(method, path, handler, auth=Auth.STAFF, summary=summary, tag=_TAG, remembers=False, **more)


_NEW = {"new_password": "••••••••••••"}
ROUTES = (
    _own("GET", _SETUP, setup, "首次登录待办", answer=SetupView, setup=True),
    _own("POST", f"{_SETUP}/password", set_password, "设置密码", body=NewPassword, answer=SetupDone, example=_NEW,
         setup=True),
    _own("POST", f"{_SETUP}/totp", offer_totp, "生成动态口令密钥", body=Proof, answer=TotpOffer, status=201,
         example={"password": "••••••••", "totp": "123456"}, setup=True),
    _own("POST", f"{_SETUP}/totp/confirm", confirm_totp, "验证动态口令", body=TotpCode, answer=SetupDone,
         example={"totp": "123456"}, setup=True),
    _own("GET", f"{_ME}/profile", profile, "本人账号", answer=Profile),
    _own("POST", f"{_ME}/password", change_password, "更改密码", body=PasswordChange, status=204,
         example={"password": "••••••••", "totp": "123456", **_NEW}),
    _own("GET", f"{_ME}/sessions", sessions, "本人会话", answer=SessionList),
    _own("DELETE", f"{_ME}/sessions/<session_id:str>", end_session, "结束会话", status=204),
    _own("DELETE", f"{_ME}/sessions", end_others, "结束其他会话", answer=Ended),
)  # fmt: skip
