"""The client of 丰桥's standard service: orders, roads, reach, prices, labels.

The courier adapter calls it. It must not know our delivery states; route codes stay raw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from app import clock
from app.errors import ProviderProtocolError, ProviderRejected
from clients.couriers.sf.answers import estimates, placed_order, printed_file, queried_routes
from clients.couriers.sf.codes import SfProblem, problem_of
from clients.couriers.sf.fields import beijing, contact_fields, order_fields, place_fields
from clients.couriers.sf.types import (
    FilterResult,
    SfAccount,
    SfContact,
    SfEstimate,
    SfOrder,
    SfPlacedOrder,
    SfReach,
    SfRouteEvent,
)
from clients.couriers.sf.wire import SfWire
from clients.transport import Transport

_CREATE = "EXP_RECE_CREATE_ORDER"
_SEARCH = "EXP_RECE_SEARCH_ORDER_RESP"
_UPDATE = "EXP_RECE_UPDATE_ORDER"
_ROUTES = "EXP_RECE_SEARCH_ROUTES"
_FILTER = "EXP_RECE_FILTER_ORDER_BSP"
_ESTIMATE = "EXP_RECE_QUERY_DELIVERTM"
_REGISTER = "EXP_RECE_REGISTER_ROUTE"
_PICK_UP = "EXP_EXCE_CHECK_PICKUP_TIME"
_PRINT = "COM_RECE_CLOUD_PRINT_WAYBILLS"
_MOST_NUMBERS = 10

Read = TypeVar("Read")


class SfClient:
    """Calls of one 丰桥 account."""

    def __init__(self, account: SfAccount, transport: Transport, *, now: Callable[[], datetime] = clock.now) -> None:
        self._wire = SfWire(account, transport, now)

    async def create_order(self, order: SfOrder) -> SfPlacedOrder:
        """Place an order. A repeat of the same `order_id` gives the first order back.

        Raises: ProviderUnavailable (unknown: `search_order` before another try), ProviderRejected (`problem_of` its
        code), ProviderProtocolError.
        Idempotent: yes, by `order_id` (8016 is answered with the stored order).
        Source: 丰桥 下订单接口 EXP_RECE_CREATE_ORDER.
        """
        try:
            data = await self._wire.call(
                _CREATE, order_fields(order, self._wire.account.monthly_card), timeout_seconds=15.0
            )
        except ProviderRejected as error:
            if problem_of(error.provider_code) is not SfProblem.DONE_BEFORE:
                raise
            return await self.search_order(order.order_id)
        return _own(_CREATE, placed_order, data, order.order_id)

    async def search_order(self, order_id: str, *, way_back: bool = False) -> SfPlacedOrder:
        """Ask for an order by our number, or for the waybill under which it comes back. A read.

        Raises: ProviderRejected (`NOT_FOUND`), ProviderUnavailable, ProviderProtocolError.
        Source: 丰桥 订单结果查询接口 EXP_RECE_SEARCH_ORDER_RESP (searchType 1 正向单, 2 退货单).
        """
        content = {"language": "zh-CN", "orderId": order_id, "searchType": "2" if way_back else "1"}
        data = await self._wire.call(_SEARCH, content, repeatable=True)
        return _own(_SEARCH, placed_order, data, order_id)

    async def cancel_order(self, order_id: str) -> None:
        """Withdraw an order that is not collected yet; a cancelled one stays cancelled.

        Raises: ProviderRejected (collected, unknown), ProviderUnavailable, ProviderProtocolError.
        Idempotent: yes, by `order_id` (8037 is taken as done).
        Source: 丰桥 订单确认/取消接口 EXP_RECE_UPDATE_ORDER (dealType 2).
        """
        try:
            await self._wire.call(_UPDATE, {"language": "zh-CN", "orderId": order_id, "dealType": 2}, repeatable=True)
        except ProviderRejected as error:
            if error.provider_code != "8037":
                raise

    async def routes_of_order(self, order_id: str) -> tuple[SfRouteEvent, ...]:
        """Return the road of one of our orders, as far as SF keeps it (about three months). A read.

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 丰桥 路由查询接口 EXP_RECE_SEARCH_ROUTES (trackingType 2).
        """
        return await self._routes({"trackingType": "2", "trackingNumber": [order_id]})

    async def routes_of_waybills(self, waybill_nos: Sequence[str], *, phone_tail: str = "") -> tuple[SfRouteEvent, ...]:
        """Return the roads of up to ten waybills; foreign ones need the last four digits of a phone on them. A read.

        Raises: as `routes_of_order`; ValueError for more than ten numbers or none.
        Source: 丰桥 路由查询接口 EXP_RECE_SEARCH_ROUTES (trackingType 1).
        """
        if not 0 < len(waybill_nos) <= _MOST_NUMBERS:
            raise ValueError("one to ten waybill numbers per query")
        content: dict[str, Any] = {"trackingType": "1", "trackingNumber": list(waybill_nos)}
        return await self._routes(content | ({"checkPhoneNo": phone_tail} if phone_tail else {}))

    async def register_route(self, waybill_no: str, phone_tail: str) -> None:
        """Ask for route pushes of a number that was ordered elsewhere. Idempotent: yes, by waybill.

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 丰桥 路由注册接口 EXP_RECE_REGISTER_ROUTE; which value of `type` means a waybill is unconfirmed.
        """
        content = {
            "type": "2",
            "attributeNo": waybill_no,
            "checkPhoneNo": phone_tail,
            "language": "zh-CN",
            "country": "CN",
        }
        await self._wire.call(_REGISTER, content, repeatable=True)

    async def can_pick_up(self, sender: SfContact, at: datetime) -> bool:
        """Ask whether somebody comes to this address at this time. A read.

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 丰桥 揽件服务时间校验接口 EXP_EXCE_CHECK_PICKUP_TIME.
        """
        content = {
            "addressType": 1,
            "province": sender.province,
            "city": sender.city,
            "county": sender.county,
            "address": sender.address,
            "sendTime": beijing(at),
            "version": "V1.1",
        }
        data = await self._wire.call(_PICK_UP, content, repeatable=True)
        if not isinstance(data.get("status"), bool):
            raise ProviderProtocolError(provider="sf", call=_PICK_UP, reason="unreadable_value")
        return bool(data["status"])

    async def print_label(self, waybill_no: str) -> bytes:
        """Have SF draw the label (面单) of a waybill, 76 × 130 mm, and fetch the PDF. A read.

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 丰桥 云打印面单 2.0 接口 COM_RECE_CLOUD_PRINT_WAYBILLS (sync, pdf; X-Auth-token of each file).
        """
        content = {
            "templateCode": f"fm_76130_standard_{self._wire.account.partner_id}",
            "version": "2.0",
            "fileType": "pdf",
            "sync": True,
            "documents": [{"masterWaybillNo": waybill_no}],
        }
        url, token = _read(_PRINT, printed_file, await self._wire.call_bare(_PRINT, content))
        pdf = await self._wire.fetch(_PRINT, url, {"X-Auth-token": token})
        if not pdf.startswith(b"%PDF-"):
            raise ProviderProtocolError(provider="sf", call=_PRINT, reason="no_pdf")
        return pdf

    async def check_reach(self, sender: SfContact, receiver: SfContact) -> SfReach:
        """Ask whether both addresses are served. A read.

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 丰桥 订单筛选接口 EXP_RECE_FILTER_ORDER_BSP. Published clients disagree on the list's name, so it is
        sent under both; which one SF reads is unconfirmed.
        """
        contacts = [contact_fields(1, sender), contact_fields(2, receiver)]
        content = {"filterType": 1, "contactInfos": contacts, "contactInfoList": contacts}
        data = await self._wire.call(_FILTER, content, repeatable=True)
        return _read(_FILTER, _reach, data)

    async def estimate(
        self,
        sender: SfContact,
        receiver: SfContact,
        *,
        weight_kg: str = "1",
        express_type_id: int | None = None,
        at: datetime | None = None,
    ) -> tuple[SfEstimate, ...]:
        """Ask for promised arrival and price of one product, or of all. A read; `weight_kg` is decimal text.

        `at`: when it shall be picked up (default: now).

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 丰桥 时效标准及价格查询接口 EXP_RECE_QUERY_DELIVERTM.
        """
        content = {
            "businessType": "" if express_type_id is None else str(express_type_id),
            "weight": weight_kg,
            "consignedTime": beijing(at or self._wire.now()),
            "searchPrice": "1",
            "srcAddress": place_fields(sender),
            "destAddress": place_fields(receiver),
        }
        return _read(_ESTIMATE, estimates, await self._wire.call(_ESTIMATE, content, repeatable=True))

    async def _routes(self, content: Mapping[str, Any]) -> tuple[SfRouteEvent, ...]:
        data = await self._wire.call(_ROUTES, {"language": "zh-CN", "methodType": "1", **content}, repeatable=True)
        return _read(_ROUTES, queried_routes, data)


def _reach(fields: Mapping[str, Any]) -> SfReach:
    return SfReach(result=FilterResult(int(fields["filterResult"])), remark=str(fields.get("remark") or ""))


def _read(service_code: str, reader: Callable[[Mapping[str, Any]], Read], data: Mapping[str, Any]) -> Read:
    try:
        return reader(data)
    except (ValueError, KeyError, TypeError):
        raise ProviderProtocolError(provider="sf", call=service_code, reason="unreadable_value") from None


def _own(
    service_code: str,
    reader: Callable[[Mapping[str, Any]], SfPlacedOrder],
    data: Mapping[str, Any],
    order_id: str,
) -> SfPlacedOrder:
    placed = _read(service_code, reader, data)
    if placed.order_id != order_id:
        raise ProviderProtocolError(provider="sf", call=service_code, reason="another_order")
    return placed
