"""Reads WeChat Pay's bill files line by line in flat memory; for reconciliation. Pure, no I/O of its own.

Columns are found by name, for WeChat adds new ones. A refund's 退款状态 is a snapshot of its day and never
corrected: ask the refund query for the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TypeVar

from app.clock import from_beijing
from app.errors import ProviderProtocolError
from app.money import parse_yuan
from clients.wechat.pay_errors import PROVIDER

Row = TypeVar("Row")

_ABSENT = ("", "0")


class BillReader:
    """Rows of one bill file, once, in order; `summary` is filled when the rows are exhausted.

    Source: WeChat Pay, 下载账单 (file format): fields begin with a backtick, are not quoted, and may hold commas.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self.header: list[str] = []
        self.summary: dict[str, str] = {}

    def rows(self) -> Iterator[dict[str, str]]:
        """Yield each row by column name. Raises ProviderProtocolError on a broken or cut file."""
        self.header = self._next_line().split(",")
        for line in iter(self._next_line, ""):
            if not line.startswith("`"):
                self.summary = self._paired(line.split(","), self._next_line())
                return
            yield self._paired(self.header, line)
        raise _broken("no_summary")

    def _next_line(self) -> str:
        try:
            return next(self._lines, b"").decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            raise _broken("encoding") from None

    @staticmethod
    def _paired(names: list[str], line: str) -> dict[str, str]:
        values = line.removeprefix("`").split(",`")
        if len(values) != len(names):
            raise _broken("columns")
        return dict(zip(names, values, strict=True))


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One line of a trade bill: a payment (`refund_id` empty) or a refund applied for on that day.

    `fee_fen` is WeChat's fee, negative when given back. `traded_at` is aware UTC.
    """

    traded_at: datetime
    app_id: str
    mch_id: str
    sub_mch_id: str
    transaction_id: str
    out_trade_no: str
    trade_state: str
    order_fen: int
    refund_id: str
    out_refund_no: str
    refund_fen: int
    refund_status: str
    fee_fen: int


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One line of a fund flow bill. `amount_fen` is negative for 支出. `booked_at` is aware UTC."""

    booked_at: datetime
    business_no: str
    flow_no: str
    business_type: str
    amount_fen: int
    balance_fen: int
    voucher_no: str


def read_trade_bill(lines: Iterable[bytes]) -> Iterator[TradeRow]:
    """Yield the typed rows of a trade bill, of any of its kinds. Raises ProviderProtocolError, also at the end.

    Source: WeChat Pay, 交易账单字段说明.
    """
    return _read(lines, "总交易单数", _trade_row)


def read_fund_flow_bill(lines: Iterable[bytes]) -> Iterator[FlowRow]:
    """Yield the typed rows of a fund flow bill. Raises ProviderProtocolError, also at the end.

    Source: WeChat Pay, 资金账单字段说明.
    """
    return _read(lines, "资金流水总笔数", _flow_row)


def _read(lines: Iterable[bytes], count_name: str, typed: Callable[[dict[str, str]], Row]) -> Iterator[Row]:
    reader, count = BillReader(lines), 0
    for row in reader.rows():
        count += 1
        try:
            converted = typed(row)
        except (KeyError, ValueError, InvalidOperation):
            raise _broken("row") from None
        yield converted
    # The file says itself how many rows it has: a cut or doubled file must not pass for a quiet day.
    if reader.summary.get(count_name) != str(count):
        raise _broken("row_count")


def _trade_row(row: dict[str, str]) -> TradeRow:
    return TradeRow(
        traded_at=from_beijing(row["交易时间"]),
        app_id=row["公众账号ID"],
        mch_id=row["商户号"],
        sub_mch_id=_present(row.get("特约商户号")),
        transaction_id=row["微信订单号"],
        out_trade_no=row["商户订单号"],
        trade_state=row["交易状态"],
        order_fen=parse_yuan(row["订单金额"]),
        refund_id=_present(row.get("微信退款单号")),
        out_refund_no=_present(row.get("商户退款单号")),
        refund_fen=parse_yuan(row.get("申请退款金额", "0")),
        refund_status=row.get("退款状态", ""),
        fee_fen=_rounded_fen(row["手续费"]),
    )


def _flow_row(row: dict[str, str]) -> FlowRow:
    amount_fen = parse_yuan(row["收支金额（元）"])
    return FlowRow(
        booked_at=from_beijing(row["记账时间"]),
        business_no=row["微信支付业务单号"],
        flow_no=row["资金流水单号"],
        business_type=row["业务类型"],
        amount_fen=-amount_fen if row["收支类型"] == "支出" else amount_fen,
        balance_fen=parse_yuan(row["账户结余（元）"]),
        voucher_no=row["业务凭证号"],
    )


def _present(text: str | None) -> str:
    return "" if text is None or text in _ABSENT else text


def _rounded_fen(yuan: str) -> int:
    """Fees are printed with five decimals of yuan; the fen is what WeChat books."""
    return int((Decimal(yuan) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def _broken(reason: str) -> ProviderProtocolError:
    return ProviderProtocolError(provider=PROVIDER, call="bill", reason=reason)
