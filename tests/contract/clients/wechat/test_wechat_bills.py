"""Bill files are read as the vectors say, and a broken file is never taken for a quiet day."""

import base64
import io
import json
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ProviderProtocolError
from clients.wechat.pay_bills import BillReader, _rounded_fen, read_fund_flow_bill, read_trade_bill

BILLS: list[dict[str, Any]] = json.loads((Path(__file__).parents[3] / "vectors" / "wechat.json").read_text())["bills"]
TRADE = base64.b64decode(BILLS[0]["csv_b64"])
FLOW = base64.b64decode(BILLS[2]["csv_b64"])


def lines(content: bytes) -> list[bytes]:
    return list(io.BytesIO(content))


@pytest.mark.parametrize("case", BILLS, ids=lambda case: case["name"])
def test_bill_has_the_rows_and_summary_of_the_vector(case: dict[str, Any]) -> None:
    expected = BILLS[case["same_rows_as"]] if "same_rows_as" in case else case
    reader = BillReader(lines(base64.b64decode(case["csv_b64"])))
    assert list(reader.rows()) == expected["rows"]
    assert reader.header == expected["header"]
    assert list(reader.summary.values()) == expected["summary"]


def test_trade_rows_are_typed() -> None:
    paid, with_comma, refunded = read_trade_bill(lines(TRADE))
    assert (paid.out_trade_no, paid.order_fen, paid.fee_fen) == ("SJT20260101090000000001", 4000, 24)
    assert (paid.refund_id, paid.sub_mch_id, paid.refund_fen) == ("", "", 0)
    assert paid.traded_at == datetime(2026, 1, 1, 1, 0, 5, tzinfo=UTC)
    assert (with_comma.order_fen, with_comma.fee_fen) == (1050, 6)
    assert (refunded.trade_state, refunded.refund_fen) == ("REFUND", 4000)
    assert refunded.out_refund_no == BILLS[0]["rows"][2]["商户退款单号"]


def test_fund_flow_rows_are_typed_and_signed() -> None:
    income, fee = read_fund_flow_bill(lines(FLOW))
    assert (income.amount_fen, income.balance_fen, income.voucher_no) == (4000, 104000, "SJT20260101090000000001")
    assert fee.amount_fen == -24


@pytest.mark.parametrize(
    ("broken", "reason", "line_no"),
    [
        (b"", "no_summary", 2),
        (b"".join(lines(TRADE)[:3]), "no_summary", 4),
        (b"".join(lines(TRADE)[:2] + lines(TRADE)[3:]), "row_count", 5),
        (TRADE.replace(b"`40.00,`", b"`4o.00,`"), "row", 2),
        (TRADE.replace(b"`JSAPI,", b"JSAPI,", 1), "columns", 2),
        (TRADE[:60] + b"\xff" + TRADE[60:], "encoding", 1),
        (TRADE.replace("商户订单号".encode(), "订单号".encode(), 1), "header", 1),
        (TRADE.replace(b"`50.50", b"`50.51"), "sum", 6),
    ],
)
def test_broken_trade_bill_is_refused_at_its_line(broken: bytes, reason: str, line_no: int) -> None:
    with pytest.raises(ProviderProtocolError) as refusal:
        list(read_trade_bill(lines(broken)))
    assert (refusal.value.details["reason"], refusal.value.details["line_no"]) == (reason, line_no)


@given(st.integers(-(10**9), 10**9))
def test_fees_of_five_decimals_are_rounded_like_money(thousandths: int) -> None:
    exact = Decimal(thousandths) / 1000
    expected = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    assert _rounded_fen(f"{Decimal(thousandths) / 100_000:.5f}") == expected


@pytest.mark.parametrize("text", ["", "-", ".", "1.000001", "1,0", "+1.00", "1e3", "一"])
def test_what_is_no_fee_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        _rounded_fen(text)


values = st.text(st.characters(codec="utf-8", exclude_characters="`\n\r\0", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(values, values, values), max_size=8))
def test_any_rows_survive_printing_and_reading(rows: list[tuple[str, str, str]]) -> None:
    printed = ["甲,乙,丙"] + [",".join(f"`{value}" for value in row) for row in rows] + ["总数", f"`{len(rows)}"]
    reader = BillReader([f"{line}\r\n".encode() for line in printed])
    assert [tuple(row.values()) for row in reader.rows()] == rows
    assert reader.summary == {"总数": str(len(rows))}
