"""The bill: the vector's ZIP row by row, hostile archives, and the download over HTTP."""

import base64
import io
import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from app.money import parse_yuan
from clients.alipay.bill_rows import read_bill
from clients.alipay.bills import download_trade_bill
from clients.alipay.config import AlipayApp

VECTOR = json.loads((Path(__file__).parents[3] / "vectors" / "alipay.json").read_text())["bill_zip"]
ZIP = base64.b64decode(VECTOR["zip_base64"])
DAY = date(2026, 1, 15)
pytestmark = pytest.mark.anyio


def test_bill_of_the_vector_reads_to_its_rows() -> None:
    payment, refund = read_bill(io.BytesIO(ZIP))
    [expected] = VECTOR["expect"]["payments"]
    assert (payment.trade_no, payment.out_trade_no, payment.is_refund) == (
        expected["trade_no"],
        expected["out_trade_no"],
        False,
    )
    assert payment.amount_fen == parse_yuan(expected["order_amount"]) == 6850
    assert (payment.received_fen, payment.service_fee_fen) == (6850, -41)
    assert payment.finished_at == datetime(2026, 1, 15, 1, 31, 11, tzinfo=UTC)
    [expected] = VECTOR["expect"]["refunds"]
    assert (refund.is_refund, refund.amount_fen, refund.service_fee_fen) == (True, -1000, 6)
    assert (refund.out_request_no, refund.remark) == (expected["out_request_no"], expected["remark"])


def archive(name: str, content: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)
    file.seek(0)
    return file


def bill_text() -> str:
    with zipfile.ZipFile(io.BytesIO(ZIP)) as packed:
        return packed.read(packed.infolist()[0]).decode("gb18030")


def test_columns_are_found_by_heading_not_by_place() -> None:
    shuffled = (
        "完成时间,业务类型,服务费（元）,商家实收（元）,订单金额（元）,退款批次号/请求号,商户订单号,支付宝交易号\n"
    )
    row = "2026-01-15 09:31:11,交易,,1.00,1.00,,SJT1,2026\n"
    [read] = read_bill(archive("x_业务明细.csv", (shuffled + row).encode("gb18030")))
    assert (read.out_trade_no, read.amount_fen, read.service_fee_fen) == ("SJT1", 100, 0)


def test_path_in_an_entry_name_is_never_used() -> None:
    rows = list(read_bill(archive("../../etc/业务明细.csv", bill_text().encode("gb18030"))))
    assert len(rows) == 2


@pytest.mark.parametrize(
    "file",
    [
        io.BytesIO(b"not a zip"),
        io.BytesIO(b""),
        io.BytesIO(ZIP[:400] + b"\x00" * 40 + ZIP[440:]),
        archive("other.csv", b"x"),
        archive("x_业务明细.csv", b""),
        archive("x_业务明细.csv", "支付宝交易号,商户订单号\n1,2\n".encode("gb18030")),
        archive("x_业务明细.csv", bill_text().replace("68.50,68.50", "lots,68.50").encode("gb18030")),
        archive("x_业务明细.csv", b"\xff\xff\xff"),
    ],
    ids=["text", "empty", "damaged", "no_detail", "no_heading", "missing_columns", "bad_amount", "bad_encoding"],
)
def test_bill_that_is_not_as_it_should_be_is_a_protocol_error(file: io.BytesIO) -> None:
    with pytest.raises(ProviderProtocolError):
        list(read_bill(file))


async def test_bill_is_downloaded_from_the_address_given(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    wired.fake.files["/bill/download"] = ZIP
    url = f"{wired.base_url}/bill/download?token=a%2Fb"
    wired.fake.script = lambda call: {"code": "10000", "bill_download_url": url}
    file = io.BytesIO()
    assert await download_trade_bill(wired.gateway, DAY, file) is True
    assert file.read() == ZIP
    assert wired.fake.calls[0].content() == {"bill_type": "trade", "bill_date": "2026-01-15"}


@pytest.mark.parametrize(
    "answer",
    [
        {"code": "40004", "sub_code": "isp.bill_not_exist"},
        {"code": "40004", "sub_code": "NO_BILL_DATA"},
        {"code": "10000", "bill_file_code": "EMPTY_DATA_WITH_BILL_FILE"},
    ],
)
async def test_day_without_bill_is_no_failure(answer: dict[str, str], app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    wired.fake.script = lambda call: answer
    assert await download_trade_bill(wired.gateway, DAY, io.BytesIO()) is False


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1:1/bill",
        "https://alipay.com.example.org/x",
        "file:///etc/passwd",
        "https://evil-alipay.com/x",
    ],
)
async def test_bill_address_outside_alipay_is_refused(url: str, app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    wired.fake.script = lambda call: {"code": "10000", "bill_download_url": url}
    with pytest.raises(ProviderProtocolError) as refused:
        await download_trade_bill(wired.gateway, DAY, io.BytesIO())
    assert refused.value.details["reason"] == "foreign_bill_address"


async def test_refused_bill_and_broken_download_are_told_apart(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    wired.fake.script = lambda call: {"code": "40004", "sub_code": "INVAILID_ARGUMENTS"}
    with pytest.raises(ProviderRejected):
        await download_trade_bill(wired.gateway, DAY, io.BytesIO())
    wired.fake.script = lambda call: {"code": "10000", "bill_download_url": f"{wired.base_url}/gone"}
    with pytest.raises(ProviderUnavailable):
        await download_trade_bill(wired.gateway, DAY, io.BytesIO())
