"""The user's side of Alipay: login codes, paying, face verification, permissions, and sending callbacks again.

Mounted under /control/alipay/ of the control API.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from aiohttp import web

from simulators.alipay import certify, login, messages, notifications, payments, phone, statements, trades
from simulators.alipay.errors import AlipayError
from simulators.alipay.notifications import KINDS
from simulators.alipay.platform import App, Platform
from simulators.alipay.trades import Trade
from simulators.callbacks import Delivery
from simulators.control import ControlError, answer, need_person, need_text, read_json
from simulators.people import alipay_open_id_of, alipay_user_id_of

Handler = Callable[[web.Request], Awaitable[web.Response]]
_DEPOSIT_BACK = "alipay.trade.refund.depositback.completed"
_STATUSES = ("WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED")


def _app(platform: Platform, body: Mapping[str, Any]) -> App:
    """Return the named app, or the first one when none is named."""
    app_id = body.get("app_id") or next(iter(platform.apps), "")
    app = platform.apps.get(str(app_id))
    if app is None:
        raise ControlError(f"no Alipay app {app_id}", 404)
    return app


def _choice(body: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    value = body.get(name, default)
    if value not in choices:
        raise ControlError(f"{name}: one of {', '.join(choices)}")
    return str(value)


def _number(body: Mapping[str, Any], name: str, default: float, most: float) -> float:
    value = body.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise ControlError(f"{name}: a number from 0 to {most}")
    return value


async def _first(delivery: Delivery | None) -> dict[str, Any] | None:
    attempt = await delivery.first() if delivery else None
    return attempt.as_json() if attempt else None


def _trade(platform: Platform, request: web.Request) -> Trade:
    trade = platform.trade(request.match_info["out_trade_no"])
    if trade is None:
        raise ControlError("no such trade", 404)
    return trade


def _login_routes(platform: Platform) -> list[web.RouteDef]:
    async def auth_code(request: web.Request) -> web.Response:
        body = await read_json(request)
        person, app = need_person(platform.world, body), _app(platform, body)
        ids = {"open_id": alipay_open_id_of(app.app_id, person.key), "user_id": alipay_user_id_of(person.key)}
        return answer({"auth_code": login.new_auth_code(platform, person.key, app.app_id), **ids})

    async def phone_payload(request: web.Request) -> web.Response:
        body = await read_json(request)
        person, app = need_person(platform.world, body), _app(platform, body)
        kind = _choice(body, "kind", phone.KINDS, "ok")
        if not app.config.aes_key:
            raise ControlError("this app has no aes_key")
        return answer(phone.phone_payload(kind, person.phone, app.config.aes_key, platform.key))

    async def finish_certify(request: web.Request) -> web.Response:
        passed = (await read_json(request)).get("passed")
        if not isinstance(passed, bool):
            raise ControlError("passed: true or false is required")
        try:
            row = certify.finish(platform, request.match_info["certify_id"], passed)
        except AlipayError as error:
            raise ControlError(error.sub_code, 404 if error.sub_code.endswith("NOT_EXIST") else 400) from None
        return answer({"passed": row["passed"]})

    return [
        web.post("/auth-codes", auth_code),
        web.post("/phone-payloads", phone_payload),
        web.post("/certify/{certify_id}", finish_certify),
    ]


def _pay(platform: Platform) -> Handler:
    async def pay(request: web.Request) -> web.Response:
        """Do what the cashier (收银台) does after my.tradePay."""
        body = await read_json(request)
        person, kind = need_person(platform.world, body), _choice(body, "notify", KINDS, "normal")
        trade = platform.trade_numbered(need_text(body, "tradeNO"))
        if trade is None:
            raise ControlError("no such trade", 404)
        if _choice(body, "result", ("success", "cancel"), "success") == "cancel":
            return answer({"result": "cancel", "resultCode": "6001"})
        if trade["person"] != person.key or trade["status"] != "WAIT_BUYER_PAY":
            return answer({"result": "fail", "resultCode": "4000", "memo": "ALI38110"})
        trades.pay(trade, platform.world.clock.now())
        platform.touch()
        delay = _number(body, "delay_seconds", 0, 86_400)
        sent = notifications.send_kind(platform, trade, notifications.payment_event(trade), kind, delay)
        callback = await _first(sent[0] if sent else None)
        return answer({"result": "ok", "resultCode": "9000", "trade_no": trade["trade_no"], "callback": callback})

    return pay


def _trade_routes(platform: Platform) -> list[web.RouteDef]:
    async def list_trades(_: web.Request) -> web.Response:
        return answer(platform.all_trades())

    async def show_trade(request: web.Request) -> web.Response:
        return answer(_trade(platform, request))

    async def notify(request: web.Request) -> web.Response:
        """Send the payment's (or, with out_request_no, the refund's) notification again."""
        trade, body = _trade(platform, request), await read_json(request)
        kind = _choice(body, "notify", KINDS, "normal")
        refund_no = body.get("out_request_no")
        status = _choice(body, "status", _STATUSES, "TRADE_SUCCESS")
        event = notifications.payment_event(trade, status)
        if refund_no:
            event = notifications.refund_event(trade, str(refund_no))
        rounds, at_once = int(_number(body, "times", 1, 100)), int(_number(body, "concurrent", 1, 1000))
        delay, callbacks = _number(body, "delay_seconds", 0, 86_400), []
        for _ in range(rounds):
            batches = [notifications.send_kind(platform, trade, event, kind, delay) for _ in range(at_once)]
            callbacks += [await _first(delivery) for batch in batches for delivery in batch]
        return answer({"notify_id": event.notify_id, "callbacks": callbacks})

    async def deposit_back(request: web.Request) -> web.Response:
        """Let the payer's bank take or give back a refund (银行卡冲退), and send the message about it."""
        trade, body = _trade(platform, request), await read_json(request)
        done = trades.find_refund(trade, request.match_info["out_request_no"])
        if done is None:
            raise ControlError("no such refund", 404)
        trades.take_to_bank(done, _choice(body, "status", ("S", "F", "P"), "F"), platform.world.clock.now())
        platform.touch()
        kind = _choice(body, "message", ("normal", "none", "wrong_signature"), "normal")
        if kind == "none":
            return answer({"callback": None})
        biz = {"trade_no": trade["trade_no"], "out_trade_no": trade["out_trade_no"]}
        biz |= {"out_request_no": done["out_request_no"], **payments.deposit_back_fields(done["deposit_back"])}
        delivery = notifications.send_message(platform, platform.apps[trade["app_id"]], _DEPOSIT_BACK, biz, kind)
        return answer({"callback": await _first(delivery)})

    return [
        web.post("/pay", _pay(platform)),
        web.get("/trades", list_trades),
        web.get("/trades/{out_trade_no}", show_trade),
        web.post("/trades/{out_trade_no}/notify", notify),
        web.post("/trades/{out_trade_no}/refunds/{out_request_no}/deposit-back", deposit_back),
    ]


