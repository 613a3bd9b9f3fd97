"""The client of 快递100: form posts whose business body is one signed JSON text.

The courier adapter calls it. It must not know our delivery states; states and order statuses stay raw.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from app import clock
from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from app.pacing import Pacing
from clients.couriers.kuaidi100 import answers
from clients.couriers.kuaidi100.codes import Family, Problem, problem_of, refused_by_us
from clients.couriers.kuaidi100.signing import order_sign, query_sign
from clients.couriers.kuaidi100.tracks import read_track
from clients.couriers.kuaidi100.types import (
    Kuaidi100Account,
    OrderState,
    PickupOrder,
    PlacedOrder,
    Quote,
    Subscription,
    Track,
)
from clients.transport import Answer, Transport

_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
_RESULT_V2 = "8"
"""Advanced codes, predicted arrival and route; the same in pushes and queries, so that their events are equal."""
_ADDRESS_BYTES, _CALLBACK_BYTES, _SALT_BYTES, _ORDER_LENGTH = 300, 200, 100, 32
_PER_SECOND = {"poll": 20.0, "query": 1.0}
"""Source: 快递100, 接口调用频率."""
_PATIENCE_SECONDS = 4.0
_LABEL_BYTES = 4 * 1024 * 1024
_PATHS = {"borderapi": ("poll", "/order/borderapi.do"), "label": ("api", "/label/order")}

Read = TypeVar("Read")


class Kuaidi100Client:
    """Calls of one account."""

    def __init__(
        self,
        account: Kuaidi100Account,
        transport: Transport,
        *,
        pacing: Pacing | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._account = account
        self._transport = transport
        self._pacing = pacing
        self._now = now

    async def subscribe(self, wanted: Subscription) -> None:
        """Have a number followed and pushed to its callback address.

        Idempotent: yes (501, already subscribed, is a success). A map that does not know the places (400) is asked
        once more without them.
        Raises: ProviderRejected (`Problem` in its details), ProviderUnavailable, ProviderProtocolError.
        Source: 快递100 快递信息推送服务, 订阅接口.
        """
        if not 6 <= len(wanted.number) <= 32:
            raise refused_by_us("number_length", "poll")
        _check_callback(wanted.callback_url, wanted.salt, "poll")
        try:
            await self._poll(_subscription(wanted, with_places=True))
        except ProviderRejected as error:
            if error.provider_code != "400" or not (wanted.origin or wanted.destination):
                raise
            await self._poll(_subscription(wanted, with_places=False))

    async def _poll(self, content: Mapping[str, Any]) -> None:
        form = {"schema": "json", "param": _dumps({**content, "key": self._account.key})}
        await self._take_turn("poll")
        got = await self._post("poll", f"{self._account.host('poll')}/poll", form, repeatable=True)
        answers.answer(got.body, Family.POLL, "poll", fine=("200", "501"))

    async def track(self, number: str, carrier: str, *, phone_tail: str = "") -> Track:
        """Ask for the whole track of a number; one without a track yet has no events. A read.

        Raises: as `subscribe`; ProviderUnavailable with nothing sent where too many wait for their turn.
        Source: 快递100 实时快递查询接口技术文档.
        """
        content = {"com": carrier, "num": number, "phone": phone_tail, "resultv2": _RESULT_V2}
        param = _dumps(content | {"show": "0", "order": "desc"})
        sign = query_sign(param, self._account.key, self._account.customer)
        form = {"customer": self._account.customer, "sign": sign, "param": param}
        url = f"{self._account.host('poll')}/poll/query.do"
        await self._take_turn("query")
        got = await self._post("query", url, form, repeatable=True)
        try:
            found = answers.answer(got.body, Family.QUERY, "query")
        except ProviderRejected as error:
            if problem_of(Family.QUERY, error.provider_code) is not Problem.NO_RESULT:
                raise
            return Track(number=number, carrier=carrier, state="", events=())
        track = _read("query", read_track, found)
        if track.number not in ("", number):
            raise ProviderProtocolError(provider="kuaidi100", call="query", reason="another_number")
        return track

    async def place_order(self, order: PickupOrder) -> PlacedOrder:
        """Place an order for pick-up. A repeat within 48 hours gives the first order back.

        Idempotent: yes, by `third_order_id`.
        Raises: as `subscribe`; ProviderRejected also before any call where a field is beyond the vendor's bytes.
        Source: 快递100 商家寄件, 下单接口 bOrder.
        """
        if not 0 < len(order.third_order_id) <= _ORDER_LENGTH:
            raise refused_by_us("order_number_length", "bOrder")
        for person in (order.sender, order.receiver):
            if len(person.address.encode()) > _ADDRESS_BYTES:
                raise refused_by_us("address_too_long", "bOrder")
        for url in (order.callback_url, order.track_callback_url):
            _check_callback(url, order.salt, "bOrder")
        fields = await self._signed("borderapi", "bOrder", _order_fields(order), timeout_seconds=15.0)
        return _read("bOrder", answers.placed_order, fields)

    async def cancel_order(self, task_id: str, order_id: str, reason: str) -> None:
        """Withdraw an order before it is collected.

        Raises: as `subscribe`. Source: 快递100 商家寄件, 取消接口 cancel.
        """
        content = {"taskId": task_id, "orderId": order_id, "cancelMsg": reason[:30]}
        await self._signed("borderapi", "cancel", content, repeatable=True)

    async def order_detail(self, *, task_id: str = "", third_order_id: str = "") -> OrderState:
        """Ask for one order by its task, or by our number (unconfirmed). A read.

        Raises: as `subscribe`. Source: 快递100 商家寄件, 订单详情接口 detail.
        """
        content = {"taskId": task_id} if task_id else {"thirdOrderId": third_order_id}
        fields = await self._signed("borderapi", "detail", content, repeatable=True)
        state = _read("detail", answers.order_detail, fields)
        return state if state.task_id else replace(state, task_id=task_id)

    async def quote(self, carrier: str, origin: str, destination: str, weight_kg: str) -> tuple[Quote, ...]:
        """Ask for prices; a city is place enough. A read.

        Raises: as `subscribe`. Source: 快递100 商家寄件, 价格接口 price.
        """
        content = {"kuaidiCom": carrier, "sendManPrintAddr": origin, "recManPrintAddr": destination}
        fields = await self._signed("borderapi", "price", content | {"weight": weight_kg}, repeatable=True)
        return _read("price", answers.quotes, fields)

    async def label(self, task_id: str) -> bytes:
        """Fetch the label of a task once more: an image, or a PDF. A read.

        Raises: as `subscribe`. Source: 快递100 电子面单 V2, 复打接口 printOld; that it also serves orders of 商家寄件
        is unconfirmed.
        """
        content = {"taskId": task_id, "printType": "IMAGE", "needDesensitization": True}
        source = _read("label", answers.label_source, await self._signed("label", "printOld", content, repeatable=True))
        if not source.startswith(("http://", "https://")):
            return _read("label", _from_base64, source)
        if not self._account.owns(source):
            raise ProviderProtocolError(provider="kuaidi100", call="label", reason="foreign_address")
        return await self._download(source)

    async def guess_carriers(self, number: str) -> tuple[str, ...]:
        """Name the companies that a number may belong to, likeliest first. A read.

        Raises: ProviderUnavailable, ProviderProtocolError. Source: 快递100 智能单号识别接口 autonumber.
        """
        query = urlencode({"num": number, "key": self._account.key})
        got = await self._transport.send(
            "autonumber",
            "GET",
            f"{self._account.host('www')}/autonumber/auto?{query}",
            timeout_seconds=8.0,
            repeatable=True,
        )
        return _read("autonumber", answers.guesses, got.body)

    async def _take_turn(self, call: str) -> None:
        """Wait until the vendor's rate for all of us allows one more call."""
        if self._pacing is None:
            return
        wait_seconds = await self._pacing.reserve(f"kuaidi100:{call}", _PER_SECOND[call], 1, _PATIENCE_SECONDS)
        if wait_seconds > _PATIENCE_SECONDS:
            raise ProviderUnavailable(provider="kuaidi100", call=call, reason="too_fast", nothing_sent=True)
        await asyncio.sleep(max(0.0, wait_seconds))

    async def _download(self, url: str) -> bytes:
        collected = bytearray()

        async def write(chunk: bytes) -> None:
            collected.extend(chunk)

        got = await self._transport.download("label_file", url, write, timeout_seconds=15.0, max_bytes=_LABEL_BYTES)
        if got.status != 200 or not collected:
            raise ProviderProtocolError(provider="kuaidi100", call="label_file", reason="unexpected_status")
        return bytes(collected)

    async def _signed(
        self,
        api: str,
        method: str,
        content: Mapping[str, Any],
        *,
        repeatable: bool = False,
        timeout_seconds: float = 8.0,
    ) -> dict[str, Any]:
        host, path = _PATHS[api]
        url = f"{self._account.host(host)}{path}"
        param, milliseconds = _dumps(content), str(int(self._now().timestamp() * 1000))
        sign = order_sign(param, milliseconds, self._account.key, self._account.secret)
        form = {"key": self._account.key, "method": method, "t": milliseconds, "param": param, "sign": sign}
        got = await self._post(method, url, form, repeatable=repeatable, timeout_seconds=timeout_seconds)
        return answers.answer(got.body, Family.ORDER, method)

    async def _post(
        self, call: str, url: str, form: Mapping[str, str], *, repeatable: bool = False, timeout_seconds: float = 8.0
    ) -> Answer:
        got = await self._transport.send(
            call,
            "POST",
            url,
            body=urlencode(form).encode("ascii"),
            headers=_FORM,
            timeout_seconds=timeout_seconds,
            repeatable=repeatable,
        )
        if got.status != 200:
            raise ProviderProtocolError(
                provider="kuaidi100", call=call, reason="unexpected_status", answer_status=got.status
            )
        return got


