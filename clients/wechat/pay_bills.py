"""Reads WeChat Pay's bill files line by line in flat memory; for reconciliation. Pure, no I/O of its own.

Columns are found by name, for WeChat adds new ones. A refund's 退款状态 is a snapshot of its day and never
corrected: ask the refund query for the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain

import msgspec

from app.clock import from_beijing
from app.errors import ProviderProtocolError
from app.money import parse_yuan
from clients.wechat.pay_errors import PROVIDER

_ABSENT = ("", "0")
_MOMENTS_OF_A_DAY = 86_400
_PLAIN_FEE_DECIMALS = 5


class BillReader:
    """Rows of one bill file, once, in order; `summary` is filled when the rows are exhausted.

    `line_no` is the line read last, from 1; every error names it.
    Source: WeChat Pay, 下载账单 (file format): fields begin with a backtick, are not quoted, and may hold commas.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self.line_no = 0
        self.header: list[str] = []
        self.summary: dict[str, str] = {}

    def rows(self) -> Iterator[dict[str, str]]:
        """Yield each row by column name. Raises ProviderProtocolError on a broken or cut file."""
        self.read_header()
        for values in self.values():
            yield dict(zip(self.header, values, strict=True))

    def read_header(self) -> list[str]:
        """Read the first line; return the names of the columns."""
        self.header = self._next_line().removeprefix("\ufeff").split(",")
        return self.header

    def values(self) -> Iterator[list[str]]:
        """Yield the values of each row after the header, as many as it has. Raises as `rows`."""
        width, next_line = len(self.header), self._next_line
        while line := next_line():
            if line[0] != "`":
                self.summary = self._summed_up(line)
                return
            values = line[1:].split(",`")
            if len(values) != width:
                raise self.broken("columns")
            yield values
        raise self.broken("no_summary")

    def broken(self, reason: str) -> ProviderProtocolError:
        """Return the error of a file that is not as it should be at the line read last."""
        return ProviderProtocolError(provider=PROVIDER, call="bill", reason=reason, line_no=self.line_no)

    def _summed_up(self, line: str) -> dict[str, str]:
        names, values = line.split(","), self._next_line().removeprefix("`").split(",`")
        if len(values) != len(names):
            raise self.broken("columns")
        return dict(zip(names, values, strict=True))

    def _next_line(self) -> str:
        self.line_no += 1
        try:
            line = next(self._lines, b"").decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise self.broken("encoding") from None
        if "\0" in line:
            raise self.broken("encoding")
        return line


class TradeRow(msgspec.Struct, frozen=True, gc=False):
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


class FlowRow(msgspec.Struct, frozen=True, gc=False):
    """One line of a fund flow bill. `amount_fen` is negative for 支出. `booked_at` is aware UTC."""

    booked_at: datetime
    business_no: str
    flow_no: str
    business_type: str
    amount_fen: int
    balance_fen: int
    voucher_no: str


_TRADE_COLUMNS = "交易时间 公众账号ID 商户号 微信订单号 商户订单号 交易状态 订单金额 手续费".split()
_TRADE_OPTIONAL = "特约商户号 微信退款单号 商户退款单号 申请退款金额 退款状态".split()
_FLOW_COLUMNS = (
    "记账时间 微信支付业务单号 资金流水单号 业务类型 收支类型 收支金额（元） 账户结余（元） 业务凭证号".split()
)


