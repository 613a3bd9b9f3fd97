"""The client of 快递鸟: a form with a signed JSON text, a request type per call. The courier adapter calls it.

It must not know our delivery states; codes of events stay raw.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from app import clock
from app.errors import ProviderProtocolError, ProviderRejected
from clients.couriers.kdniao import answers
from clients.couriers.kdniao.codes import WRONG_FIELDS, KdniaoProblem
from clients.couriers.kdniao.signing import data_sign
from clients.couriers.kdniao.types import (
    KdniaoAccount,
    KdniaoContact,
    KdniaoOrder,
    KdniaoPlacedOrder,
    KdniaoTrack,
)
from clients.transport import Transport

_QUERY, _DIST, _ORDERS = "/Ebusiness/EbusinessOrderHandle.aspx", "/api/dist", "/api/oorderservice"
_PICK_UP, _BOOK, _CANCEL = "1801", "1001", "1004"
_FIND, _TRACK, _SUBSCRIBE = "1002", "8001", "8008"
_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
_ORDER_SECONDS, _QUESTION_SECONDS = 15.0, 8.0

Read = TypeVar("Read")


class KdniaoClient:
    """Calls of one 快递鸟 account."""

    def __init__(self, account: KdniaoAccount, transport: Transport) -> None:
        self.account = account
        self._transport = transport

    async def create_order(self, order: KdniaoOrder) -> KdniaoPlacedOrder:
        """Place an order: with a wished time as 上门取件, without as 预约取件.

        Raises: ProviderUnavailable (unknown: ask before another try), ProviderRejected, ProviderProtocolError.
        Idempotent: yes, by `order_code` (106 carries the first order).
        Source: 快递鸟 上门取件接口 1801, 预约取件接口 1001.
        """
        call = _PICK_UP if order.pick_up_from else _BOOK
        answer = await self._call(call, _ORDERS, _order_fields(order), seconds=_ORDER_SECONDS)
        return _read(call, lambda given: answers.placed_order(given, call, order.order_code), answer)

    async def find_order(self, order_code: str, shipper_code: str) -> KdniaoPlacedOrder | None:
        """Ask for an order by our number; None where 快递鸟 knows none, or cannot tell by our number alone.

        A read. Whether the query goes by OrderCode alone is unconfirmed; asking in vain does no harm, because an order
        placed twice is one. Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 快递鸟 即时查询接口 1002.
        """
        content = {"OrderCode": order_code, "ShipperCode": shipper_code, "LogisticCode": ""}
        try:
            track = _read(_FIND, answers.track, await self._call(_FIND, _QUERY, content, repeatable=True))
        except ProviderRejected as error:
            if error.details.get("problem") == KdniaoProblem.NOT_FOUND or error.provider_code in WRONG_FIELDS:
                return None
            raise
        if track.order_code != order_code or not track.waybill_no:
            return None
        return KdniaoPlacedOrder(order_code, track.shipper_code, track.waybill_no)

    async def cancel_order(self, order_code: str, shipper_code: str, waybill_no: str, reason: str) -> None:
        """Withdraw an order that is not collected yet; a cancelled one stays cancelled.

        Raises: ProviderRejected (collected, unknown), ProviderUnavailable, ProviderProtocolError.
        Idempotent: yes, by `order_code`. Source: 快递鸟 取消预约接口 1004.
        """
        content = {
            "OrderCode": order_code,
            "ShipperCode": shipper_code,
            "LogisticCode": waybill_no,
            "CancelMsg": reason[:100],
        }
        try:
            await self._call(_CANCEL, _ORDERS, content, repeatable=True)
        except ProviderRejected as error:
            if error.details.get("problem") != KdniaoProblem.CANCELLED:
                raise

    async def track(self, shipper_code: str, waybill_no: str, *, phone_tail: str = "") -> KdniaoTrack | None:
        """Return the road of a waybill, None where there is none yet; some carriers want the end of a phone. A read.

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 快递鸟 即时查询 (增值版) 8001.
        """
        content = _waybill_fields(shipper_code, waybill_no, phone_tail)
        try:
            return _read(_TRACK, answers.track, await self._call(_TRACK, _QUERY, content, repeatable=True))
        except ProviderRejected as error:
            if error.details.get("problem") == KdniaoProblem.NOT_FOUND:
                return None
            raise

    async def subscribe(self, shipper_code: str, waybill_no: str, callback: str, *, phone_tail: str = "") -> None:
        """Ask for pushes of a waybill; `callback` comes back in each. Idempotent: yes, by waybill.

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 快递鸟 物流跟踪 (增值版) 8008.
        """
        content = _waybill_fields(shipper_code, waybill_no, phone_tail) | {"Callback": callback}
        await self._call(_SUBSCRIBE, _DIST, content, repeatable=True)

    async def _call(
        self,
        request_type: str,
        path: str,
        content: Mapping[str, Any],
        *,
        repeatable: bool = False,
        seconds: float = _QUESTION_SECONDS,
    ) -> dict[str, Any]:
        request_data = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        form = {
            "RequestData": request_data,
            "EBusinessID": self.account.business_id,
            "RequestType": request_type,
            "DataSign": data_sign(request_data, self.account.app_key),
            "DataType": "2",
        }
        answer = await self._transport.send(
            request_type,
            "POST",
            self.account.base + path,
            body=urlencode(form).encode("ascii"),
            headers=_FORM,
            timeout_seconds=seconds,
            repeatable=repeatable,
        )
        if answer.status != 200:
            raise ProviderProtocolError(
                provider="kdniao", call=request_type, reason="unexpected_status", answer_status=answer.status
            )
        return _read(
            request_type, lambda raw: answers.success(raw, request_type, self.account.business_id), answer.body
        )


def _order_fields(order: KdniaoOrder) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "OrderCode": order.order_code,
        "ShipperCode": order.shipper_code,
        "PayType": int(order.pay_type),
        "ExpType": order.express_type,
        "Sender": _contact_fields(order.sender),
        "Receiver": _contact_fields(order.receiver),
        "Commodity": [{"GoodsName": order.goods_name, "Goodsquantity": 1}],
        "Quantity": 1,
        "Weight": order.weight_kg,
    }
    if order.pick_up_from is not None:
        fields["StartDate"] = _beijing(order.pick_up_from)
        fields["EndDate"] = _beijing(order.pick_up_until or order.pick_up_from)
    return fields


def _contact_fields(contact: KdniaoContact) -> dict[str, str]:
    return {
        "Name": contact.name,
        "Mobile": contact.mobile,
        "ProvinceName": contact.province,
        "CityName": contact.city,
        "ExpAreaName": contact.county,
        "Address": contact.address,
    }


def _waybill_fields(shipper_code: str, waybill_no: str, phone_tail: str) -> dict[str, str]:
    return {"OrderCode": "", "ShipperCode": shipper_code, "LogisticCode": waybill_no, "CustomerName": phone_tail}


def _beijing(moment: datetime) -> str:
    return clock.to_beijing(moment).strftime("%Y-%m-%d %H:%M:%S")


Given = TypeVar("Given")


def _read(call: str, reader: Callable[[Given], Read], given: Given) -> Read:
    try:
        return reader(given)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ProviderProtocolError(provider="kdniao", call=call, reason="unreadable_value") from None
