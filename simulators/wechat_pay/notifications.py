"""Payment and refund notifications (支付通知, 退款通知): sealed, signed, repeated; and all the ways they can go wrong.

Source: WeChat Pay APIv3, 支付成功回调通知, 退款结果通知, retry schedule of the official notes, 2026-04.
"""

import asyncio
import secrets
from typing import Any

from simulators.callbacks import Delivery, Message
from simulators.control import ControlError
from simulators.core import World
from simulators.wechat_pay.orders import Order, beijing_time, transaction_of
from simulators.wechat_pay.platform import Platform, SigningKey
from simulators.wechat_pay.signing import seal
from simulators.wechat_pay.wire import PROVIDER, encode, mutate

SCHEDULE = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
LATE_SECONDS = 300
CRYPTO_KINDS = ("wrong_signature", "stale", "unknown_serial", "unsigned")
BUSINESS_KINDS = ("wrong_amount", "wrong_merchant", "wrong_app", "other_currency")
KINDS = ("normal", "none", "duplicate", "late", "reordered", "signtest", *CRYPTO_KINDS, *BUSINESS_KINDS)
SUMMARIES = {
    "TRANSACTION.SUCCESS": "支付成功",
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
}


class Notifier:
    """Sends notifications in the asked kind; holds back reordered payments until the order's next event."""

    def __init__(self, world: World, platform: Platform) -> None:
        self._world, self._platform = world, platform
        self._held: dict[str, asyncio.Event] = {}

    def key(self, key_id: str) -> SigningKey:
        """Return the signing key of a notification (empty = default).

        Raises: ControlError (404).
        """
        key = self._platform.find_key(key_id)
        if key is None:
            raise ControlError(f"no platform key {key_id}", 404)
        return key

    def payment(self, order: Order, kind: str = "normal", delay_seconds: float = 0, key_id: str = "") -> list[Delivery]:
        """Send TRANSACTION.SUCCESS of a paid order to its notify_url."""
        resource = transaction_of(order) | {"trade_state": "SUCCESS", "trade_state_desc": "支付成功"}
        url = order["body"]["notify_url"]
        if kind == "reordered":
            self._world.callbacks.spawn(self._send_after_next_event(order, resource, url, key_id))
            return []
        return self._send(order, "TRANSACTION.SUCCESS", resource, url, kind, delay_seconds, key_id)

    def refund(
        self, order: Order, refund: dict[str, Any], kind: str = "normal", delay_seconds: float = 0
    ) -> list[Delivery]:
        """Send REFUND.<status> of a finished refund to the refund's notify_url; without one nothing is sent."""
        url = refund["body"].get("notify_url", "")
        resource = refund_resource(order, refund)
        event = f"REFUND.{refund['status']}"
        sent = self._send(order, event, resource, url, kind, delay_seconds, "") if url else []
        self._release(order, sent)
        return sent

    def _send(
        self,
        order: Order,
        event: str,
        resource: dict[str, Any],
        url: str,
        kind: str,
        delay_seconds: float,
        key_id: str,
    ) -> list[Delivery]:
        if kind == "none":
            return []
        mutate(resource, kind)
        body = self._body(order, event, resource)
        key = self.key(key_id)
        if kind == "late":
            delay_seconds = delay_seconds or LATE_SECONDS * self._world.config.retry_scale
        if kind == "signtest":
            # The platform's probe comes first and is not repeated; the real message follows on its own schedule.
            probe = self._post(event, url, body, key, "signtest", delay_seconds, ())
            return [probe, self._post(event, url, body, key, "", delay_seconds + 0.05, SCHEDULE)]
        if kind in CRYPTO_KINDS:
            return [self._post(event, url, body, key, kind, delay_seconds, ())]
        copies = 2 if kind == "duplicate" else 1
        return [self._post(event, url, body, key, "", delay_seconds, SCHEDULE) for _ in range(copies)]

    def _post(
        self, event: str, url: str, body: bytes, key: SigningKey, wrong: str, delay: float, schedule: tuple[int, ...]
    ) -> Delivery:
        def build() -> Message:
            headers = self._platform.signed_headers(body, key, wrong)
            headers |= {"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "Mozilla/4.0"}
            return Message(url, body, headers)

        return self._world.callbacks.send(
            PROVIDER,
            event + (f" {wrong}" if wrong else ""),
            build,
            accepted=lambda status, _: status in (200, 204),
            schedule=schedule,
            delay_seconds=delay,
        )

    def _body(self, order: Order, event: str, resource: dict[str, Any]) -> bytes:
        original = "transaction" if event.startswith("TRANSACTION") else "refund"
        apiv3_key = self._platform.merchants[order["mch_id"]].config.apiv3_key
        return encode(
            {
                "id": f"EV-{self._world.clock.beijing():%Y%m%d%H%M%S}{secrets.randbelow(10**9):09d}",
                "create_time": beijing_time(self._world),
                "resource_type": "encrypt-resource",
                "event_type": event,
                "summary": SUMMARIES[event],
                "resource": {"original_type": original, **seal(apiv3_key, encode(resource), original)},
            }
        )

    async def _send_after_next_event(self, order: Order, resource: dict[str, Any], url: str, key_id: str) -> None:
        """Hold a payment notification until a refund notification of the order went out, or give up waiting."""
        name = f"{order['mch_id']}:{order['out_trade_no']}"
        event = self._held.setdefault(name, asyncio.Event())
        timer = asyncio.create_task(self._world.clock.sleep(SCHEDULE[-1] * self._world.config.retry_scale))
        waiter = asyncio.create_task(event.wait())
        try:
            await asyncio.wait({timer, waiter}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            waiter.cancel()
            self._held.pop(name, None)
        self._send(order, "TRANSACTION.SUCCESS", resource, url, "normal", 0, key_id)

    def _release(self, order: Order, sent: list[Delivery]) -> None:
        event = self._held.get(f"{order['mch_id']}:{order['out_trade_no']}")
        if event is None:
            return

        async def release() -> None:
            for delivery in sent:
                await delivery.first(5)
            event.set()

        self._world.callbacks.spawn(release())


def refund_resource(order: Order, refund: dict[str, Any]) -> dict[str, Any]:
    """Return the plain resource of a refund notification (`refund_status`, not `status`)."""
    body = order["body"]
    names = ("mchid",) if order["mode"] == "direct" else ("sp_mchid", "sub_mchid")
    amount = refund["body"]["amount"]
    resource = {name: body[name] for name in names} | {
        "transaction_id": order["transaction_id"],
        "out_trade_no": order["out_trade_no"],
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["body"]["out_refund_no"],
        "refund_status": refund["status"],
        "user_received_account": refund["account"],
        "amount": {
            "total": amount["total"],
            "refund": amount["refund"],
            "payer_total": amount["total"],
            "payer_refund": amount["refund"],
        },
    }
    if refund.get("success_time"):
        resource["success_time"] = refund["success_time"]
    return resource
