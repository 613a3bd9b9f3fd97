"""Control routes of WeChat Pay: the phone pays, notifications go again, refunds end, bills are seeded."""

import asyncio
from typing import Any

from aiohttp import web

from simulators.callbacks import Delivery
from simulators.control import ControlError, answer, need_person, need_text, read_json
from simulators.core import World
from simulators.wechat_pay.bills import seed
from simulators.wechat_pay.certificates import OFFERED
from simulators.wechat_pay.notifications import KINDS, Notifier
from simulators.wechat_pay.orders import PAID_STATES, Order, find_order, orders, transaction_of
from simulators.wechat_pay.payments import check_parameters, pay
from simulators.wechat_pay.platform import Platform
from simulators.wechat_pay.refunds import RESULTS, answer_of, find_refund, finish, refunds
from simulators.wechat_pay.wire import PROVIDER

FIRST_ANSWER_SECONDS = 2.0


def control_routes(world: World, platform: Platform, notifier: Notifier) -> list[web.RouteDef]:
    """Return the routes under /control/wechat_pay."""

    async def pay_order(request: web.Request) -> web.Response:
        return answer(await _pay(world, platform, notifier, await read_json(request)))

    async def list_orders(_: web.Request) -> web.Response:
        rows = [find_order(world, row["mch_id"], row["out_trade_no"]) for row in orders(world).values()]
        return answer([_shown(row) for row in rows if row is not None])

    async def one_order(request: web.Request) -> web.Response:
        return answer(_shown(_need_order(world, request)))

    async def notify_again(request: web.Request) -> web.Response:
        order = _need_order(world, request)
        return answer(await _notify_again(world, notifier, order, await read_json(request)))

    async def list_refunds(_: web.Request) -> web.Response:
        return answer([answer_of(world, row) for row in refunds(world).values()])

    async def finish_refund(request: web.Request) -> web.Response:
        return answer(await _finish(world, notifier, request.match_info["no"], await read_json(request)))

    async def offer(request: web.Request) -> web.Response:
        serials = (await read_json(request)).get("serials")
        if not isinstance(serials, list) or not all(isinstance(each, str) for each in serials):
            raise ControlError("serials: a list of serial numbers")
        world.state.table(PROVIDER, OFFERED)["serials"] = serials
        world.state.touch()
        return answer({"serials": serials})

    async def bills(request: web.Request) -> web.Response:
        return answer(_seed_bill(world, await read_json(request)))

    return [
        web.post("/pay", pay_order),
        web.get("/orders", list_orders),
        web.get("/orders/{no}", one_order),
        web.post("/orders/{no}/notify", notify_again),
        web.get("/refunds", list_refunds),
        web.post("/refunds/{no}/finish", finish_refund),
        web.post("/bills", bills),
        web.post("/certificates", offer),
    ]


async def _pay(world: World, platform: Platform, notifier: Notifier, body: dict[str, Any]) -> dict[str, Any]:
    parameters, result = body.get("parameters"), body.get("result", "success")
    if not isinstance(parameters, dict) or result not in ("success", "cancel", "fail"):
        raise ControlError("parameters: an object; result: success, cancel or fail")
    person, (kind, delay, key_id) = need_person(world, body), _notify_options(notifier, body)
    order, app_id = check_parameters(world, platform, parameters, body.get("app_id", ""))
    if result != "success":
        return {"result": result}
    pay(world, order, app_id, person)
    sent = notifier.payment(order, kind, delay, key_id)
    return {"result": "ok", "transaction_id": order["transaction_id"], "callback": await _first(sent)}


async def _notify_again(world: World, notifier: Notifier, order: Order, body: dict[str, Any]) -> dict[str, Any]:
    """Send the payment notification `times` times one after another, each in `concurrent` copies at once."""
    if order["state"] not in PAID_STATES:
        raise ControlError("the order is not paid")
    times, concurrent = body.get("times", 1), body.get("concurrent", 1)
    if not all(isinstance(n, int) and 1 <= n <= 1000 for n in (times, concurrent)):
        raise ControlError("times and concurrent: 1 to 1000")
    kind, delay, key_id = _notify_options(notifier, body)
    statuses: list[dict[str, Any] | None] = []
    for _ in range(times):
        batches = [notifier.payment(order, kind, delay, key_id) for _ in range(concurrent)]
        statuses += await asyncio.gather(*(_first(batch) for batch in batches))
    return {"sent": times * concurrent, "callbacks": statuses}


async def _finish(world: World, notifier: Notifier, out_refund_no: str, body: dict[str, Any]) -> dict[str, Any]:
    refund, result = find_refund(world, out_refund_no), body.get("result", "SUCCESS")
    if refund is None:
        raise ControlError(f"no refund {out_refund_no}", 404)
    if result not in RESULTS or refund["status"] in ("SUCCESS", "CLOSED"):
        raise ControlError(f"result: SUCCESS, ABNORMAL or CLOSED, for a refund that is {refund['status']}")
    kind, delay, _ = _notify_options(notifier, body)
    order = finish(world, refund, result)
    sent = notifier.refund(order, refund, kind, delay)
    return {"refund": answer_of(world, refund), "callback": await _first(sent)}


def _seed_bill(world: World, body: dict[str, Any]) -> dict[str, Any]:
    day, drop = need_text(body, "date"), body.get("drop", [])
    add, changed = body.get("add", []), body.get("change_amount", {})
    if not isinstance(drop, list) or not isinstance(add, list) or not isinstance(changed, dict):
        raise ControlError("drop and add: lists; change_amount: an object of out_trade_no to fen")
    rows_fit = all(isinstance(row, dict) and {"out_trade_no", "total_fen"} <= row.keys() for row in add)
    if not rows_fit or not all(isinstance(fen, int) for fen in changed.values()):
        raise ControlError("add: rows with out_trade_no and total_fen; change_amount: integers in fen")
    seed(world, day, drop, add, changed)
    return {"date": day, "drop": drop, "add": add, "change_amount": changed}


def _notify_options(notifier: Notifier, body: dict[str, Any]) -> tuple[str, float, str]:
    """Return kind, delay_seconds and the id of the signing key (`key_id`, empty = default) of a control body."""
    kind, delay, key_id = body.get("notify", "normal"), body.get("delay_seconds", 0), body.get("key_id", "")
    if kind not in KINDS:
        raise ControlError(f"notify: one of {', '.join(KINDS)}")
    if not isinstance(delay, int | float) or not 0 <= delay <= 86_400:
        raise ControlError("delay_seconds: a number from 0 to 86400")
    notifier.key(key_id)
    return kind, float(delay), key_id


def _need_order(world: World, request: web.Request) -> Order:
    order = find_order(world, request.query.get("mch_id", ""), request.match_info["no"])
    if order is None:
        raise ControlError(f"no order {request.match_info['no']}", 404)
    return order


def _shown(order: Order) -> dict[str, Any]:
    """Return an order as the platform sees it, with what was asked at first."""
    names = ("description", "notify_url", "time_expire", "attach")
    asked = {name: order["body"][name] for name in names if name in order["body"]}
    return transaction_of(order) | asked | {"total_fen": order["body"]["amount"]["total"], "mode": order["mode"]}


async def _first(sent: list[Delivery]) -> dict[str, Any] | None:
    """Return the last copy's first answer within two seconds (the real message of a probe pair), or None."""
    if not sent:
        return None
    attempt = await sent[-1].first(FIRST_ANSWER_SECONDS)
    return attempt.as_json() if attempt else None
