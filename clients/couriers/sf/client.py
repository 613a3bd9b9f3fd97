"""The client of 丰桥's standard service: one POST address, a service code, a signed JSON text.

The courier adapter calls it. It must not know our delivery states; route codes stay raw.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from app import clock
from app.errors import ProviderProtocolError, ProviderRejected
from clients.couriers.sf.answers import estimates, msg_data, placed_order, queried_routes
from clients.couriers.sf.codes import SfProblem, problem_of
from clients.couriers.sf.signing import message_digest
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
from clients.transport import Transport

_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
_CREATE = "EXP_RECE_CREATE_ORDER"
_SEARCH = "EXP_RECE_SEARCH_ORDER_RESP"
_UPDATE = "EXP_RECE_UPDATE_ORDER"
_ROUTES = "EXP_RECE_SEARCH_ROUTES"
_FILTER = "EXP_RECE_FILTER_ORDER_BSP"
_ESTIMATE = "EXP_RECE_QUERY_DELIVERTM"
_MOST_NUMBERS = 10

Read = TypeVar("Read")


class SfClient:
    """Calls of one 丰桥 account."""

    def __init__(self, account: SfAccount, transport: Transport, *, now: Callable[[], datetime] = clock.now) -> None:
        self._account = account
        self._transport = transport
        self._now = now

    async def create_order(self, order: SfOrder) -> SfPlacedOrder:
        """Place an order. A repeat of the same `order_id` gives the first order back.

        Raises: ProviderUnavailable (unknown: `search_order` before another try), ProviderRejected (`problem_of` its
        code), ProviderProtocolError.
        Idempotent: yes, by `order_id` (8016 is answered with the stored order).
        Source: 丰桥 下订单接口 EXP_RECE_CREATE_ORDER.
        """
        try:
            data = await self._call(_CREATE, _order_fields(order, self._account.monthly_card), timeout_seconds=15.0)
        except ProviderRejected as error:
            if problem_of(error.provider_code) is not SfProblem.DONE_BEFORE:
                raise
            return await self.search_order(order.order_id)
        return _own(_CREATE, placed_order, data, order.order_id)

    async def search_order(self, order_id: str) -> SfPlacedOrder:
        """Ask for an order by our number. A read.

        Raises: ProviderRejected (`NOT_FOUND`), ProviderUnavailable, ProviderProtocolError.
        Source: 丰桥 订单结果查询接口 EXP_RECE_SEARCH_ORDER_RESP.
        """
        content = {"language": "zh-CN", "orderId": order_id, "searchType": "1"}
        data = await self._call(_SEARCH, content, repeatable=True)
        return _own(_SEARCH, placed_order, data, order_id)

    async def cancel_order(self, order_id: str) -> None:
        """Withdraw an order that is not collected yet; a cancelled one stays cancelled.

        Raises: ProviderRejected (collected, unknown), ProviderUnavailable, ProviderProtocolError.
        Idempotent: yes, by `order_id` (8037 is taken as done).
        Source: 丰桥 订单确认/取消接口 EXP_RECE_UPDATE_ORDER (dealType 2).
        """
        try:
            await self._call(_UPDATE, {"language": "zh-CN", "orderId": order_id, "dealType": 2}, repeatable=True)
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

    async def check_reach(self, sender: SfContact, receiver: SfContact) -> SfReach:
        """Ask whether both addresses are served. A read.

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 丰桥 订单筛选接口 EXP_RECE_FILTER_ORDER_BSP. Published clients disagree on the list's name, so it is
        sent under both; which one SF reads is unconfirmed.
        """
        contacts = [_contact_fields(1, sender), _contact_fields(2, receiver)]
        content = {"filterType": 1, "contactInfos": contacts, "contactInfoList": contacts}
        data = await self._call(_FILTER, content, repeatable=True)
        return _read(_FILTER, _reach, data)

    async def estimate(
        self, sender: SfContact, receiver: SfContact, *, weight_kg: str = "1", express_type_id: int | None = None
    ) -> tuple[SfEstimate, ...]:
        """Ask for promised arrival and price of one product, or of all. A read; `weight_kg` is decimal text.

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 丰桥 时效标准及价格查询接口 EXP_RECE_QUERY_DELIVERTM.
        """
        content = {
            "businessType": "" if express_type_id is None else str(express_type_id),
            "weight": weight_kg,
            "consignedTime": clock.to_beijing(self._now()).strftime("%Y-%m-%d %H:%M:%S"),
            "searchPrice": "1",
            "srcAddress": _place_fields(sender),
            "destAddress": _place_fields(receiver),
        }
        return _read(_ESTIMATE, estimates, await self._call(_ESTIMATE, content, repeatable=True))

    async def _routes(self, content: Mapping[str, Any]) -> tuple[SfRouteEvent, ...]:
        data = await self._call(_ROUTES, {"language": "zh-CN", "methodType": "1", **content}, repeatable=True)
        return _read(_ROUTES, queried_routes, data)

    async def _call(
        self, service_code: str, content: Mapping[str, Any], *, repeatable: bool = False, timeout_seconds: float = 8.0
    ) -> dict[str, Any]:
        try:
            return await self._post(service_code, content, repeatable, timeout_seconds)
        except ProviderRejected as error:
            # Too old a timestamp was not executed; A1007 means our own repeat under one requestID crossed an answer
            # that got lost. A fresh request settles both.
            if error.provider_code != "A1002" and not (repeatable and error.provider_code == "A1007"):
                raise
        return await self._post(service_code, content, repeatable, timeout_seconds)

    async def _post(
        self, service_code: str, content: Mapping[str, Any], repeatable: bool, timeout_seconds: float
    ) -> dict[str, Any]:
        msg = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        timestamp = str(int(self._now().timestamp() * 1000))
        form = {
            "partnerID": self._account.partner_id,
            "requestID": str(uuid.uuid4()),
            "serviceCode": service_code,
            "timestamp": timestamp,
            "msgDigest": message_digest(msg, timestamp, self._account.check_word),
            "msgData": msg,
        }
        answer = await self._transport.send(
            service_code,
            "POST",
            self._account.service_url,
            body=urlencode(form).encode("ascii"),
            headers=_FORM,
            timeout_seconds=timeout_seconds,
            repeatable=repeatable,
        )
        if answer.status != 200:
            raise ProviderProtocolError(
                provider="sf", call=service_code, reason="unexpected_status", answer_status=answer.status
            )
        return msg_data(answer.body, service_code)


def _order_fields(order: SfOrder, monthly_card: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "language": "zh-CN",
        "orderId": order.order_id,
        "cargoDetails": [{"name": order.cargo_name, "count": 1, "unit": "份"}],
        "contactInfoList": [_contact_fields(1, order.sender), _contact_fields(2, order.receiver)],
        "monthlyCard": monthly_card,
        "payMethod": int(order.pay_method),
        "expressTypeId": order.express_type_id,
        "parcelQty": 1,
        "isDocall": int(order.send_courier),
        "isSignBack": int(order.signed_paper_back),
        "isReturnRoutelabel": 1,
        "remark": order.remark,
    }
    if order.pick_up_at is not None:
        fields["sendStartTm"] = clock.to_beijing(order.pick_up_at).strftime("%Y-%m-%d %H:%M:%S")
    if order.id_number_tail:
        fields["specialDeliveryTypeCode"] = "1"
        fields["specialDeliveryValue"] = f"1:{order.id_number_tail}"
    return fields


def _contact_fields(contact_type: int, contact: SfContact) -> dict[str, Any]:
    return {
        "contactType": contact_type,
        "contact": contact.name,
        "mobile": contact.mobile,
        "country": "CN",
        "province": contact.province,
        "city": contact.city,
        "county": contact.county,
        "address": contact.address,
    }


def _place_fields(contact: SfContact) -> dict[str, str]:
    return {
        "province": contact.province,
        "city": contact.city,
        "district": contact.county,
        "address": f"{contact.province}{contact.city}{contact.county}{contact.address}",
    }


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
