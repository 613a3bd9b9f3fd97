"""The text of bill files: columns, backticks, yuan, summary rows. Pure; used by `bills` only.

Source: WeChat Pay APIv3, 下载账单 (format of trade and fund-flow bills), 2025.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

FEE_RATE = Decimal("0.006")
OPENING_BALANCE_FEN = 1_000_000
ZERO = "0.00"
TRADE_COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
).split(",")
REFUND_COLUMNS = frozenset(
    "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,申请退款金额".split(",")
)
TRADE_SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FLOW_COLUMNS = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,资金变更提交申请人,"
    "备注,业务凭证号"
)
FLOW_SUMMARY = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"


@dataclass(frozen=True, slots=True)
class Entry:
    """One payment (state SUCCESS) or refund (state REFUND) of the day; money in fen, `at` Beijing text."""

    at: str
    state: str
    app_id: str
    mch_id: str
    sub_mch_id: str
    transaction_id: str
    out_trade_no: str
    openid: str
    bank_type: str
    description: str
    attach: str
    total_fen: int
    refund_fen: int = 0
    refund_id: str = ""
    out_refund_no: str = ""
    refund_status: str = ""
    refunded_at: str = ""

    @classmethod
    def of_payment(cls, order: dict[str, Any]) -> "Entry":
        """Return the payment row of a paid order."""
        body = order["body"]
        return cls(
            at=_bill_time(order["success_time"]),
            state="SUCCESS",
            app_id=body.get("appid") or body["sp_appid"],
            mch_id=order["mch_id"],
            sub_mch_id=body.get("sub_mchid", "0"),
            transaction_id=order["transaction_id"],
            out_trade_no=order["out_trade_no"],
            openid=next(iter(body["payer"].values())),
            bank_type=order["bank_type"],
            description=body["description"],
            attach=body.get("attach", ""),
            total_fen=body["amount"]["total"],
        )

    @classmethod
    def of_refund(cls, order: dict[str, Any], refund: dict[str, Any]) -> "Entry":
        """Return the refund row of a refund, on the day of its application."""
        return replace(
            cls.of_payment(order),
            at=_bill_time(refund["create_time"]),
            state="REFUND",
            refund_fen=refund["body"]["amount"]["refund"],
            refund_id=refund["refund_id"],
            out_refund_no=refund["body"]["out_refund_no"],
            refund_status=refund["status"],
            refunded_at=_bill_time(refund.get("success_time", "")),
        )

    @classmethod
    def invented(cls, mch_id: str, day: str, row: dict[str, Any]) -> "Entry":
        """Return a payment row that no order of ours stands behind (seeded: out_trade_no, total_fen, more at will)."""
        return cls(
            at=row.get("at", f"{day} 12:00:00"),
            state="SUCCESS",
            app_id=row.get("app_id", "wx" + "0" * 16),
            mch_id=mch_id,
            sub_mch_id=row.get("sub_mch_id", "0"),
            transaction_id=row.get("transaction_id", "4200009999" + "0" * 18),
            out_trade_no=row["out_trade_no"],
            openid=row.get("openid", "o" + "0" * 27),
            bank_type="OTHERS",
            description=row.get("description", "账单多出的交易"),
            attach="",
            total_fen=row["total_fen"],
        )

    def with_total(self, total_fen: int | None) -> "Entry":
        """Return the payment row with another amount; refunds and None stay as they are."""
        return self if total_fen is None or self.state == "REFUND" else replace(self, total_fen=total_fen)

    @property
    def paid_fen(self) -> int:
        """Order amount of a payment row; 0 on a refund row."""
        return self.total_fen if self.state == "SUCCESS" else 0

    @property
    def fee_yuan(self) -> Decimal:
        """Handling fee in yuan: negative on a refund row."""
        return Decimal(self.paid_fen - self.refund_fen) / 100 * FEE_RATE


def render_trades(entries: Sequence[Entry], kind: str) -> str:
    """Return a trade bill: CRLF lines, a backtick before each value, summary last; SUCCESS omits refund columns."""
    columns = [name for name in TRADE_COLUMNS if kind != "SUCCESS" or name not in REFUND_COLUMNS]
    if kind == "REFUND":
        columns += ["退款申请时间", "退款成功时间"]
    lines = [",".join(columns)]
    for entry in entries:
        values = _trade_values(entry)
        lines.append(_line([values[name] for name in columns]))
    fees = sum((entry.fee_yuan for entry in entries), Decimal(0))
    paid, back = sum(entry.paid_fen for entry in entries), sum(entry.refund_fen for entry in entries)
    lines += [
        TRADE_SUMMARY,
        _line([str(len(entries)), yuan(paid), yuan(back), ZERO, f"{fees:.5f}", yuan(paid), yuan(back)]),
    ]
    return "".join(f"{line}\r\n" for line in lines)


def render_fund_flow(entries: Sequence[Entry]) -> str:
    """Return a fund-flow bill of the BASIC account: two LF lines an entry, money and fee, with the running balance."""
    lines, balance = [FLOW_COLUMNS], OPENING_BALANCE_FEN
    income: list[int] = []
    spending: list[int] = []
    for entry in entries:
        fee = int((abs(entry.fee_yuan) * 100).quantize(Decimal(1), ROUND_HALF_UP))
        paid = entry.state == "SUCCESS"
        movements = [("交易" if paid else "退款", entry.paid_fen - entry.refund_fen)]
        if fee:
            movements.append(("扣除交易手续费" if paid else "退还交易手续费", -fee if paid else fee))
        for name, change in movements:
            balance += change
            (income if change > 0 else spending).append(abs(change))
            number = entry.transaction_id if paid else entry.refund_id
            proof = entry.out_trade_no if paid else entry.out_refund_no
            flow = "收入" if change > 0 else "支出"
            lines.append(
                _line(
                    [entry.at, number, number, name, name, flow, yuan(abs(change)), yuan(balance), "system", "", proof]
                )
            )
    totals = [str(len(income) + len(spending)), str(len(income)), yuan(sum(income))]
    lines += [FLOW_SUMMARY, _line([*totals, str(len(spending)), yuan(sum(spending))])]
    return "".join(f"{line}\n" for line in lines)


def yuan(fen: int) -> str:
    """Return fen as a yuan text with two decimals."""
    return f"{Decimal(fen) / 100:.2f}"


def _trade_values(entry: Entry) -> dict[str, str]:
    refunded = entry.state == "REFUND"
    return {
        "交易时间": entry.at,
        "公众账号ID": entry.app_id,
        "商户号": entry.mch_id,
        "特约商户号": entry.sub_mch_id,
        "设备号": "",
        "微信订单号": entry.transaction_id,
        "商户订单号": entry.out_trade_no,
        "用户标识": entry.openid,
        "交易类型": "JSAPI",
        "交易状态": entry.state,
        "付款银行": entry.bank_type,
        "货币种类": "CNY",
        "应结订单金额": yuan(entry.paid_fen),
        "代金券金额": ZERO,
        "微信退款单号": entry.refund_id or "0",
        "商户退款单号": entry.out_refund_no or "0",
        "退款金额": yuan(entry.refund_fen),
        "充值券退款金额": ZERO,
        "退款类型": "ORIGINAL" if refunded else "",
        "退款状态": entry.refund_status,
        "商品名称": entry.description,
        "商户数据包": entry.attach,
        "手续费": f"{entry.fee_yuan:.5f}",
        "费率": "0.60%",
        "订单金额": yuan(entry.paid_fen),
        "申请退款金额": yuan(entry.refund_fen),
        "费率备注": "",
        "退款申请时间": entry.at,
        "退款成功时间": entry.refunded_at,
    }


def _line(values: Sequence[str]) -> str:
    return ",".join(f"`{value}" for value in values)


def _bill_time(text: str) -> str:
    return text[:19].replace("T", " ")
