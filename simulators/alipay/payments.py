"""The trade methods: alipay.trade.create, query, close, refund and fastpay.refund.query.

Called by the gateway with verified calls; the rules live in trades.py, the notifications in notifications.py.
"""

import json
import secrets
from typing import Any

from simulators.alipay import notifications, trades
from simulators.alipay.bills import yuan
from simulators.alipay.call import Call
from simulators.alipay.errors import business_failure, invalid_argument
from simulators.alipay.trades import Trade
from simulators.alipay.wire import beijing
from simulators.config import Person


def _buyer(call: Call) -> tuple[str, str, Person]:
    """Find the payer. Raises: AlipayError. Source: 支付宝开放平台 alipay.trade.create buyer_open_id / buyer_id."""
    open_id, user_id = call.biz.get("buyer_open_id"), call.biz.get("buyer_id")
    if not open_id and not user_id:
        raise trades.invalid("buyer_id,buyer_open_id")
    field, value = ("buyer_open_id", open_id) if open_id else ("buyer_id", user_id)
    person = call.holder_of(value)
    looks_like_user_id = isinstance(value, str) and value.startswith("2088") and value.isdecimal()
    if field == "buyer_open_id" and not person:
        raise invalid_argument("isv.invalid-openid", "无效的openid")
    if not person or looks_like_user_id != (field == "buyer_id"):
        raise business_failure("ACQ.BUYER_NOT_EXIST", "买家不存在")
    return field, str(value), person


def _check_parties(call: Call) -> None:
    if call.biz.get("op_app_id") not in call.platform.apps:
        raise business_failure("ACQ.UNBOUND_APPLICATION", "小程序未绑定或不存在：op_app_id")
    if call.biz.get("seller_id", call.seller_id) != call.seller_id:
        raise business_failure("ACQ.INVALID_RECEIVE_ACCOUNT", "收款账户无效")
    if "?" in call.params.get("notify_url", ""):
        raise trades.invalid("notify_url")


def create(call: Call) -> dict[str, Any]:
    """Open a trade. Idempotent: yes, by out_trade_no with the same content while unpaid.

    Source: 支付宝开放平台 alipay.trade.create 统一收单交易创建接口. Raises: AlipayError.
    """
    biz = call.biz
    trades.check_create(biz)
    _check_parties(call)
    field, buyer, person = _buyer(call)
    content = json.dumps(dict(biz), sort_keys=True, ensure_ascii=False)
    trade = call.platform.trade(biz["out_trade_no"])
    if trade:
        trades.check_repeat(trade, content)
    else:
        expires_at = trades.expiry(biz, call.now)
        trade = Trade(
            trade_no=f"{beijing(call.now)[:10].replace('-', '')}22001{secrets.randbelow(10**15):015d}",
            out_trade_no=biz["out_trade_no"],
            app_id=call.app.app_id,
            auth_app_id=call.auth_app_id,
            seller_id=call.seller_id,
            amount_fen=trades.amount_of(biz, "total_amount"),
            subject=biz["subject"],
            body=biz.get("body", ""),
            passback_params=biz.get("passback_params", ""),
            person=person.key,
            buyer_field=field,
            buyer=buyer,
            notify_url=call.params.get("notify_url", ""),
            status="WAIT_BUYER_PAY",
            gmt_create=beijing(call.now),
            gmt_expire=beijing(expires_at),
            gmt_payment="",
            gmt_close="",
            content=content,
            refunds=[],
        )
        call.platform.add_trade(trade)
    return {"out_trade_no": trade["out_trade_no"], "trade_no": trade["trade_no"]}


def _trade(call: Call) -> Trade:
    """Find a trade of the app in the same merchant's name by trade_no, which wins, or out_trade_no.

    Raises: AlipayError.
    """
    number, own = call.biz.get("trade_no"), call.biz.get("out_trade_no")
    if not number and not own:
        raise trades.invalid("out_trade_no,trade_no")
    found = call.platform.trade_numbered(str(number)) if number else call.platform.trade(str(own))
    if not found or (found["app_id"], trades.owner_of(found)) != (call.app.app_id, call.auth_app_id):
        raise trades.not_found()
    return found


