"""The doors of 快递100: each checks key and signature, runs its method, and answers in the vendor's words."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from simulators.config import Kuaidi100Account
from simulators.core import World
from simulators.exchange import Exchange, serve
from simulators.json_input import parse_object
from simulators.kuaidi100 import answers, labels, orders, parcels, signing, subscriptions
from simulators.kuaidi100.answers import Refusal, text

Method = Callable[[World, dict[str, Any]], Any]
ORDER_METHODS: Mapping[str, Method] = {
    "bOrder": orders.place,
    "cancel": orders.cancel,
    "price": orders.price,
    "detail": orders.detail,
}
LABEL_METHODS: Mapping[str, Method] = {"printOld": labels.reprint}
_CLOCK_SKEW_SECONDS = 600


def _form(request: web.Request, raw: bytes) -> dict[str, str]:
    pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    return dict(pairs) if request.content_type == "application/x-www-form-urlencoded" else {}


def _account(world: World, name: str, value: str) -> Kuaidi100Account:
    found = next((each for each in world.config.kuaidi100.accounts if getattr(each, name) == value), None)
    if found is None:
        raise Refusal("600")
    return found


def _content(form: Mapping[str, str]) -> dict[str, Any]:
    data = parse_object(form.get("param", ""))
    if data is None:
        raise Refusal("400")
    return data


async def _answered(
    world: World, call: str, request: web.Request, run: Callable[[Mapping[str, str]], str]
) -> web.Response:
    async def handle(exchange: Exchange) -> web.Response:
        try:
            if exchange.fault is not None and exchange.fault.kind == "error":
                raise Refusal(exchange.fault.code or "500", exchange.fault.message)
            body = run(_form(request, exchange.body))
        except Refusal as refusal:
            exchange.note(refusal.code)
            body = answers.refused(refusal)
        return web.Response(text=body, content_type="application/json", charset="utf-8")

    return await serve(world, "kuaidi100", call, request, handle)


async def poll(world: World, request: web.Request) -> web.Response:
    """Take a subscription; the key stands inside its text. Source: 快递100 订阅接口."""

    def run(form: Mapping[str, str]) -> str:
        data = _content(form)
        _account(world, "key", text(data, "key"))
        if form.get("schema") != "json":
            raise Refusal("700")
        subscriptions.subscribe(world, data)
        return answers.accepted()

    return await _answered(world, "poll", request, run)


async def query(world: World, request: web.Request) -> web.Response:
    """Show a track. Source: 快递100 实时快递查询接口 (sign = MD5 of param, key and customer)."""

    def run(form: Mapping[str, str]) -> str:
        account = _account(world, "customer", form.get("customer", ""))
        if not signing.matches(form.get("sign", ""), form.get("param", ""), account.key, account.customer):
            raise Refusal("503")
        data = _content(form)
        parcel = parcels.of_number(world, text(data, "num"), text(data, "com"))
        if not text(data, "com") or not text(data, "num"):
            raise Refusal("400")
        hidden = parcel is not None and parcel["carrier"] in parcels.NEED_PHONE
        if parcel is None or not parcel["events"] or (hidden and text(data, "phone")[-4:] not in parcel["phone_tails"]):
            raise Refusal("500", "查询无结果，请隔段时间再查")
        return answers.dumps(parcels.track(parcel, oldest_first=text(data, "order") == "asc"))

    return await _answered(world, "query", request, run)


async def signed(world: World, methods: Mapping[str, Method], request: web.Request) -> web.Response:
    """Run a method of orders or labels (sign = MD5 of param, t, key and secret)."""
    form = _form(request, await request.read())
    name = form.get("method", "")
    method = methods.get(name)

    def run(given: Mapping[str, str]) -> str:
        account = _account(world, "key", given.get("key", ""))
        moment = given.get("t", "")
        if not signing.matches(given.get("sign", ""), given.get("param", ""), moment, account.key, account.secret):
            raise Refusal("503")
        if not (moment.isdecimal() and len(moment) <= 14) or method is None:
            raise Refusal("400")
        if abs(int(moment) / 1000 - world.clock.wire_timestamp()) > _CLOCK_SKEW_SECONDS:
            raise Refusal("400", "时间戳已过期")
        return answers.accepted(method(world, _content(given)))

    return await _answered(world, name if method is not None else "unknown", request, run)


async def autonumber(world: World, request: web.Request) -> web.Response:
    """Name the companies of a number. Source: 快递100 智能单号识别接口."""

    def run(_: Mapping[str, str]) -> str:
        _account(world, "key", request.query.get("key", ""))
        found = subscriptions.guess(world, request.query.get("num", ""))
        return answers.dumps([{"comCode": code, "lengthPre": 13, "noCount": 100, "noPre": ""} for code in found])

    return await _answered(world, "autonumber", request, run)
