"""The user's side of a payment: what the phone does with the parameters of wx.requestPayment.

Called by the control API only. Source: WeChat Pay, 小程序调起支付 (five fields, paySign), 2025.
"""

import secrets
from typing import Any

from simulators.config import Person
from simulators.control import ControlError, need_text
from simulators.core import World
from simulators.people import openid_of
from simulators.wechat_pay.orders import Order, beijing_time, order_of_prepay
from simulators.wechat_pay.platform import Platform
from simulators.wechat_pay.signing import pay_text, verify
from simulators.wechat_pay.wire import PROVIDER


def check_parameters(world: World, platform: Platform, parameters: dict[str, Any], app_id: str) -> tuple[Order, str]:
    """Check the five parameters as the phone's WeChat would; return the order and the app that calls.

    Raises: ControlError.
    """
    names = ("timeStamp", "nonceStr", "package", "signType", "paySign")
    timestamp, nonce, package, sign_type, pay_sign = (need_text(parameters, name) for name in names)
    found = order_of_prepay(world, package.removeprefix("prepay_id=")) if package.startswith("prepay_id=") else None
    if found is None:
        raise ControlError("package: no such prepay_id")
    order, ends_at = found
    body = order["body"]
    app_ids = [body[name] for name in ("sub_appid", "sp_appid", "appid") if name in body]
    app_id = app_id or app_ids[0]
    if app_id not in app_ids:
        raise ControlError(f"app_id: the order belongs to {' and '.join(app_ids)}")
    if sign_type != "RSA" or not timestamp.isdecimal() or len(nonce) > 32:
        raise ControlError("signType must be RSA, timeStamp digits, nonceStr at most 32 characters")
    key = platform.merchants[order["mch_id"]].public_key
    if not verify(key, pay_text(app_id, timestamp, nonce, package), pay_sign):
        raise ControlError("paySign: 支付验证签名失败")
    if ends_at <= world.clock.timestamp():
        raise ControlError("prepay_id: 支付会话已过期")
    return order, app_id


def pay(world: World, order: Order, app_id: str, person: Person) -> None:
    """Pay the order: it gets its transaction_id and success_time.

    Raises: ControlError when it is not open, or another person's.
    """
    if order["state"] != "NOTPAY":
        raise ControlError("该订单已支付" if order["state"] != "CLOSED" else "该订单已关闭")
    if openid_of(app_id, person.key) not in order["body"]["payer"].values():
        raise ControlError("下单账号与支付账号不一致")
    transactions = world.state.table(PROVIDER, "transactions")
    day, number = f"{world.clock.beijing():%Y%m%d}", len(transactions) % 10**4
    transaction_id = f"4200002600{day}{number:04d}{secrets.randbelow(10**6):06d}"
    transactions[transaction_id] = f"{order['mch_id']}:{order['out_trade_no']}"
    order.update(
        state="SUCCESS",
        transaction_id=transaction_id,
        success_time=beijing_time(world),
        paid_at=world.clock.timestamp(),
        person=person.key,
    )
    world.state.touch()
