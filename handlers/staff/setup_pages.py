"""Pages of one's own account: what a first sign-in has to put right, and the profile with password, TOTP and sessions.

The same use cases as the JSON doors. The QR code is an image of the session's own, so that the page needs no style.
"""

from __future__ import annotations

import io
from typing import Annotated, Any

import msgspec

from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, SanjinError, TooManyRequests
from handlers.doors import Call, Reply
from handlers.errors import SETUP
from handlers.pages import DoneQuery, PageForm, form_route, page, page_route, see_other
from handlers.staff.auth import needs_secure_cookie, session_cookie
from handlers.staff.own_account import origin_of
from handlers.staff.role_words import title_of
from services.staff.types import SetupStep, StaffSignedIn, TotpOffer

_PROFILE = "/staff/profile"
_QR = "/staff/totp.svg"
_STEPS = (
    {"name": SetupStep.PASSWORD, "title": "设置本人密码"},
    {"name": SetupStep.TOTP, "title": "绑定动态口令验证器"},
)
_SAID = {
    "password": "密码已更改，其他会话已结束",
    "totp": "动态口令验证器已更换，其他会话已结束",
    "ended": "会话已结束",
    "others": "其他会话已全部结束",
}
_REFUSED = (InvalidRequest, Conflict, NotFound, TooManyRequests)
Secret = Annotated[str, msgspec.Meta(max_length=128)]


class PasswordForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """A new password, twice; with the proof of who asks where it is a change."""

    password: Secret = ""
    totp: Secret = ""
    new_password: Secret = ""
    again: Secret = ""


class ProofForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Who asks for another second factor, or the code that proves it."""

    password: Secret = ""
    totp: Secret = ""


class PlainForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """A button."""


async def setup(call: Call[None]) -> Reply:
    """Show what is left to be put right."""
    return await _setup(call)


async def setup_password(call: Call[PasswordForm]) -> Reply:
    """Set a password; where a second factor is missing, its QR code comes next."""
    own = call.house.staff.own
    try:
        _require_same(call.body)
        signed_in = await own.set_password(call.staff, call.body.new_password, origin_of(call))
        if signed_in is None:
            await own.offer_totp(call.staff, "", "", origin_of(call))
    except _REFUSED as refusal:
        return await _setup(call, refusal)
    return _onwards(call, signed_in)


async def setup_totp(call: Call[PlainForm]) -> Reply:
    """Make a QR code."""
    try:
        await call.house.staff.own.offer_totp(call.staff, "", "", origin_of(call))
    except _REFUSED as refusal:
        return await _setup(call, refusal)
    return see_other(SETUP)


async def setup_confirm(call: Call[ProofForm]) -> Reply:
    """Prove the second factor."""
    try:
        signed_in = await call.house.staff.own.confirm_totp(call.staff, _code(call.body.totp), origin_of(call))
    except _REFUSED as refusal:
        return await _setup(call, refusal)
    return _onwards(call, signed_in)


async def qr(call: Call[None]) -> Reply:
    """Draw the QR code of the secret that waits for its proof."""
    offer = await call.house.staff.own.offered_totp(call.staff)
    import segno  # drawn once in an account's life; a process that draws none does not load it

    drawn = io.BytesIO()
    segno.make(offer.uri, error="m").save(drawn, kind="svg", scale=5, border=4, light="#fff")
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"}
    return Reply(drawn.getvalue(), headers=headers, content_type="image/svg+xml")


async def profile(call: Call[None]) -> Reply:
    """Show one's own account."""
    return await _profile(call, said=_SAID.get(call.query.done, ""))


async def change_password(call: Call[PasswordForm]) -> Reply:
    """Change one's password."""
    form = call.body
    try:
        _require_same(form)
        await call.house.staff.own.change_password(
            call.staff, form.password, _code(form.totp), form.new_password, origin_of(call)
        )
    except _REFUSED as refusal:
        return await _profile(call, refusal)
    return see_other(f"{_PROFILE}?done=password")


