"""Refunds (退款): application, query and their end. State table `refunds` (merchant:out_refund_no → row).

Source: WeChat Pay APIv3, 退款申请, 查询单笔退款, 2025.
"""

import secrets
from collections.abc import Callable
from typing import Any

from simulators.core import World
from simulators.wechat_pay.fields import REFUND, check_fields
from simulators.wechat_pay.notifications import Notifier
from simulators.wechat_pay.orders import PAID_STATES, Order, beijing_time, find_order, find_transaction, orders
from simulators.wechat_pay.wire import PROVIDER, Call, PayError

REFUND_DAYS = 365
MOST_REFUNDS = 50
RESULTS = ("SUCCESS", "ABNORMAL", "CLOSED")

Refund = dict[str, Any]


def refunds(world: World) -> dict[str, Refund]:
    """Return the live table of refunds."""
    return world.state.table(PROVIDER, "refunds")


def find_refund(world: World, out_refund_no: str, mch_id: str = "") -> Refund | None:
    """Return a refund, or None; an empty mch_id finds it at any merchant."""
    if mch_id:
        return refunds(world).get(f"{mch_id}:{out_refund_no}")
    return next((row for row in refunds(world).values() if row["body"]["out_refund_no"] == out_refund_no), None)


def make_apply(notifier: Notifier) -> Callable[[Call], dict[str, Any]]:
    """Return the handler of POST /v3/refund/domestic/refunds."""

    def apply(call: Call) -> dict[str, Any]:
        body = call.body()
        check_fields(body, REFUND)
        call.exchange.note(out_refund_no=body["out_refund_no"], refund_fen=body["amount"]["refund"])
        earlier = find_refund(call.world, body["out_refund_no"], call.merchant.config.mch_id)
        if earlier is not None:
            if earlier["body"] != body:
                raise PayError("INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试", 268498688)
            return answer_of(call.world, earlier)
        order = _refundable_order(call, body)
        refund = _new_refund(call.world, order, body)
        seconds = call.world.config.wechat_pay.refund_finish_seconds
        if seconds is not None:
            call.world.callbacks.spawn(_finish_later(call.world, notifier, order, refund, seconds))
        return answer_of(call.world, refund)

    return apply


def query(call: Call) -> dict[str, Any]:
    """Answer GET /v3/refund/domestic/refunds/{out_refund_no}."""
    refund = find_refund(call.world, call.path("no"), call.merchant.config.mch_id)
    call.exchange.note(out_refund_no=call.path("no"))
    if refund is None or refund["body"].get("sub_mchid", "") != call.query("sub_mchid"):
        raise PayError("RESOURCE_NOT_EXISTS", "退款单不存在", 268512771)
    return answer_of(call.world, refund)


def finish(world: World, refund: Refund, result: str) -> Order:
    """Give a refund its end (SUCCESS, ABNORMAL, CLOSED) and return its order. ABNORMAL may still become another."""
    refund["status"] = result
    if result == "SUCCESS":
        refund["success_time"] = beijing_time(world)
    order = orders(world)[refund["order"]]
    if all(row["status"] == "CLOSED" for row in _refunds_of(world, order)):
        order["state"] = "SUCCESS"
    world.state.touch()
    return order


def answer_of(world: World, refund: Refund) -> dict[str, Any]:
    """Return a refund as the application and the query show it."""
    order, body = orders(world)[refund["order"]], refund["body"]
    total, back = body["amount"]["total"], body["amount"]["refund"]
    shown = {
        "refund_id": refund["refund_id"],
        "out_refund_no": body["out_refund_no"],
        "transaction_id": order["transaction_id"],
        "out_trade_no": order["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": refund["account"],
        "create_time": refund["create_time"],
        "status": refund["status"],
        "funds_account": body.get("funds_account", "UNSETTLED"),
        "amount": {
            "total": total,
            "refund": back,
            "payer_total": total,
            "payer_refund": back,
            "settlement_total": total,
            "settlement_refund": back,
            "discount_refund": 0,
            "currency": "CNY",
        },
    }
    return shown | {"success_time": refund["success_time"]} if "success_time" in refund else shown


def _refundable_order(call: Call, body: dict[str, Any]) -> Order:
    """Return the paid order that can give this amount back.

    Raises: PayError.
    """
    order = _order_of(call, body)
    if order is None or order["body"].get("sub_mchid", "") != body.get("sub_mchid", ""):
        raise PayError("RESOURCE_NOT_EXISTS", "订单不存在", 268512771)
    if order["state"] not in PAID_STATES:
        raise PayError("INVALID_REQUEST", "订单未支付，不能退款")
    if body["amount"]["total"] != order["body"]["amount"]["total"]:
        raise PayError("INVALID_REQUEST", "订单金额与原订单不一致")
    if call.world.clock.timestamp() - order["paid_at"] > REFUND_DAYS * 86_400:
        raise PayError("INVALID_REQUEST", "订单已超过可退款的最大期限")
    earlier = [row for row in _refunds_of(call.world, order) if row["status"] != "CLOSED"]
    given = sum(row["body"]["amount"]["refund"] for row in earlier)
    if len(earlier) >= MOST_REFUNDS or given + body["amount"]["refund"] > order["body"]["amount"]["total"]:
        raise PayError("INVALID_REQUEST", "申请退款金额超过订单可退金额")
    return order


def _order_of(call: Call, body: dict[str, Any]) -> Order | None:
    mch_id = call.merchant.config.mch_id
    if "out_trade_no" in body:
        return find_order(call.world, mch_id, body["out_trade_no"])
    if "transaction_id" not in body:
        raise PayError("PARAM_ERROR", "transaction_id和out_trade_no必须二选一", 268435461)
    order = find_transaction(call.world, body["transaction_id"])
    return order if order is not None and order["mch_id"] == mch_id else None


def _new_refund(world: World, order: Order, body: dict[str, Any]) -> Refund:
    number = f"50302600{world.clock.beijing():%Y%m%d}{secrets.randbelow(10**13):013d}"
    refund: Refund = {
        "order": f"{order['mch_id']}:{order['out_trade_no']}",
        "mch_id": order["mch_id"],
        "body": body,
        "refund_id": number,
        "status": "PROCESSING",
        "create_time": beijing_time(world),
        "account": "支付用户零钱",
    }
    refunds(world)[f"{order['mch_id']}:{body['out_refund_no']}"] = refund
    order.setdefault("refunds", []).append(body["out_refund_no"])
    order["state"] = "REFUND"
    world.state.touch()
    return refund


async def _finish_later(world: World, notifier: Notifier, order: Order, refund: Refund, seconds: float) -> None:
    await world.clock.sleep(seconds)
    if refund["status"] == "PROCESSING":
        finish(world, refund, "SUCCESS")
        notifier.refund(order, refund)


def _refunds_of(world: World, order: Order) -> list[Refund]:
    return [refunds(world)[f"{order['mch_id']}:{number}"] for number in order.get("refunds", [])]