def read_trade_bill(lines: Iterable[bytes]) -> Iterator[TradeRow]:
    """Yield the typed rows of a trade bill, of any of its kinds. Raises ProviderProtocolError, also at the end.

    Source: WeChat Pay, 交易账单字段说明.
    """
    reader = BillReader(lines)
    places = _places(reader, _TRADE_COLUMNS, _TRADE_OPTIONAL)
    at, app, mch, trade, number, state, order, fee, sub, refund, refund_no, back, status = places
    count = order_total_fen = refund_total_fen = 0
    for values in reader.values():
        values.append("0")  # what a column holds that this kind of bill does not have
        try:
            order_fen, refund_fen = parse_yuan(values[order]), parse_yuan(values[back])
            row = TradeRow(
                _moment(values[at]),
                values[app],
                values[mch],
                _present(values[sub]),
                values[trade],
                values[number],
                values[state],
                order_fen,
                _present(values[refund]),
                _present(values[refund_no]),
                refund_fen,
                _present(values[status]),
                _rounded_fen(values[fee]),
            )
        except ValueError:
            raise reader.broken("row") from None
        count += 1
        order_total_fen += order_fen
        refund_total_fen += refund_fen
        yield row
    _check_summary(reader, {"总交易单数": count}, {"订单总金额": order_total_fen, "申请退款总金额": refund_total_fen})


def read_fund_flow_bill(lines: Iterable[bytes]) -> Iterator[FlowRow]:
    """Yield the typed rows of a fund flow bill. Raises ProviderProtocolError, also at the end.

    Source: WeChat Pay, 资金账单字段说明.
    """
    reader = BillReader(lines)
    at, business, flow, kind, direction, amount, balance, voucher = _places(reader, _FLOW_COLUMNS)
    counts, sums = {"收入": 0, "支出": 0}, {"收入": 0, "支出": 0}
    for values in reader.values():
        way = values[direction]
        try:
            amount_fen = parse_yuan(values[amount])
            counts[way] += 1
            sums[way] += amount_fen
            row = FlowRow(
                _moment(values[at]),
                values[business],
                values[flow],
                values[kind],
                -amount_fen if way == "支出" else amount_fen,
                parse_yuan(values[balance]),
                values[voucher],
            )
        except (KeyError, ValueError):
            raise reader.broken("row") from None
        yield row
    _check_summary(
        reader,
        {"资金流水总笔数": sum(counts.values()), "收入笔数": counts["收入"], "支出笔数": counts["支出"]},
        {"收入金额": sums["收入"], "支出金额": sums["支出"]},
    )


def _places(reader: BillReader, names: Sequence[str], optional: Sequence[str] = ()) -> list[int]:
    """Return where the named columns stand; an optional one that is missing stands behind the last."""
    header = reader.read_header()
    places = {name: place for place, name in enumerate(header)}
    if header != [""] and not places.keys() >= set(names):
        raise reader.broken("header")
    return [places.get(name, len(header)) for name in chain(names, optional)]


def _check_summary(reader: BillReader, counts: dict[str, int], sums_fen: dict[str, int]) -> None:
    """The file says itself what it holds: a cut or doubled file must not pass for a quiet day."""
    told = reader.summary
    first = next(iter(counts))
    if first not in told or any(told.get(name, str(count)) != str(count) for name, count in counts.items()):
        raise reader.broken("row_count")
    try:
        if any(name in told and parse_yuan(told[name]) != fen for name, fen in sums_fen.items()):
            raise reader.broken("sum")
    except ValueError:
        raise reader.broken("sum") from None


_moment: Callable[[str], datetime] = lru_cache(_MOMENTS_OF_A_DAY)(from_beijing)
"""Beijing time of a row; rows of a busy day share their seconds."""


def _present(text: str) -> str:
    return "" if text in _ABSENT else text


def _rounded_fen(yuan: str) -> int:
    """Fees are printed with five decimals of yuan; the fen is what WeChat books (half a fen is one)."""
    whole, _, decimals = yuan.removeprefix("-").partition(".")
    thousandths = int(f"{whole}{decimals:0<{_PLAIN_FEE_DECIMALS}}")
    if len(decimals) > _PLAIN_FEE_DECIMALS or not f"{whole}{decimals}".isdecimal():
        raise ValueError("not a fee in yuan")
    fen = (thousandths + 500) // 1000
    return -fen if yuan[0] == "-" else fen