async def change_totp(call: Call[ProofForm]) -> Reply:
    """Make the QR code of another second factor."""
    form = call.body
    try:
        await call.house.staff.own.offer_totp(call.staff, form.password, _code(form.totp), origin_of(call))
    except _REFUSED as refusal:
        return await _profile(call, refusal)
    return see_other(f"{_PROFILE}#factor")


async def confirm_totp(call: Call[ProofForm]) -> Reply:
    """Prove the other second factor."""
    try:
        await call.house.staff.own.confirm_totp(call.staff, _code(call.body.totp), origin_of(call))
    except _REFUSED as refusal:
        return await _profile(call, refusal)
    return see_other(f"{_PROFILE}?done=totp")


async def end_session(call: Call[PlainForm]) -> Reply:
    """End one of one's sessions."""
    try:
        await call.house.staff.own.end_session(call.staff, call.path["session_id"], origin_of(call))
    except NotFound as refusal:
        return await _profile(call, refusal)
    return see_other(f"{_PROFILE}?done=ended")


async def end_others(call: Call[PlainForm]) -> Reply:
    """End all sessions but this one."""
    await call.house.staff.own.end_other_sessions(call.staff, origin_of(call))
    return see_other(f"{_PROFILE}?done=others")


async def _setup(call: Call[Any], refusal: SanjinError | None = None) -> Reply:
    if not call.staff.is_setup:
        return see_other("/staff")
    left = await call.house.staff.own.setup(call.staff)
    return page(
        call,
        "staff/setup.html",
        status=refusal.status if refusal else 200,
        left=left,
        all_steps=_STEPS,
        offer=await _offer(call) if left.totp_offered else None,
        problem=refusal,
    )


async def _profile(call: Call[Any], refusal: SanjinError | None = None, *, said: str = "") -> Reply:
    own = call.house.staff.own
    return page(
        call,
        "staff/profile.html",
        here="profile",
        status=refusal.status if refusal else 200,
        profile=await own.profile(call.staff),
        roles="、".join(title_of(role) for role in sorted(call.staff.roles)),
        sessions=await own.sessions(call.staff),
        offer=await _offer(call) if (await own.setup(call.staff)).totp_offered else None,
        said=said,
        problem=refusal,
    )


async def _offer(call: Call[Any]) -> TotpOffer:
    return await call.house.staff.own.offered_totp(call.staff)


def _onwards(call: Call[Any], signed_in: StaffSignedIn | None) -> Reply:
    """Go to the next step, or with the session that is good for all doors to the day's work."""
    if signed_in is None:
        return see_other(SETUP)
    cookie = session_cookie(signed_in.access_token, secure=needs_secure_cookie(call.house.settings))
    return see_other("/staff", **{"Set-Cookie": cookie})


def _require_same(form: PasswordForm) -> None:
    if form.new_password != form.again:
        raise InvalidRequest(faults=(FieldFault("again", "两次输入的新密码不一致"),))


def _code(text: str) -> str:
    return text.replace(" ", "")


ROUTES = (
    page_route(SETUP, setup, "首次登录设置", setup=True),
    form_route(f"{SETUP}/password", setup_password, "设置密码", PasswordForm, setup=True),
    form_route(f"{SETUP}/totp", setup_totp, "显示动态口令二维码", PlainForm, setup=True),
    form_route(f"{SETUP}/totp/confirm", setup_confirm, "验证动态口令", ProofForm, setup=True),
    page_route(_QR, qr, "动态口令二维码", setup=True),
    page_route(_PROFILE, profile, "本人账号", DoneQuery),
    form_route(f"{_PROFILE}/password", change_password, "更改密码", PasswordForm),
    form_route(f"{_PROFILE}/totp", change_totp, "更换动态口令", ProofForm),
    form_route(f"{_PROFILE}/totp/confirm", confirm_totp, "验证新的动态口令", ProofForm),
    form_route(f"{_PROFILE}/sessions/<session_id:str>/end", end_session, "结束会话", PlainForm),
    form_route(f"{_PROFILE}/sessions/end-others", end_others, "结束其他会话", PlainForm),
)
