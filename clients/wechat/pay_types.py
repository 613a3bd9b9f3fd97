"""What goes to and comes from WeChat Pay, in its own words: frozen, checked for type while decoding.

Money is fen. Moments arrive with an offset; the `…_at` properties give aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class PrepayOrder:
    """One order to be placed. The same values always give the same bytes, which a repeated call needs.

    `app_id` is the mini-program of the payer, `expires_at` aware UTC at least a minute ahead. `attach` and
    `description` are seen by people and must not hold personal data.
    """

    app_id: str
    payer_openid: str
    out_trade_no: str
    description: str
    amount_fen: int
    notify_url: str
    expires_at: datetime
    attach: str = ""
    payer_client_ip: str = ""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """One refund to be asked for; a repeat must carry the same `out_refund_no` and values."""

    out_trade_no: str
    out_refund_no: str
    refund_fen: int
    total_fen: int
    reason: str
    notify_url: str


class Amount(msgspec.Struct, frozen=True):
    """Money of a transaction in fen: `total` is our order's amount, `payer_total` less WeChat's coupons."""

    total: int
    currency: str = "CNY"
    payer_total: int | None = None


class Payer(msgspec.Struct, frozen=True):
    """Who paid: `openid` in direct mode; in partner mode `sp_openid` and perhaps `sub_openid`."""

    openid: str = ""
    sp_openid: str = ""
    sub_openid: str = ""


class Transaction(msgspec.Struct, frozen=True):
    """An order as WeChat Pay sees it, from the query or a notification; partner fields are empty in direct mode.

    `trade_state` REFUND means paid with refunds: still a paid order. Source: WeChat Pay, 查询订单; 支付成功回调通知.
    """

    out_trade_no: str
    trade_state: str
    mchid: str = ""
    appid: str = ""
    sp_mchid: str = ""
    sp_appid: str = ""
    sub_mchid: str = ""
    sub_appid: str = ""
    transaction_id: str = ""
    trade_type: str = ""
    trade_state_desc: str = ""
    bank_type: str = ""
    attach: str = ""
    success_time: Moment | None = None
    payer: Payer = Payer()
    amount: Amount | None = None

    @property
    def success_at(self) -> datetime | None:
        """When the money came, aware UTC."""
        return self.success_time and self.success_time.astimezone(UTC)

    @property
    def account_mch_id(self) -> str:
        """Whose API account it is: mchid, in partner mode sp_mchid."""
        return self.mchid or self.sp_mchid

    @property
    def caller_app_id(self) -> str:
        """The mini-program that paid: appid, in partner mode the sub_appid if there is one."""
        return self.appid or self.sub_appid or self.sp_appid

    @property
    def payer_openid(self) -> str:
        """The payer under `caller_app_id`."""
        return self.payer.openid or self.payer.sub_openid or self.payer.sp_openid


class RefundAmount(msgspec.Struct, frozen=True):
    """Money of a refund in fen; the payer's parts leave WeChat's coupons out."""

    total: int
    refund: int
    payer_total: int | None = None
    payer_refund: int | None = None
    currency: str = "CNY"


class Refund(msgspec.Struct, frozen=True):
    """A refund from the call, the query (`status`) or a notification (`refund_status`): read `state`.

    PROCESSING, SUCCESS, CLOSED (a new number is right then) or ABNORMAL (card closed: a person must act).
    Source: WeChat Pay, 申请退款; 查询单笔退款; 退款结果通知.
    """

    out_trade_no: str
    out_refund_no: str
    refund_id: str
    transaction_id: str
    amount: RefundAmount
    status: str = ""
    refund_status: str = ""
    mchid: str = ""
    sp_mchid: str = ""
    sub_mchid: str = ""
    user_received_account: str = ""
    success_time: Moment | None = None

    @property
    def state(self) -> str:
        """The state under whichever name this message uses for it."""
        return self.status or self.refund_status

    @property
    def success_at(self) -> datetime | None:
        """When the money went back, aware UTC."""
        return self.success_time and self.success_time.astimezone(UTC)

    @property
    def account_mch_id(self) -> str:
        """Whose API account it is; empty in answers to our own call."""
        return self.mchid or self.sp_mchid


class BillLink(msgspec.Struct, frozen=True):
    """Where a bill file lies and the SHA-1 of its uncompressed bytes; use it at once, the link is short-lived."""

    hash_type: str
    hash_value: str
    download_url: str
