"""What bill files (对账单) say in neutral words. Money is fen, moments are aware UTC, days are days of Beijing."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple

from app.clock import BEIJING
from app.errors import ProviderRejected

READY_HOUR = 10
"""From this hour of Beijing on the bill of the day before is complete. Source: WeChat Pay, 申请交易账单."""


class RefundShown(StrEnum):
    """How a refund stood when the file was made: a snapshot that is never corrected."""

    NONE = ""
    SUCCEEDED = "SUCCEEDED"
    PROCESSING = "PROCESSING"
    ABNORMAL = "ABNORMAL"
    CLOSED = "CLOSED"


class BillLine(NamedTuple):
    """One line of a trade bill: a payment, or a refund where `out_refund_no` is set; `amount_fen` is positive in both.

    `fee_fen` is what the provider takes, negative when given back. A tuple, so that it is staged as it is.
    """

    out_trade_no: str
    provider_trade_no: str
    is_refund: bool
    out_refund_no: str
    refund_status: str
    amount_fen: int
    fee_fen: int
    at: datetime


class FlowSum(NamedTuple):
    """What a day's trades changed in the merchant's account by the fund flow bill (资金账单), fees taken off."""

    net_fen: int
    movements: int


class BillNotReady(ProviderRejected):
    """The bill of this day is not complete yet; worth asking again later."""

    code, message = "bill_not_ready", "该日账单尚未生成，请于次日10:00之后再试"

    def __init__(self, **details: object) -> None:
        super().__init__(retryable=True, **details)  # type: ignore[arg-type]  # any private details


def day_begins_at(day: date) -> datetime:
    """Return the first moment of a day of Beijing."""
    return datetime.combine(day, time(), BEIJING).astimezone(UTC)


def ready_at(day: date) -> datetime:
    """Return from when the bill of a day can be relied upon."""
    return day_begins_at(day + timedelta(days=1)) + timedelta(hours=READY_HOUR)
