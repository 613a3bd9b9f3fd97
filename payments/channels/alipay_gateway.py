"""Alipay's application gateway (应用网关): its activation test and the messages that are about no order."""

from __future__ import annotations

from datetime import UTC, datetime

from app.clock import now
from clients.alipay.config import AlipayApp
from clients.alipay.form import read_form
from clients.alipay.gateway_check import answer_gateway_check, is_gateway_check
from clients.alipay.notification import read_gateway_message
from payments.neutral import Acknowledgement, PlatformMessage


class AlipayPlatformGateway:
    """The gateway address of one application. See ports.PlatformGateway."""

    def __init__(self, app: AlipayApp) -> None:
        self._app = app

    def answer_check(self, body: bytes) -> Acknowledgement | None:
        """Answer `alipay.service.check`. Source: Alipay open platform, 应用网关 激活开发者模式."""
        if not is_gateway_check(body):
            return None
        return Acknowledgement(200, "text/xml; charset=GBK", answer_gateway_check(body, self._app))

    def parse_message(self, body: bytes) -> PlatformMessage:
        """Verify and read one From蚂蚁 message; its own time stays the same in repeats."""
        message = read_gateway_message(body, self._app)
        stamp = read_form(body)[0].get("utc_timestamp", "")
        whole_ms = stamp.isdecimal() and len(stamp) == 13
        occurred_at = datetime.fromtimestamp(int(stamp) / 1000, UTC) if whole_ms else now()
        return PlatformMessage(
            provider="alipay",
            event_key=f"message:{message.notify_id}"[:160],
            occurred_at=occurred_at,
            kind=message.kind,
        )
