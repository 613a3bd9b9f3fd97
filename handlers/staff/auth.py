"""Doors of staff sign-in: a bearer token for programs; pages keep the same token in a cookie."""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.settings import Settings
from handlers.doors import STAFF_COOKIE, Auth, Call, Reply, Route
from services.staff.types import StaffSignedIn, StaffView

_TAG = "工作人员"
_LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]", "http://0.0.0.0")


class StaffSignIn(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Username, password and the six digits of the authenticator; no digits at the very first sign-in."""

    username: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    totp: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{6})?$")] = ""


def session_cookie(token: str, *, secure: bool) -> str:
    """Print the Set-Cookie header that keeps a staff session in a browser until it is closed."""
    return f"{STAFF_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if secure else "")


def ended_cookie(*, secure: bool) -> str:
    """Print the Set-Cookie header that forgets the session."""
    return session_cookie("", secure=secure) + "; Max-Age=0"


def needs_secure_cookie(settings: Settings) -> bool:
    """Tell whether the cookie must be kept off plain HTTP: always, except on this machine itself."""
    return not settings.base_url.startswith(_LOOPBACK)


async def sign_in(call: Call[StaffSignIn]) -> Reply:
    """Open a session."""
    body = call.body
    signed_in = await call.house.staff.sign_in(body.username, body.password, body.totp, call.address, call.agent)
    return Reply(signed_in, headers={"Cache-Control": "no-store"})


async def sign_out(call: Call[None]) -> Reply:
    """End the session, and the browser's cookie with it."""
    await call.house.staff.sign_out(call.staff, call.address)
    return Reply(status=204, headers={"Set-Cookie": ended_cookie(secure=needs_secure_cookie(call.house.settings))})


async def me(call: Call[None]) -> Reply:
    """Show the caller to themselves."""
    return Reply(call.house.staff.view(call.staff))


ROUTES = (
    Route(
        "POST",
        "/api/staff/v1/sign-in",
        sign_in,
        auth=Auth.PUBLIC,
        body=StaffSignIn,
        answer=StaffSignedIn,
        summary="工作人员登录（密码与动态口令；首次登录、密码到期时仅可进行设置）",
        tag=_TAG,
        example={"username": "window-xiaodian", "password": "••••••••", "totp": "123456"},
        remembers=False,
    ),
    Route(
        "POST",
        "/api/staff/v1/sign-out",
        sign_out,
        auth=Auth.STAFF,
        summary="工作人员退出",
        tag=_TAG,
        status=204,
        remembers=False,
        setup=True,
    ),
    Route("GET", "/api/staff/v1/me", me, auth=Auth.STAFF, answer=StaffView, summary="当前工作人员", tag=_TAG),
)
