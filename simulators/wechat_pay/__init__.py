"""WeChat Pay APIv3 (api.mch.weixin.qq.com): orders, refunds, certificates, bills, notifications; direct and partner.

Started by `python -m simulators`; keeps its state in the section `wechat_pay`.
"""

import functools

from aiohttp import web

from simulators.core import World
from simulators.wechat_pay import certificates, orders, refunds
from simulators.wechat_pay.bills import BillDesk
from simulators.wechat_pay.controls import control_routes
from simulators.wechat_pay.notifications import Notifier
from simulators.wechat_pay.platform import Platform
from simulators.wechat_pay.wire import Method, method

DIRECT = "/v3/pay/transactions"
PARTNER = "/v3/pay/partner/transactions"
REFUNDS = "/v3/refund/domestic/refunds"


def routes(world: World) -> web.Application:
    """Return the application that speaks WeChat Pay's paths; without platform keys it knows none."""
    app = web.Application(client_max_size=1024 * 1024)
    platform, notifier = _parts(world)
    if not platform.keys:
        return app
    desk = BillDesk()
    post: tuple[tuple[str, str, Method], ...] = (
        (f"{DIRECT}/jsapi", "jsapi", orders.prepay_direct),
        (f"{PARTNER}/jsapi", "jsapi", orders.prepay_partner),
        (DIRECT + "/out-trade-no/{no}/close", "close", orders.close_direct),
        (PARTNER + "/out-trade-no/{no}/close", "close", orders.close_partner),
        (REFUNDS, "refund", refunds.make_apply(notifier)),
    )
    get: tuple[tuple[str, str, Method], ...] = (
        (DIRECT + "/out-trade-no/{no}", "query", orders.query_by_number),
        (PARTNER + "/out-trade-no/{no}", "query", orders.query_by_number),
        (DIRECT + "/id/{id}", "query", orders.query_by_id),
        (PARTNER + "/id/{id}", "query", orders.query_by_id),
        (REFUNDS + "/{no}", "refund_query", refunds.query),
        ("/v3/certificates", "certificates", certificates.list_certificates),
        ("/v3/bill/tradebill", "tradebill", desk.trade_bill),
        ("/v3/bill/fundflowbill", "fundflowbill", desk.fund_flow_bill),
        ("/v3/billdownload/file", "billdownload", desk.download),
    )
    for path, name, run in post:
        app.router.add_post(path, method(world, platform, name, run))
    for path, name, run in get:
        app.router.add_get(path, method(world, platform, name, run))
    return app


def control(world: World) -> list[web.RouteDef]:
    """Return the control routes under /control/wechat_pay."""
    return control_routes(world, *_parts(world))


@functools.cache
def _parts(world: World) -> tuple[Platform, Notifier]:
    """Return the one platform and notifier of a world, shared by its routes and its control."""
    platform = Platform(world)
    return platform, Notifier(world, platform)