def _message_routes(platform: Platform) -> list[web.RouteDef]:
    async def subscribe(request: web.Request) -> web.Response:
        body = await read_json(request)
        person, app = need_person(platform.world, body), _app(platform, body)
        result, long_term = _choice(body, "result", messages.RESULTS, "accept"), body.get("long_term") is True
        template_id = need_text(body, "template_id")
        return answer(messages.answer_panel(platform, app.app_id, person.key, template_id, result, long_term))

    async def gateway_check(request: web.Request) -> web.Response:
        body = await read_json(request)
        app = _app(platform, body)
        kind = _choice(body, "kind", ("normal", "wrong_signature", "unknown_serial"), "normal")
        delivery, replies = notifications.service_check(platform, app, kind)
        attempt = await delivery.first(5)
        reply = replies[0] if replies else ""
        signed = notifications.check_reply_is_signed(app, reply)
        return answer({"status": attempt.status if attempt else 0, "reply": reply, "verified": signed})

    async def gateway_message(request: web.Request) -> web.Response:
        """Send a From蚂蚁 message; a person given adds the fields of a withdrawn consent."""
        body = await read_json(request)
        app, method, biz = _app(platform, body), need_text(body, "msg_method"), body.get("biz_content", {})
        if not isinstance(biz, dict):
            raise ControlError("biz_content: an object is required")
        if body.get("person"):
            person = need_person(platform.world, body)
            biz |= {"app_id": app.app_id, "open_id": alipay_open_id_of(app.app_id, person.key)}
            biz |= {"cancel_time": str(int(platform.world.clock.timestamp() * 1000))}
        kind = _choice(body, "kind", ("normal", "wrong_signature", "unknown_serial"), "normal")
        if _choice(body, "rule", ("v1", "v2"), "v1") == "v2":
            more = {name: str(value) for name, value in biz.items()}
            return answer(
                {"callback": await _first(notifications.send_older_message(platform, app, method, more, kind))}
            )
        return answer({"callback": await _first(notifications.send_message(platform, app, method, biz, kind))})

    return [
        web.post("/subscriptions", subscribe),
        web.post("/gateway-check", gateway_check),
        web.post("/gateway-messages", gateway_message),
    ]


def _bill_routes(platform: Platform) -> list[web.RouteDef]:
    async def falsify(request: web.Request) -> web.Response:
        """Seed discrepancies (差错) into the bill of a day."""
        body = await read_json(request)
        try:
            wrong = msgspec.convert(body, statements.Discrepancies)
        except msgspec.ValidationError as error:
            raise ControlError(str(error)) from None
        statements.seed(platform, need_text(body, "bill_date"), wrong)
        return answer(asdict(wrong))

    return [web.post("/bills", falsify)]


def control(platform: Platform) -> list[web.RouteDef]:
    """Return the routes, relative to /control/alipay."""
    groups = (_login_routes, _trade_routes, _message_routes, _bill_routes)
    return [route for group in groups for route in group(platform)]
