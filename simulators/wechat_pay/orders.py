"""Orders of JSAPI/mini-program payment: prepay, query, close, for direct and partner merchants.

State tables `orders` (merchant:out_trade_no → row), `prepays` and `transactions` (their ids → order key).
Source: WeChat Pay APIv3, JSAPI下单, 查询订单, 关闭订单, error tables, 2025.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from simulators.clock import BEIJING
from simulators.core import World
from simulators.wechat_pay.fields import DIRECT_CLOSE, DIRECT_ORDER, PARTNER_CLOSE, PARTNER_ORDER, check_fields
from simulators.wechat_pay.wire import PROVIDER, Call, PayError

PREPAY_SECONDS = 7_200
DEFAULT_EXPIRY = timedelta(days=7)
LONGEST_EXPIRY = timedelta(days=90)
SHORTEST_EXPIRY = timedelta(minutes=1)
STATE_TEXTS = {"NOTPAY": "订单未支付", "SUCCESS": "支付成功", "CLOSED": "订单已关闭", "REFUND": "转入退款"}
PAID_STATES = ("SUCCESS", "REFUND")

Order = dict[str, Any]


def prepay_direct(call: Call) -> dict[str, Any]:
    """Answer POST /v3/pay/transactions/jsapi."""
    body = call.body()
    check_fields(body, DIRECT_ORDER)
    _check_owner(call, body["mchid"])
    if body["appid"] not in call.merchant.config.app_ids:
        raise PayError("APPID_MCHID_NOT_MATCH", "appid和mchid不匹配", 268445527)
    _check_openid(call, body["appid"], body["payer"]["openid"])
    return _prepay(call, "direct", body)


def prepay_partner(call: Call) -> dict[str, Any]:
    """Answer POST /v3/pay/partner/transactions/jsapi."""
    body = call.body()
    check_fields(body, PARTNER_ORDER)
    _check_owner(call, body["sp_mchid"])
    _check_sub_merchant(call, body["sub_mchid"])
    if body["sp_appid"] not in call.merchant.config.app_ids:
        raise PayError("APPID_MCHID_NOT_MATCH", "sp_appid和sp_mchid不匹配", 268445527)
    payer = body["payer"]
    if len(payer) != 1:
        raise PayError("PARAM_ERROR", "sp_openid和sub_openid有且只能传一个", 268501013)
    if "sub_openid" in payer and "sub_appid" not in body:
        raise PayError("PARAM_ERROR", "传入sub_openid时sub_appid必填", 268435461)
    app_id = body["sub_appid"] if "sub_openid" in payer else body["sp_appid"]
    _check_openid(call, app_id, next(iter(payer.values())))
    return _prepay(call, "partner", body)


def query_by_number(call: Call) -> dict[str, Any]:
    """Answer GET …/out-trade-no/{no}."""
    return transaction_of(_named_order(call, _query_merchant(call)))


def query_by_id(call: Call) -> dict[str, Any]:
    """Answer GET …/id/{transaction_id}."""
    owner = (call.merchant.config.mch_id, _query_merchant(call))
    order = find_transaction(call.world, call.path("id"))
    if order is None or (order["mch_id"], order["body"].get("sub_mchid", "")) != owner:
        raise PayError("ORDER_NOT_EXIST", "订单不存在", 268512771)
    call.exchange.note(out_trade_no=order["out_trade_no"], trade_state=order["state"])
    return transaction_of(order)


def close_direct(call: Call) -> None:
    """Answer POST …/out-trade-no/{no}/close with 204; a paid order refuses."""
    body = call.body()
    check_fields(body, DIRECT_CLOSE)
    _check_owner(call, body["mchid"])
    _close(call, _named_order(call, ""))


def close_partner(call: Call) -> None:
    """Answer the partner's close with 204."""
    body = call.body()
    check_fields(body, PARTNER_CLOSE)
    _check_owner(call, body["sp_mchid"])
    _close(call, _named_order(call, body["sub_mchid"]))


def orders(world: World) -> dict[str, Order]:
    """Return the live table of orders."""
    return world.state.table(PROVIDER, "orders")


def find_order(world: World, mch_id: str, out_trade_no: str) -> Order | None:
    """Return an order with its expiry applied, or None; an empty mch_id finds it at any merchant."""
    if mch_id:
        order = orders(world).get(f"{mch_id}:{out_trade_no}")
    else:
        order = next((row for row in orders(world).values() if row["out_trade_no"] == out_trade_no), None)
    if order is not None and order["state"] == "NOTPAY" and order["expires_at"] <= world.clock.timestamp():
        order["state"] = "CLOSED"
        world.state.touch()
    return order


def find_transaction(world: World, transaction_id: str) -> Order | None:
    """Return the order paid under WeChat's own number (微信支付订单号), or None."""
    return orders(world).get(world.state.table(PROVIDER, "transactions").get(transaction_id, ""))


def order_of_prepay(world: World, prepay_id: str) -> tuple[Order, float] | None:
    """Return the order behind a prepay id (预支付交易会话标识) and the time the id ends, or None."""
    row = world.state.table(PROVIDER, "prepays").get(prepay_id)
    if row is None:
        return None
    mch_id, out_trade_no = row["order"].split(":", 1)
    order = find_order(world, mch_id, out_trade_no)
    return (order, float(row["expires_at"])) if order is not None else None


