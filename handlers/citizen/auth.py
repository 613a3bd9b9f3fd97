"""Doors of signing in and out: the platform's code becomes our tokens. Answers hold credentials: never remembered."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.accounts.types import SignedIn, Tokens

_Code = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,512}$")]
_TAG = "登录"


class WeChatSignIn(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The code of wx.login."""

    code: _Code


class AlipaySignIn(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The code of my.getAuthCode."""

    auth_code: _Code


class Refresh(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The refresh token of the last answer."""

    refresh_token: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{20,128}$")]


def _secret(value: SignedIn | Tokens) -> Reply:
    return Reply(value, headers={"Cache-Control": "no-store"})


async def sign_in_wechat(call: Call[WeChatSignIn]) -> Reply:
    """Sign in through WeChat."""
    return _secret(await call.house.accounts.sign_in("WECHAT", call.body.code, call.address))


async def sign_in_alipay(call: Call[AlipaySignIn]) -> Reply:
    """Sign in through Alipay."""
    return _secret(await call.house.accounts.sign_in("ALIPAY", call.body.auth_code, call.address))


async def refresh(call: Call[Refresh]) -> Reply:
    """Exchange the refresh token."""
    return _secret(await call.house.accounts.refresh(call.body.refresh_token, call.address))


async def sign_out(call: Call[None]) -> Reply:
    """End the session."""
    await call.house.accounts.sign_out(call.caller)
    return Reply(status=204)


ROUTES = (
    Route(
        "POST",
        "/api/v1/auth/wechat",
        sign_in_wechat,
        auth=Auth.PUBLIC,
        body=WeChatSignIn,
        answer=SignedIn,
        summary="微信登录",
        tag=_TAG,
        example={"code": "demo-zhang-wei"},
        remembers=False,
    ),
    Route(
        "POST",
        "/api/v1/auth/alipay",
        sign_in_alipay,
        auth=Auth.PUBLIC,
        body=AlipaySignIn,
        answer=SignedIn,
        summary="支付宝登录",
        tag=_TAG,
        example={"auth_code": "demo-zhang-wei"},
        remembers=False,
    ),
    Route(
        "POST",
        "/api/v1/auth/refresh",
        refresh,
        auth=Auth.PUBLIC,
        body=Refresh,
        answer=Tokens,
        summary="更新登录凭证（每个 refresh_token 只能使用一次）",
        tag=_TAG,
        example={"refresh_token": "4cZ0x1mJr0t6c7yY3b2a9Qf8sD5gH1jK2lZ3xC4vB5n"},
        remembers=False,
    ),
    Route(
        "POST",
        "/api/v1/auth/logout",
        sign_out,
        auth=Auth.CITIZEN,
        summary="退出登录",
        tag=_TAG,
        status=204,
        remembers=False,
    ),
)
