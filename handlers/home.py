"""The home page of demo mode: what runs where, who can sign in and how, what the stand-in providers received.

Its routes exist in demo mode only; it shows throw-away secrets of this machine.
"""

from __future__ import annotations

from typing import Any

from app.settings import Settings
from handlers.doors import Auth, Call, Reply, Route
from handlers.pages import page

_PROVIDERS = {
    "control": "模拟器控制接口",
    "wechat": "微信小程序",
    "wechat_pay": "微信支付",
    "alipay": "支付宝",
    "sf": "顺丰速运",
    "ems": "中国邮政EMS",
    "kuaidi100": "快递100",
    "kdniao": "快递鸟",
    "sms": "短信（阿里云、腾讯云）",
    "fiscal": "财政非税平台",
}
_CHANNELS = {"wechat": "微信", "alipay": "支付宝", "sms": "短信"}
_ROLES = {
    "window": "窗口",
    "reviewer": "审核",
    "cashier": "收银",
    "dispatcher": "发件",
    "publisher": "发布",
    "approver": "复核",
    "auditor": "审计",
    "administrator": "管理",
}
_JOURNAL_FIELDS = frozenset({"at", "provider", "call", "outcome"})


async def home(call: Call[None]) -> Reply:
    """Show the demonstration."""
    showcase, settings = call.house.showcase, call.house.settings
    return page(
        call,
        "home/home.html",
        base_url=settings.base_url,
        control_address=showcase.control_address,
        simulated=[_PROVIDERS.get(name, name) for name in settings.simulated()],
        people=await showcase.people(),
        accounts=await showcase.staff_accounts(),
        seconds_left=showcase.code_seconds_left(),
        **await _received(call),
    )


async def received(call: Call[None]) -> Reply:
    """Show the part of the page that the simulators fill; the page fetches it again and again."""
    return page(call, "home/received.html", **await _received(call))


async def accounts(call: Call[None]) -> Reply:
    """Show the staff accounts with the codes of this moment."""
    showcase = call.house.showcase
    return page(
        call,
        "home/accounts.html",
        accounts=await showcase.staff_accounts(),
        seconds_left=showcase.code_seconds_left(),
        role_names=_ROLES,
    )


async def _received(call: Call[None]) -> dict[str, Any]:
    return {
        "received": await call.house.showcase.received(),
        "provider_names": _PROVIDERS,
        "channel_names": _CHANNELS,
        "role_names": _ROLES,
        "journal_fields": _JOURNAL_FIELDS,
    }


def demo_routes(settings: Settings) -> tuple[Route, ...]:
    """Return the demonstration's routes; none outside demo mode."""
    if not settings.is_demo:
        return ()
    shown = (("/", home, "演示首页"), ("/demo/received", received, "模拟器所收"), ("/demo/accounts", accounts, "账号"))
    return tuple(Route("GET", path, handler, Auth.PUBLIC, title, "演示", page=True) for path, handler, title in shown)