def _subscription(wanted: Subscription, *, with_places: bool) -> dict[str, Any]:
    parameters = {"callbackurl": wanted.callback_url, "salt": wanted.salt, "resultv2": _RESULT_V2}
    if not wanted.carrier:
        parameters["autoCom"] = "1"
    if wanted.phone_tail:
        parameters["phone"] = wanted.phone_tail
    places = {"from": wanted.origin, "to": wanted.destination} if with_places else {}
    return {
        "company": wanted.carrier,
        "number": wanted.number,
        **{name: place for name, place in places.items() if place},
        "parameters": parameters,
    }


def _order_fields(order: PickupOrder) -> dict[str, Any]:
    fields = {
        "kuaidicom": order.carrier,
        "recManName": order.receiver.name,
        "recManMobile": order.receiver.mobile,
        "recManPrintAddr": order.receiver.address,
        "sendManName": order.sender.name,
        "sendManMobile": order.sender.mobile,
        "sendManPrintAddr": order.sender.address,
        "callBackUrl": order.callback_url,
        "cargo": order.cargo,
        "payment": order.payment,
        "weight": order.weight_kg,
        "salt": order.salt,
        "thirdOrderId": order.third_order_id,
        "serviceType": order.service_type,
        "dayType": order.day,
        "pickupStartTime": order.pickup_start,
        "pickupEndTime": order.pickup_end,
    }
    if order.track_callback_url:
        fields |= {"op": "1", "pollCallBackUrl": order.track_callback_url, "resultv2": _RESULT_V2}
    if order.label_template:
        fields |= {"returnType": "20", "tempid": order.label_template}
    return {name: value for name, value in fields.items() if value}


def _check_callback(url: str, salt: str, call: str) -> None:
    if len(url.encode()) > _CALLBACK_BYTES:
        raise refused_by_us("callback_too_long", call)
    if len(salt.encode()) > _SALT_BYTES:
        raise refused_by_us("salt_too_long", call)


def _dumps(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.partition("base64,")[2] or text, validate=True)
    except binascii.Error:
        raise ValueError("not Base64") from None


def _read(call: str, reader: Callable[[Any], Read], source: Any) -> Read:
    try:
        return reader(source)
    except (ValueError, KeyError, TypeError):
        raise ProviderProtocolError(provider="kuaidi100", call=call, reason="unreadable_value") from None