def transaction_of(order: Order) -> dict[str, Any]:
    """Return the order as query answers and notifications show it; payment fields only once paid."""
    body = order["body"]
    names = ("appid", "mchid") if order["mode"] == "direct" else ("sp_appid", "sp_mchid", "sub_appid", "sub_mchid")
    shown = {name: body[name] for name in names if name in body}
    shown |= {"out_trade_no": order["out_trade_no"], "trade_state": order["state"]}
    shown["trade_state_desc"] = STATE_TEXTS[order["state"]]
    if order["state"] not in PAID_STATES:
        return shown
    total = body["amount"]["total"]
    shown |= {
        "transaction_id": order["transaction_id"],
        "trade_type": "JSAPI",
        "bank_type": order["bank_type"],
        "attach": body.get("attach", ""),
        "success_time": order["success_time"],
        "payer": body["payer"],
        "amount": {"total": total, "payer_total": total, "currency": "CNY", "payer_currency": "CNY"},
    }
    return shown


def _prepay(call: Call, mode: str, body: dict[str, Any]) -> dict[str, Any]:
    world, out_trade_no, mch_id = call.world, body["out_trade_no"], call.merchant.config.mch_id
    call.exchange.note(out_trade_no=out_trade_no, total_fen=body["amount"]["total"])
    order = find_order(world, mch_id, out_trade_no)
    if order is None:
        order = _new_order(world, mode, mch_id, body)
    _check_reentry(order, body)
    prepay_id = f"wx{world.clock.beijing():%d%H%M%S}{secrets.token_hex(13)}"
    expires_at = world.clock.timestamp() + PREPAY_SECONDS
    world.state.table(PROVIDER, "prepays")[prepay_id] = {"order": f"{mch_id}:{out_trade_no}", "expires_at": expires_at}
    world.state.touch()
    return {"prepay_id": prepay_id}


def _new_order(world: World, mode: str, mch_id: str, body: dict[str, Any]) -> Order:
    now = world.clock.now()
    expires_at = now + DEFAULT_EXPIRY
    if "time_expire" in body:
        try:
            expires_at = datetime.fromisoformat(body["time_expire"])
        except ValueError as error:
            raise PayError("PARAM_ERROR", "time_expire格式错误", 268435461) from error
        if not now + SHORTEST_EXPIRY - timedelta(seconds=5) <= expires_at <= now + LONGEST_EXPIRY:
            raise PayError("PARAM_ERROR", "time_expire不在允许的时间范围内", 268435464)
    order = {
        "mch_id": mch_id,
        "mode": mode,
        "out_trade_no": body["out_trade_no"],
        "body": body,
        "state": "NOTPAY",
        "created_at": now.timestamp(),
        "expires_at": expires_at.timestamp(),
        "bank_type": "OTHERS",
    }
    orders(world)[f"{mch_id}:{body['out_trade_no']}"] = order
    return order


def _check_reentry(order: Order, body: dict[str, Any]) -> None:
    """Raises: PayError ORDERPAID, ORDER_CLOSED, or INVALID_REQUEST when the parameters differ from the first call's."""
    if order["state"] in PAID_STATES:
        raise PayError("ORDERPAID", "该订单已支付", 268498689)
    if order["state"] == "CLOSED":
        raise PayError("ORDER_CLOSED", "该订单已关闭", 268447914)
    if order["body"] != body:
        raise PayError("INVALID_REQUEST", "请求重入时，参数与首次请求时不一致", 268498688)


def _close(call: Call, order: Order) -> None:
    if order["state"] in PAID_STATES:
        raise PayError("ORDERPAID", "该订单已支付，不能关闭", 268498689)
    order["state"] = "CLOSED"
    call.world.state.touch()


def _named_order(call: Call, sub_mch_id: str) -> Order:
    order = find_order(call.world, call.merchant.config.mch_id, call.path("no"))
    call.exchange.note(out_trade_no=call.path("no"))
    if order is None or order["body"].get("sub_mchid", "") != sub_mch_id:
        raise PayError("ORDER_NOT_EXIST", "订单不存在", 268512771)
    call.exchange.note(trade_state=order["state"])
    return order


def _query_merchant(call: Call) -> str:
    """Check the merchant numbers in the query; return sub_mchid for the partner paths, else an empty text."""
    if "/partner/" not in call.exchange.request.path:
        _check_owner(call, call.query("mchid"))
        return ""
    _check_owner(call, call.query("sp_mchid"))
    _check_sub_merchant(call, call.query("sub_mchid"))
    return call.query("sub_mchid")


def _check_owner(call: Call, mch_id: str) -> None:
    if not mch_id:
        raise PayError("PARAM_ERROR", "缺少商户号", 268435461)
    if mch_id != call.merchant.config.mch_id:
        raise PayError("INVALID_REQUEST", "商户号与签名的商户号不一致", 268447843)


def _check_sub_merchant(call: Call, sub_mch_id: str) -> None:
    if sub_mch_id not in call.merchant.config.sub_merchants:
        raise PayError("NO_AUTH", "服务商与特约商户没有受理关系", 268443701)


def _check_openid(call: Call, app_id: str, openid: str) -> None:
    if call.world.people.find_by_openid(app_id, openid) is None:
        raise PayError("PARAM_ERROR", "无效的openid", 268501013)


def beijing_time(world: World) -> str:
    """Return now as WeChat Pay writes times: yyyy-MM-ddTHH:mm:ss+08:00."""
    return world.clock.now().astimezone(BEIJING).isoformat(timespec="seconds")
