"""Bill files of the simulated WeChat Pay: readiness, hash, columns, seeded discrepancies, fund flow."""

import gzip
import hashlib
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import pytest

BEIJING = timezone(timedelta(hours=8))
REFUNDS = "/v3/refund/domestic/refunds"


@pytest.fixture
def today():
    """The Beijing date of the providers' clock before it is moved."""
    return f"{datetime.now(BEIJING):%Y-%m-%d}"


def _fetch(pay, path):
    """Apply for a bill, download it by the signed URL as given, check the hash, return rows by column and summary."""
    ticket = pay("GET", path).json()
    parts = urlsplit(ticket["download_url"])
    reply = pay("GET", f"{parts.path}?{parts.query}")
    assert "wechatpay-signature" not in reply.headers
    plain = gzip.decompress(reply.body) if "tartype=gzip" in parts.query else reply.body
    assert ticket["hash_value"] == hashlib.sha1(plain).hexdigest()
    lines = plain.decode().splitlines()
    header, rows = lines[0].split(","), [line.removeprefix("`").split(",`") for line in lines[1:-2]]
    summary = dict(zip(lines[-2].split(","), lines[-1].removeprefix("`").split(",`"), strict=True))
    return [dict(zip(header, row, strict=True)) for row in rows], summary


def _seed(sim, day, **seeds):
    sim.control("POST", "/wechat_pay/bills", {"date": day, **seeds})


def test_bill_is_ready_the_next_day_at_ten(pay, sim, today):
    pay.paid()
    path = f"/v3/bill/tradebill?bill_date={today}&bill_type=ALL"
    assert pay("GET", path).json()["code"] == "INVALID_REQUEST"
    now = datetime.now(BEIJING)
    midnight = now.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    sim.control("PUT", "/clock", {"offset_seconds": int((midnight - now).total_seconds()) + 9 * 3600})
    assert pay("GET", path).json()["code"] == "STATEMENT_CREATING"
    sim.control("PUT", "/clock", {"offset_seconds": int((midnight - now).total_seconds()) + 11 * 3600})
    rows, _ = _fetch(pay, path)
    assert [row["商户订单号"] for row in rows] == ["SJT0001"]
    empty = path.replace(today, f"{now - timedelta(days=5):%Y-%m-%d}")
    assert pay("GET", empty).json()["code"] == "NO_STATEMENT_EXIST"


def test_trade_bill_lists_payments_and_refunds_in_yuan(pay, sim, today):
    pay.paid(description="驾驶证补证,含寄递费")
    pay("POST", REFUNDS, pay.refund(1500))
    _seed(sim, today)
    rows, summary = _fetch(pay, f"/v3/bill/tradebill?bill_date={today}&bill_type=ALL&tar_type=GZIP")
    payment, refund = sorted(rows, key=lambda row: row["交易状态"], reverse=True)
    assert len(payment) == 27
    assert (payment["订单金额"], payment["商品名称"], payment["手续费"]) == ("40.00", "驾驶证补证,含寄递费", "0.24000")
    assert (refund["申请退款金额"], refund["商户退款单号"], refund["退款状态"]) == ("15.00", "SJTR0001", "PROCESSING")
    assert (summary["总交易单数"], summary["订单总金额"], summary["申请退款总金额"]) == ("2", "40.00", "15.00")


def test_success_and_refund_bills_have_their_own_columns(pay, sim, today):
    pay.paid()
    pay("POST", REFUNDS, pay.refund(4000))
    _seed(sim, today)
    ((payment,), _) = _fetch(pay, f"/v3/bill/tradebill?bill_date={today}&bill_type=SUCCESS")
    ((refund,), _) = _fetch(pay, f"/v3/bill/tradebill?bill_date={today}&bill_type=REFUND")
    assert "微信退款单号" not in payment
    assert refund["退款申请时间"].startswith(today)


def test_seeds_drop_add_and_change_rows(pay, sim, today):
    for number in ("SJT0001", "SJT0002", "SJT0003"):
        pay.paid(out_trade_no=number)
    added = {"out_trade_no": "SJT9999", "total_fen": 123}
    _seed(sim, today, drop=["SJT0001"], add=[added], change_amount={"SJT0002": 4001})
    rows, summary = _fetch(pay, f"/v3/bill/tradebill?bill_date={today}&bill_type=ALL")
    amounts = {row["商户订单号"]: row["订单金额"] for row in rows}
    assert amounts == {"SJT0002": "40.01", "SJT0003": "40.00", "SJT9999": "1.23"}
    assert summary["订单总金额"] == "81.24"


def test_fund_flow_bill_balances(pay, sim, today):
    pay.paid()
    pay("POST", REFUNDS, pay.refund(4000))
    _seed(sim, today)
    rows, summary = _fetch(pay, f"/v3/bill/fundflowbill?bill_date={today}&account_type=BASIC&tar_type=GZIP")
    assert [(row["业务名称"], row["收支类型"], row["收支金额（元）"]) for row in rows] == [
        ("交易", "收入", "40.00"),
        ("扣除交易手续费", "支出", "0.24"),
        ("退款", "支出", "40.00"),
        ("退还交易手续费", "收入", "0.24"),
    ]
    assert summary["收入金额"] == summary["支出金额"] == "40.24"


def test_download_needs_our_own_ticket_and_an_exact_signature(pay, partner, sim, today):
    pay.paid()
    _seed(sim, today)
    url = urlsplit(pay("GET", f"/v3/bill/tradebill?bill_date={today}").json()["download_url"])
    path = f"{url.path}?{url.query}"
    assert "%2B%3D" in path
    assert pay("GET", path.replace("%2B", "+"), signed_path=path).status == 401
    assert partner("GET", path).json()["code"] == "NO_AUTH"
    assert pay("GET", "/v3/billdownload/file?token=nonsense").json()["code"] == "INVALID_REQUEST"
    assert pay("GET", path).status == 200


def test_control_refuses_malformed_seeds(sim, today):
    assert sim.control_error("POST", "/wechat_pay/bills", {"date": today, "add": [{"out_trade_no": "x"}]})[0] == 400
    assert sim.control_error("POST", "/wechat_pay/bills", {"drop": []})[0] == 400
