"""Writes the business bill (业务账单) of one day as Alipay's ZIP of GBK files.

Called by the bill method; knows no HTTP.
"""

import csv
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"
    "商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_SUMMARY_HEADER = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,"
    "卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)
_FEE_RATE = Decimal("0.006")
_EOL = "\r\n"


@dataclass(frozen=True)
class BillLine:
    """One payment, or one refund when `out_request_no` is set; `amount_fen` is positive in both."""

    trade_no: str
    out_trade_no: str
    subject: str
    created: str
    finished: str
    account: str
    amount_fen: int
    out_request_no: str = ""
    remark: str = ""

    @property
    def signed_fen(self) -> int:
        """Money that reached the merchant, in fen; negative for a refund."""
        return -self.amount_fen if self.out_request_no else self.amount_fen

    @property
    def fee_fen(self) -> int:
        """Service fee in fen with the bill's sign: negative when it was taken, positive when given back."""
        fee = (Decimal(self.amount_fen) * _FEE_RATE).quantize(Decimal(1), ROUND_HALF_UP)
        return int(fee) if self.out_request_no else -int(fee)


def yuan(amount_fen: int) -> str:
    """Write fen as the decimal text in yuan that every Alipay interface uses."""
    return f"{Decimal(amount_fen) / 100:.2f}"


def _row(line: BillLine) -> list[str]:
    kind = "退款     " if line.out_request_no else "交易     "
    request_no = f"{line.out_request_no}\t" if line.out_request_no else ""
    amount = yuan(line.signed_fen)
    return [
        f"{line.trade_no}\t", f"{line.out_trade_no}\t", kind, line.subject, line.created, line.finished,
        "\t", "", "", "\t", f"{line.account}\t",
        amount, amount, "0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00", "0.00",
        request_no, yuan(line.fee_fen), "0.00", line.remark,
    ]  # fmt: skip


def _detail(seller_id: str, bill_on: date, lines: list[BillLine], exported: datetime) -> str:
    table = io.StringIO()
    csv.writer(table, lineterminator=_EOL).writerows(_row(line) for line in lines)
    payments = [line for line in lines if not line.out_request_no]
    refunds = [line for line in lines if line.out_request_no]
    until = bill_on + timedelta(days=1)
    head = [
        "#支付宝业务明细查询",
        f"#账号：[{seller_id}0156]",
        f"#起始日期：[{bill_on:%Y年%m月%d日} 00:00:00]   终止日期：[{until:%Y年%m月%d日} 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------------",
        HEADER,
    ]
    paid, refunded = (yuan(sum(line.signed_fen for line in part)) for part in (payments, refunds))
    tail = [
        "#-----------------------------------------业务明细列表结束------------------------------------",
        f"#交易合计：{len(payments)}笔，商家实收共{paid}元，商家优惠共0.00元",
        f"#退款合计：{len(refunds)}笔，商家实收退款共{refunded}元，商家优惠退款共0.00元",
        f"#导出时间：[{exported:%Y年%m月%d日 %H:%M:%S}]",
    ]
    return _EOL.join(head) + _EOL + table.getvalue() + _EOL.join(tail) + _EOL


def _summary(seller_id: str, lines: list[BillLine]) -> str:
    refunds = sum(1 for line in lines if line.out_request_no)
    total_fen, fee_fen = sum(line.signed_fen for line in lines), sum(line.fee_fen for line in lines)
    total, fee, net = yuan(total_fen), yuan(fee_fen), yuan(total_fen + fee_fen)
    rows = [
        "#支付宝业务汇总查询",
        f"#账号：[{seller_id}0156]",
        "#-----------------------------------------业务汇总列表----------------------------------------",
        _SUMMARY_HEADER,
        f"合计,,{len(lines) - refunds},{refunds},{total},{total},0.00,0.00,0.00,{fee},0.00,{net}",
        "#-----------------------------------------业务汇总列表结束------------------------------------",
    ]
    return _EOL.join(rows) + _EOL


def _gbk_named_zip(files: dict[str, str]) -> bytes:
    """Zip GBK texts under GBK names without the UTF-8 flag, which zipfile itself would set.

    The names are written as ASCII placeholders of the same byte length and replaced afterwards.
    """
    names = {f"{index}{'=' * (len(name.encode('gbk')) - 1)}": name for index, name in enumerate(files)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for placeholder, name in names.items():
            archive.writestr(placeholder, files[name].encode("gb18030"))
    content = packed.getvalue()
    for placeholder, name in names.items():
        content = content.replace(placeholder.encode(), name.encode("gbk"))
    return content


def bill_zip(seller_id: str, bill_on: date, lines: Iterable[BillLine], exported: datetime) -> bytes:
    """Pack the day's detail and summary; `exported` is Beijing time.

    Source: 支付宝开放平台 查询对账单下载地址 (trade bill); the column set follows published parsers.
    """
    listed = list(lines)
    stem = f"{seller_id}0156_{bill_on:%Y%m%d}_业务明细"
    return _gbk_named_zip(
        {
            f"{stem}.csv": _detail(seller_id, bill_on, listed, exported),
            f"{stem}(汇总).csv": _summary(seller_id, listed),
        }
    )
