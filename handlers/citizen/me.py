"""Doors to one's own account: who am I (masked), phone, real name, preferences."""

from __future__ import annotations

from handlers.doors import Auth, Call, Reply, Route
from services.accounts.types import (
    CitizenView,
    PhoneProof,
    PreferenceChoices,
    Preferences,
    RealNameAction,
    RealNameRequest,
    RealNameVerified,
)

_TAG = "我的"


async def me(call: Call[None]) -> Reply:
    """Show the caller to themselves."""
    return Reply(await call.house.accounts.me(call.caller))


async def bind_phone(call: Call[PhoneProof]) -> Reply:
    """Bind the phone number that the platform vouches for."""
    return Reply(await call.house.accounts.bind_phone(call.caller, call.body))


async def verify_real_name(call: Call[RealNameRequest]) -> Reply:
    """Verify name and ID number; 202 where the person has something to do first."""
    outcome = await call.house.accounts.verify_real_name(call.caller, call.body)
    return Reply(outcome, status=202 if isinstance(outcome, RealNameAction) else 200)


async def get_preferences(call: Call[None]) -> Reply:
    """Return how the caller wants to be served."""
    return Reply(await call.house.accounts.preferences(call.caller.citizen_id))


async def put_preferences(call: Call[Preferences]) -> Reply:
    """Replace them."""
    return Reply(await call.house.accounts.set_preferences(call.caller.citizen_id, call.body))


async def preference_choices(call: Call[None]) -> Reply:
    """Say what one may choose from."""
    return Reply(call.house.accounts.preference_choices())


ROUTES = (
    Route("GET", "/api/v1/me", me, auth=Auth.CITIZEN, answer=CitizenView, summary="我的账号（脱敏）", tag=_TAG),
    Route(
        "POST",
        "/api/v1/me/phone",
        bind_phone,
        auth=Auth.CITIZEN,
        body=PhoneProof,
        answer=CitizenView,
        summary="绑定手机号（微信传 code，支付宝原样传 my.getPhoneNumber 的结果）",
        tag=_TAG,
        example={"code": "demo-phone-zhang-wei"},
    ),
    Route(
        "POST",
        "/api/v1/me/real-name",
        verify_real_name,
        auth=Auth.CITIZEN,
        body=RealNameRequest,
        answer=RealNameVerified,
        summary="实名认证（返回 202 时先完成人脸核身，再以相同内容重复请求）",
        tag=_TAG,
        example={"name": "张伟", "id_number": "140105199003070012"},
        remembers=False,
    ),
    Route(
        "GET",
        "/api/v1/me/preferences",
        get_preferences,
        auth=Auth.CITIZEN,
        answer=Preferences,
        summary="服务偏好",
        tag=_TAG,
    ),
    Route(
        "PUT",
        "/api/v1/me/preferences",
        put_preferences,
        auth=Auth.CITIZEN,
        body=Preferences,
        answer=Preferences,
        summary="设置服务偏好",
        tag=_TAG,
        example={
            "elder_mode": True,
            "subscribe_messages": True,
            "sms": True,
            "topics": {"policy": {"sms": False}},
            "quiet": True,
            "quiet_from": "21:00",
            "quiet_until": "08:00",
            "tags": ["退役军人"],
        },
    ),
    Route(
        "GET",
        "/api/v1/me/preferences/choices",
        preference_choices,
        auth=Auth.CITIZEN,
        answer=PreferenceChoices,
        summary="服务偏好可选的人群标签与消息主题",
        tag=_TAG,
    ),
)
