"""Alipay's application gateway (应用网关): its activation test and the messages that are about no order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.clock import now
from clients.alipay.config import AlipayApp
from clients.alipay.form import read_form
from clients.alipay.gateway_check import answer_gateway_check, is_gateway_check
from clients.alipay.notification import read_gateway_message
from clients.alipay.values import fen, moment
from payments.channels.alipay import DEPOSIT_BACK_MOVES
from payments.neutral import Acknowledgement, DepositBack, PlatformMessage

_DEPOSIT_BACK = "alipay.trade.refund.depositback.completed"
_USER_CANCELLED = "alipay.open.auth.userauth.cancelled"
_ALARMS = frozenset({"alipay.open.auth.appauth.cancelled", "alipay.open.mini.version.audit.rejected"})
_KNOWN = frozenset({_DEPOSIT_BACK, _USER_CANCELLED, "alipay.open.mini.version.audit.passed", *_ALARMS})


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
        withdrawn = message.kind == _USER_CANCELLED
        return PlatformMessage(
            provider="alipay",
            event_key=f"message:{message.notify_id}"[:160],
            occurred_at=_moment(stamp) or now(),
            kind=message.kind,
            is_known=message.kind in _KNOWN,
            app_id=self._app.app_id,
            withdrawn_by=_subject(message.content) if withdrawn else "",
            withdrawn_at=_moment(_text(message.content, "cancel_time")) if withdrawn else None,
            is_alarm=message.kind in _ALARMS,
            deposit_back=_deposit_back(message.content) if message.kind == _DEPOSIT_BACK else None,
        )


def _moment(stamp: str) -> datetime | None:
    """Read `utc_timestamp`: milliseconds, or a date text as one source shows it."""
    if stamp.isdecimal() and len(stamp) == 13:
        return datetime.fromtimestamp(int(stamp) / 1000, UTC)
    try:
        return moment({"stamp": stamp}, "stamp")
    except ValueError:
        return None


def _deposit_back(content: Mapping[str, Any]) -> DepositBack | None:
    """Read how the bank took a refund (银行卡冲退). None where it does not even name the trade.

    Source: Alipay open platform, alipay.trade.refund.depositback.completed. The field names are those of the refund
    query's deposit_back_info; what is missing or unreadable is left to the question that follows.
    """
    out_trade_no = _text(content, "out_trade_no")
    if not out_trade_no:
        return None
    try:
        amount_fen = fen(dict(content), "dback_amount")
    except ValueError:
        amount_fen = None
    return DepositBack(
        out_trade_no=out_trade_no,
        out_refund_no=_text(content, "out_request_no"),
        move=str(DEPOSIT_BACK_MOVES.get(_text(content, "dback_status"), "")),
        amount_fen=amount_fen,
    )


def _subject(content: Mapping[str, Any]) -> str:
    """Name who has withdrawn: the open_id, or the user_id of apps from before open ids."""
    return _text(content, "open_id") or _text(content, "user_id")


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name, "")
    return value[:128] if isinstance(value, str) else ""
