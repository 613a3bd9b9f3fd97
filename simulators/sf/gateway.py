"""POST /std/service: checks a 丰桥 call, runs its service, and answers in two layers. Mounted on the SF port."""

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from simulators.config import SFPartner
from simulators.core import World
from simulators.exchange import Exchange, serve
from simulators.json_input import parse_object
from simulators.sf import envelope, labels, orders, signing, tracking
from simulators.sf.envelope import GatewayRefusal, ServiceRefusal
from simulators.sf.orders import Call

SERVICES: Mapping[str, Callable[[Call], Any]] = {
    "EXP_RECE_CREATE_ORDER": orders.create,
    "EXP_RECE_SEARCH_ORDER_RESP": orders.search,
    "EXP_RECE_UPDATE_ORDER": orders.update,
    "EXP_RECE_FILTER_ORDER_BSP": orders.filter_order,
    "EXP_RECE_QUERY_DELIVERTM": orders.delivery_time,
    "EXP_RECE_SEARCH_ROUTES": tracking.search_routes,
    "EXP_RECE_REGISTER_ROUTE": tracking.register_route,
    "EXP_EXCE_CHECK_PICKUP_TIME": orders.check_pickup_time,
    "COM_RECE_CLOUD_PRINT_WAYBILLS": labels.print_waybills,
}
_REQUIRED = ("partnerID", "requestID", "serviceCode", "timestamp", "msgData")
_BARE = frozenset(("COM_RECE_CLOUD_PRINT_WAYBILLS",))
_TOKEN_SECONDS = 7200
_CLOCK_SKEW_SECONDS = 600
_REQUESTS_KEPT = 5_000


def _check_time(text: str, wire_timestamp: int) -> None:
    """Accept seconds or milliseconds, as the vendor does. Raises: GatewayRefusal."""
    if not text.isdecimal() or len(text) > 13:
        raise GatewayRefusal("A1001", "timestamp 格式不正确")
    seconds = int(text) / 1000 if len(text) == 13 else int(text)
    if abs(wire_timestamp - seconds) > _CLOCK_SKEW_SECONDS:
        raise GatewayRefusal("A1002")


def _check_not_repeated(world: World, request_id: str) -> None:
    seen = world.state.table("sf", "requests")
    if request_id in seen:
        raise GatewayRefusal("A1007")
    seen[request_id] = world.clock.wire_timestamp()
    while len(seen) > _REQUESTS_KEPT:
        del seen[next(iter(seen))]


def authenticate(world: World, form: Mapping[str, str]) -> SFPartner:
    """Check partner, right, time, digest and requestID.

    Source: 丰桥 API 请求报文规范 and 错误码 A1001-A1099. Raises: GatewayRefusal.
    """
    for name in _REQUIRED:
        if not form.get(name):
            raise GatewayRefusal("A1001", f"必传参数不可为空：{name}")
    partner = next((p for p in world.config.sf.partners if p.partner_id == form["partnerID"]), None)
    if partner is None or form["serviceCode"] not in SERVICES:
        raise GatewayRefusal("A1004")
    _check_time(form["timestamp"], world.clock.wire_timestamp())
    if form.get("accessToken"):
        _check_token(world, partner, form["accessToken"])
    elif not signing.matches(form.get("msgDigest", ""), form["msgData"], form["timestamp"], partner.check_word):
        raise GatewayRefusal("A1006")
    _check_not_repeated(world, form["requestID"])
    return partner


def _check_token(world: World, partner: SFPartner, token: str) -> None:
    held = world.state.table("sf", "tokens").get(token)
    if held is None or held["partner_id"] != partner.partner_id or held["ends_at"] <= world.clock.timestamp():
        raise GatewayRefusal("A1002")


async def give_token(world: World, request: web.Request) -> web.Response:
    """Give a token for the check word. Source: 丰桥 OAuth2 认证 (oauth2/accessToken)."""
    form = dict(parse_qsl((await request.read()).decode("utf-8", "replace"), max_num_fields=50))

    async def run(exchange: Exchange) -> web.Response:
        known = {partner.partner_id: partner for partner in world.config.sf.partners}
        partner = known.get(form.get("partnerID", ""))
        if partner is None or not hmac.compare_digest(form.get("secret", "").encode(), partner.check_word.encode()):
            exchange.note("A1006")
            return _json(envelope.gateway_refused(GatewayRefusal("A1006")))
        token = secrets.token_hex(16).upper()
        ends_at = world.clock.timestamp() + _TOKEN_SECONDS
        world.state.table("sf", "tokens")[token] = {"partner_id": partner.partner_id, "ends_at": ends_at}
        return _json(envelope.token(token, _TOKEN_SECONDS - 1))

    return await serve(world, "sf", "oauth2_access_token", request, run)


def _json(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/json", charset="utf-8")


def _content(text: str) -> dict[str, Any]:
    data = parse_object(text)
    if data is None:
        raise ServiceRefusal("S0001", "非法的JSON格式")
    return data


def _strike(exchange: Exchange) -> None:
    """Raise what an armed error fault asks for: codes starting with A belong to the outer layer."""
    fault = exchange.fault
    if fault is None or fault.kind != "error":
        return
    code = fault.code or "A1099"
    if code.startswith("A"):
        raise GatewayRefusal(code, fault.message)
    raise ServiceRefusal(code, fault.message or "业务异常")


def _run(world: World, form: Mapping[str, str], exchange: Exchange) -> str:
    try:
        partner = authenticate(world, form)
        _strike(exchange)
        data = _content(form["msgData"])
        exchange.note(partner_id=partner.partner_id, order_id=str(data.get("orderId", ""))[:64])
        wrap = envelope.bare_success if form["serviceCode"] in _BARE else envelope.success
        return wrap(SERVICES[form["serviceCode"]](Call(world, partner, data)))
    except GatewayRefusal as refusal:
        exchange.note(refusal.code)
        return envelope.gateway_refused(refusal)
    except ServiceRefusal as refusal:
        exchange.note(refusal.code)
        return envelope.service_refused(refusal)
    except (ValueError, TypeError, KeyError):
        exchange.note("S0007")
        return envelope.service_refused(ServiceRefusal("S0007", "参数类型不正确"))


async def handle(world: World, request: web.Request) -> web.Response:
    """Serve one call; its name in journal and faults is the serviceCode."""
    raw = await request.read()
    pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    form = dict(pairs) if request.content_type == "application/x-www-form-urlencoded" else {}
    name = form.get("serviceCode", "")

    async def run(exchange: Exchange) -> web.Response:
        return _json(_run(world, form, exchange))

    return await serve(world, "sf", name if name in SERVICES else "unknown", request, run)
