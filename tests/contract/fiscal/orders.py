"""Bills and payments that the tests of the fiscal platform speak about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from app.clock import beijing_date
from app.ids import random_text
from payments.fiscal.neutral import FiscalLine, FiscalOrder, FiscalPayment, FiscalRefund
from payments.fiscal.ports import FiscalPlatform


def an_order(**changed: Any) -> FiscalOrder:
    """Make a bill of 20 yuan."""
    given: dict[str, Any] = {
        "bill_no": f"B{random_text(20)}",
        "agency_code": "11140105012345678X",
        "agency_name": "太原市公安局小店分局",
        "division_code": "140105000000",
        "title": "居民身份证补领工本费",
        "amount_fen": 2000,
        "billed_on": beijing_date(),
        "lines": (FiscalLine("证照工本费", 2000, "发改价格〔2003〕2322号", "103040107"),),
    }
    return FiscalOrder(**given | changed)


async def issued(platform: FiscalPlatform, **changed: Any) -> str:
    """Issue a bill and return its 缴款码."""
    return (await platform.issue(an_order(**changed))).payment_code


def a_payment(payment_code: str, amount_fen: int = 2000, **changed: Any) -> FiscalPayment:
    """Make a payment of a 缴款码 at this moment."""
    given: dict[str, Any] = {
        "payment_code": payment_code,
        "amount_fen": amount_fen,
        "channel": "WECHAT",
        "out_trade_no": f"P{random_text(24)}",
        "provider_trade_no": f"42{random_text(26)}",
        "paid_at": datetime.now(UTC),
    }
    return FiscalPayment(**given | changed)


async def confirmed(platform: FiscalPlatform) -> FiscalPayment:
    """Issue a bill, pay it, and have it confirmed."""
    payment = a_payment(await issued(platform))
    await platform.confirm(payment)
    return payment


def a_refund(payment_code: str, amount_fen: int = 500, **changed: Any) -> FiscalRefund:
    """Make a refund of a part."""
    given: dict[str, Any] = {"out_refund_no": f"R{random_text(24)}", "reason": "多缴"}
    return FiscalRefund(payment_code=payment_code, amount_fen=amount_fen, **given | changed)


async def day_of(platform: FiscalPlatform, day: date | None = None) -> list[Any]:
    """Read a day's list to its end."""
    return [entry async for entry in platform.list_day(day or beijing_date())]
