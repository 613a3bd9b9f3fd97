"""Confirmation of payments (缴款确认): taken once per 缴款码, confirmed at once or after a while.

Source: docs/providers/fiscal.md, payment/confirm (profile).
"""

from typing import Any

from simulators.core import World
from simulators.fiscal.fields import Refusal, need_fen, need_text, need_time, time_text
from simulators.fiscal.notices import Notice, due_fen, find
from simulators.fiscal.platform import switch_seconds
from simulators.fiscal.wire import Call

_TEXTS = {"OutTradeNo": 64, "TradeNo": 64, "Channel": 16}


def confirm(call: Call) -> dict[str, Any]:
    """Take a payment. What was due on the day of PayTime must have been paid. Raises: Refusal NT1001 to NT1005."""
    row = find(call)
    amount_fen, paid_at = need_fen(call.content, "Amt"), need_time(call.content, "PayTime").timestamp()
    texts = {name: need_text(call.content, name, most) for name, most in _TEXTS.items()}
    reported = texts | {"Amt": call.content["Amt"], "PayTime": call.content["PayTime"]}
    call.exchange.note(out_trade_no=texts["OutTradeNo"])
    payment = row["payment"]
    if payment is None:
        _check_open(call.world, row, amount_fen, paid_at)
        payment = take(call.world, row, amount_fen, texts["OutTradeNo"], reported)
    elif payment["out_trade_no"] != texts["OutTradeNo"]:
        raise Refusal("NT1004")
    elif payment["reported"] != reported:
        raise Refusal("NT1002")
    return _shown(call.world, row, payment, call.content["Amt"])


def take(
    world: World, row: Notice, amount_fen: int, out_trade_no: str, reported: dict[str, str] | None
) -> dict[str, Any]:
    """Note a payment of a notice; it is confirmed when the switch `confirm_seconds` has run out."""
    payment = {
        "out_trade_no": out_trade_no,
        "amount_fen": amount_fen,
        "reported": reported,
        "confirm_at": world.clock.timestamp() + switch_seconds(world, "confirm_seconds"),
        "receipt": None,
    }
    row["payment"] = payment
    world.state.touch()
    return payment


def is_confirmed(world: World, row: Notice) -> bool:
    """Tell whether the payment of a notice is confirmed by now."""
    payment = row["payment"]
    return payment is not None and payment["confirm_at"] <= world.clock.timestamp()


def _check_open(world: World, row: Notice, amount_fen: int, paid_at: float) -> None:
    if row["voided"]:
        raise Refusal("NT1005")
    if amount_fen != due_fen(world, row, paid_at):
        raise Refusal("NT1003")


def _shown(world: World, row: Notice, payment: dict[str, Any], amount: str) -> dict[str, Any]:
    done = is_confirmed(world, row)
    return {
        "PayCode": row["pay_code"],
        "OutTradeNo": payment["out_trade_no"],
        "Amt": amount,
        "State": "CONFIRMED" if done else "PROCESSING",
        "ConfirmTime": time_text(payment["confirm_at"]) if done else "",
    }