def _numbers(trade: Trade) -> dict[str, Any]:
    return {"trade_no": trade["trade_no"], "out_trade_no": trade["out_trade_no"]}


def _buyer_fields(call: Call, trade: Trade) -> dict[str, Any]:
    field = "buyer_user_id" if trade["buyer_field"] == "buyer_id" else "buyer_open_id"
    return {field: trade["buyer"], "buyer_logon_id": call.platform.logon_id(trade["person"])}


def query(call: Call) -> dict[str, Any]:
    """Report a trade's state. Source: 支付宝开放平台 alipay.trade.query 统一收单交易查询. Raises: AlipayError."""
    trade = _trade(call)
    amount = yuan(trade["amount_fen"])
    paid = amount if trade["gmt_payment"] else "0.00"
    answer = {
        **_numbers(trade),
        **_buyer_fields(call, trade),
        "trade_status": trade["status"],
        "total_amount": amount,
        "receipt_amount": paid,
        "buyer_pay_amount": paid,
        "invoice_amount": paid,
        "point_amount": "0.00",
    }
    if trade["gmt_payment"]:
        answer["send_pay_date"] = trade["gmt_payment"]
        if call.asks_for("fund_bill_list"):
            answer["fund_bill_list"] = [{"fund_channel": "ALIPAYACCOUNT", "amount": amount}]
    return answer


def close(call: Call) -> dict[str, Any]:
    """Close an unpaid trade. Source: 支付宝开放平台 alipay.trade.close 统一收单交易关闭接口. Raises: AlipayError."""
    trade = _trade(call)
    trades.close(trade, call.now)
    return _numbers(trade)


def refund(call: Call) -> dict[str, Any]:
    """Refund a part or all, and tell the merchant's notify_url. Idempotent: yes, by trade and out_request_no.

    Source: 支付宝开放平台 alipay.trade.refund 统一收单交易退款接口; refund_fee is the cumulative sum.
    Raises: AlipayError.
    """
    trade = _trade(call)
    amount_fen = trades.amount_of(call.biz, "refund_amount")
    number = str(call.biz.get("out_request_no") or trade["out_trade_no"])
    changed = trades.refund(trade, number, amount_fen, str(call.biz.get("refund_reason", "")), call.now)
    if changed:
        notifications.send(call.platform, trade, notifications.refund_event(trade, number))
    total = yuan(trades.refunded_fen(trade))
    answer = {
        **_numbers(trade),
        **_buyer_fields(call, trade),
        "fund_change": "Y" if changed else "N",
        "refund_fee": total,
    }
    if call.asks_for("refund_detail_item_list"):
        answer["refund_detail_item_list"] = [{"fund_channel": "ALIPAYACCOUNT", "amount": yuan(amount_fen)}]
        answer["send_back_fee"] = yuan(amount_fen)
    return answer


def deposit_back_fields(told: trades.DepositBack) -> dict[str, str]:
    """Return how the bank took a refund, as the query and the gateway message tell it."""
    fields = {"dback_status": told["status"], "dback_amount": yuan(told["amount_fen"])}
    return fields if told["status"] == "P" else {**fields, "bank_ack_time": told["at"]}


def query_refund(call: Call) -> dict[str, Any]:
    """Report one refund; no refund_status when there is none of this number.

    Source: 支付宝开放平台 alipay.trade.fastpay.refund.query 统一收单交易退款查询. Raises: AlipayError.
    """
    if not call.biz.get("out_request_no"):
        raise trades.invalid("out_request_no")
    trade = _trade(call)
    done = trades.find_refund(trade, str(call.biz["out_request_no"]))
    if not done:
        return {}
    answer: dict[str, Any] = {
        **_numbers(trade),
        "out_request_no": done["out_request_no"],
        "total_amount": yuan(trade["amount_fen"]),
        "refund_amount": yuan(done["amount_fen"]),
        "refund_status": "REFUND_SUCCESS",
    }
    if call.asks_for("gmt_refund_pay"):
        answer["gmt_refund_pay"] = done["at"][:19]
    if "deposit_back" in done and call.asks_for("deposit_back_info"):
        answer["deposit_back_info"] = {"has_deposit_back": "true", **deposit_back_fields(done["deposit_back"])}
    return answer
