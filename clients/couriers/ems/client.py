"""The client of EMS's platform for contract customers: one POST address, a code per call, an encrypted JSON text.

The courier adapter calls it. It must not know our delivery states; codes of events stay raw.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from app import clock
from app.errors import ProviderProtocolError
from clients.couriers.ems import answers
from clients.couriers.ems.types import (
    EmsAccount,
    EmsContact,
    EmsFreight,
    EmsOrder,
    EmsParsedAddress,
    EmsPlacedOrder,
    EmsTrack,
)
from clients.transport import Transport

_CREATE, _CANCEL, _LABEL, _TRACK = "020003", "020006", "010004", "040001"
_FREIGHT, _ESTIMATE, _PARSE, _REACH = "050001", "050005", "060001", "060002"
_LABEL_76_BY_130 = "129"
_PRODUCT_CODE = "115104300000691"
_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
_TIME = "%Y-%m-%d %H:%M:%S"
_ORDER_SECONDS, _QUESTION_SECONDS = 15.0, 8.0

Read = TypeVar("Read")


class EmsClient:
    """Calls of one contract customer."""

    def __init__(self, account: EmsAccount, transport: Transport, *, now: Callable[[], datetime] = clock.now) -> None:
        self.account = account
        self._transport = transport
        self._now = now

    async def create_order(self, order: EmsOrder) -> EmsPlacedOrder:
        """Place an order.

        Raises: ProviderUnavailable (unknown: ask before another try), ProviderRejected, ProviderProtocolError.
        Idempotent: yes as far as EMS keeps one order per `logisticsOrderNo`, which is unconfirmed.
        Source: 协议客户开放平台 订单接入 020003.
        """
        body = await self._call(_CREATE, [self._order_fields(order)], _ORDER_SECONDS)
        return _read(_CREATE, lambda given: answers.placed_order(given, order.order_no), body)

    async def cancel_order(self, order_no: str, waybill_no: str, reason: str) -> None:
        """Withdraw an order that is not collected yet.

        Raises: ProviderRejected (collected, withdrawn before, unknown: EMS publishes no codes for them),
            ProviderUnavailable, ProviderProtocolError.
        Source: 协议客户开放平台 订单取消 020006.
        """
        content = {"logisticsOrderNo": order_no, "waybillNo": waybill_no, "cancelReason": reason}
        await self._call(_CANCEL, content, _ORDER_SECONDS)

    async def label(self, waybill_no: str) -> bytes:
        """Return the label as PDF, 76 × 130 mm. A read.

        Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
        Source: 协议客户开放平台 面单查询 010004 (without getURL: Base64 of the PDF).
        """
        content = {"waybillNo": waybill_no, "type": _LABEL_76_BY_130, "isReturn": "0"}
        return _read(_LABEL, answers.label, await self._ask(_LABEL, content))

    async def track(self, waybill_no: str) -> tuple[EmsTrack, ...]:
        """Return the road of a parcel. A read. Raises: as `label`.

        Source: 协议客户开放平台 运单轨迹查询 040001.
        """
        return _read(_TRACK, answers.tracks, await self._ask(_TRACK, {"waybillNo": waybill_no, "direction": "0"}))

    async def freight(self, order_no: str, waybill_no: str = "") -> EmsFreight:
        """Return waybill, charge and weight of one of our orders. A read. Raises: as `label`.

        Source: public clients' 运费查询 050001; that our number alone is enough is unconfirmed.
        """
        content = {"logisticsOrderNo": order_no, "waybillNo": waybill_no}
        return _read(_FREIGHT, answers.freight, await self._ask(_FREIGHT, content))

    async def estimate_fen(self, sender: EmsContact, receiver: EmsContact, weight_grams: int) -> int | None:
        """Ask for the price, in fen. A read. Raises: as `label`.

        Source: 协议客户开放平台 预估邮费 050005; field names and product code from public clients.
        """
        content = {
            "productCode": _PRODUCT_CODE,
            "weight": str(weight_grams),
            "senderInfo": sender.whole_address,
            "receiveInfo": receiver.whole_address,
        }
        return _read(_ESTIMATE, answers.fee_fen, await self._ask(_ESTIMATE, content))

    async def parse_address(self, line: str) -> tuple[EmsParsedAddress, ...]:
        """Have a line taken apart. A read. Raises: as `label`. Source: 协议客户开放平台 地址解析 060001."""
        return _read(_PARSE, answers.parsed_addresses, await self._ask(_PARSE, [{"wholeAddress": line}]))

    async def is_reached(self, contact: EmsContact, product: int) -> bool | None:
        """Ask whether an address is served; None where EMS does not know. A read. Raises: as `label`.

        Source: 协议客户开放平台 可达校验 060002; its fields are unpublished, these are those of 揽收范围判断.
        """
        content = {"wholeAddress": contact.whole_address, "bizProductNo": str(int(product)), **_place(contact)}
        return _read(_REACH, answers.reached, await self._ask(_REACH, content))

    async def _ask(self, api_code: str, content: Any) -> Any:
        return await self._call(api_code, content, _QUESTION_SECONDS, repeatable=True)

    async def _call(self, api_code: str, content: Any, timeout_seconds: float, *, repeatable: bool = False) -> Any:
        form = {
            "apiCode": api_code,
            "senderNo": self.account.sender_no,
            "authorization": self.account.authorization,
            "msgType": "0",
            "timeStamp": self._beijing(self._now()),
            "version": "V1.0.0",
            "logitcsInterface": self.account.sign_key.seal(
                json.dumps(content, ensure_ascii=False, separators=(",", ":"))
            ),
        }
        answer = await self._transport.send(
            api_code,
            "POST",
            self.account.service_url,
            body=urlencode(form).encode("ascii"),
            headers=_FORM,
            timeout_seconds=timeout_seconds,
            repeatable=repeatable,
        )
        if answer.status != 200:
            raise ProviderProtocolError(
                provider="ems", call=api_code, reason="unexpected_status", answer_status=answer.status
            )
        return answers.ret_body(answer.body, api_code)

    def _order_fields(self, order: EmsOrder) -> dict[str, Any]:
        fields = {
            "createdTime": self._beijing(self._now()),
            "ecommerceUserId": uuid.uuid4().hex,
            "senderNo": self.account.sender_no,
            "logisticsOrderNo": order.order_no,
            "contentsAttribute": str(int(order.content)),
            "bizProductNo": str(int(order.product)),
            "weight": str(order.weight_grams),
            "pickupType": "1",
            "paymentMode": str(int(order.payment_mode)),
            "insuranceFlag": "1",
            "codFlag": "9",
            "valuableFlag": "0",
            "sender": _contact_fields(order.sender),
            "receiver": _contact_fields(order.receiver),
            "cargos": [{"cargoName": order.cargo_name, "cargoQuantity": 1, "cargoWeight": order.weight_grams}],
        }
        if order.pickup_from is not None:
            fields["pickupPreBeginTime"] = self._beijing(order.pickup_from)
            fields["pickupPreEndTime"] = self._beijing(order.pickup_until or order.pickup_from)
        return fields

    def _beijing(self, moment: datetime) -> str:
        return clock.to_beijing(moment).strftime(_TIME)


def _contact_fields(contact: EmsContact) -> dict[str, str]:
    reached_by = {"mobile": contact.mobile} if contact.mobile else {"phone": contact.phone}
    return {"name": contact.name, **reached_by, **_place(contact)}


def _place(contact: EmsContact) -> dict[str, str]:
    return {
        "prov": contact.province,
        "city": contact.city,
        "county": contact.county,
        "address": contact.address,
    }


def _read(api_code: str, reader: Callable[[Any], Read], body: Any) -> Read:
    try:
        return reader(body)
    except (ValueError, KeyError, TypeError, ArithmeticError):
        raise ProviderProtocolError(provider="ems", call=api_code, reason="unreadable_value") from None
