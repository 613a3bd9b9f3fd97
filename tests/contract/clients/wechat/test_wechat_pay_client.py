"""The pay client over a real port: what it sends is what it signs, what it believes is what WeChat Pay signed."""

import base64
import gzip
import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.transport import Transport
from clients.wechat.config import PayMerchant
from clients.wechat.pay_bill_files import PayBillFiles
from clients.wechat.pay_bills import read_trade_bill
from clients.wechat.pay_client import PayClient
from clients.wechat.pay_keys import KeyStore
from clients.wechat.pay_types import BillLink, PrepayOrder, RefundOrder
from clients.wechat.pay_wire import PayWire

from .conftest import IDS, KEYS, NOW, VECTORS, Desk, all_keys, signed_headers

pytestmark = pytest.mark.anyio
PREPAY, REFUNDS = "/v3/pay/transactions/jsapi", "/v3/refund/domestic/refunds"
NUMBER = "SJT20260101090000000001"
QUERY = f"/v3/pay/transactions/out-trade-no/{NUMBER}"
ORDER = PrepayOrder(
    app_id=IDS["appid"],
    payer_openid=IDS["openid"],
    out_trade_no=NUMBER,
    description="居民身份证补领工本费",
    amount_fen=4000,
    notify_url="https://example.invalid/pay/wechat/notify",
    expires_at=datetime(2026, 1, 1, 1, 30, tzinfo=UTC),
    attach="业务=身份证补领",
    payer_client_ip="203.0.113.9",
)


@pytest.fixture
def wire(desk: Desk, session: aiohttp.ClientSession, merchant: PayMerchant) -> PayWire:
    account = replace(merchant, base_url=desk.base_url)
    return PayWire(account, Transport(session, "wechat_pay"), KeyStore(all_keys()), now=lambda: NOW)


@pytest.fixture
def client(wire: PayWire) -> PayClient:
    return PayClient(wire)


def partner_of(wire: PayWire) -> PayClient:
    account = replace(wire.merchant, mch_id=IDS["sp_mchid"], sp_app_id=IDS["sp_appid"], sub_mch_id=IDS["sub_mchid"])
    return PayClient(PayWire(account, wire.transport, wire.keys, now=wire.now))


def check_signed(method: str, path: str, headers: Any, body: bytes, merchant: PayMerchant) -> None:
    """Verify our own Authorization as WeChat Pay would, over what arrived."""
    scheme, _, fields = headers["Authorization"].partition(" ")
    given = dict(part.split("=", 1) for part in fields.split(","))
    value = {name: text.strip('"') for name, text in given.items()}
    message = f"{method}\n{path}\n{value['timestamp']}\n{value['nonce_str']}\n".encode() + body + b"\n"
    signature = base64.b64decode(value["signature"])
    merchant.private_key.public_key().verify(signature, message, PKCS1v15(), SHA256())
    assert (scheme, value["mchid"]) == ("WECHATPAY2-SHA256-RSA2048", merchant.mch_id)


async def test_prepay_sends_the_vector_order_signed_over_its_bytes(
    client: PayClient, wire: PayWire, desk: Desk
) -> None:
    desk.signs("POST", PREPAY, 200, b'{"prepay_id":"wx0109"}')
    assert await client.prepay(ORDER) == "wx0109"
    ((method, path, headers, body),) = desk.asked
    check_signed(method, path, headers, body, wire.merchant)
    vector = json.loads(VECTORS["authorization"][1]["body"])
    del vector["settle_info"]
    assert json.loads(body) == vector
    assert "\\u" not in body.decode()
    assert headers["Wechatpay-Serial"] == KEYS["wechatpay_public"]["public_key_id"]
    assert (headers["Accept"], headers["Content-Type"]) == ("application/json", "application/json")
    assert client.prepay_body(ORDER) == body


async def test_partner_prepay_equals_the_vector(wire: PayWire, desk: Desk) -> None:
    client = partner_of(wire)
    desk.signs("POST", "/v3/pay/partner/transactions/jsapi", 200, b'{"prepay_id":"wx0109"}')
    vector = json.loads(VECTORS["authorization"][7]["body"])
    order = PrepayOrder(
        app_id=IDS["sub_appid"],
        payer_openid=IDS["sub_openid"],
        out_trade_no=vector["out_trade_no"],
        description=vector["description"],
        amount_fen=1000,
        notify_url=vector["notify_url"],
        expires_at=ORDER.expires_at,
    )
    await client.prepay(order)
    sent = json.loads(desk.asked[0][3])
    assert sent.pop("time_expire") == "2026-01-01T09:30:00+08:00"
    assert sent == vector
    by_provider = json.loads(client.prepay_body(replace(order, app_id=IDS["sp_appid"], payer_openid="oSP")))
    assert by_provider["payer"] == {"sp_openid": "oSP"}
    assert "sub_appid" not in by_provider


async def test_partner_calls_carry_both_numbers(wire: PayWire, desk: Desk) -> None:
    client = partner_of(wire)
    order_path = f"/v3/pay/partner/transactions/out-trade-no/{NUMBER}"
    desk.signs("GET", order_path, 200, json.dumps({"out_trade_no": NUMBER, "trade_state": "NOTPAY"}).encode())
    desk.signs("POST", f"{order_path}/close", 204, b"")
    assert (await client.query_order(NUMBER)).trade_state == "NOTPAY"
    await client.close_order(NUMBER)
    asked, closed = desk.asked
    assert asked[1] == f"{order_path}?sp_mchid=1900000100&sub_mchid=1900000109"
    assert json.loads(closed[3]) == {"sp_mchid": "1900000100", "sub_mchid": "1900000109"}


async def test_query_and_close_send_the_vector_requests(client: PayClient, wire: PayWire, desk: Desk) -> None:
    paid = VECTORS["notifications"][0]["plaintext"].encode()
    desk.signs("GET", QUERY, 200, paid)
    desk.signs("POST", f"{QUERY}/close", 204, b"")
    seen = await client.query_order(NUMBER)
    assert (seen.trade_state, seen.amount and seen.amount.total) == ("SUCCESS", 4000)
    await client.close_order(NUMBER)
    for (method, path, headers, body), case in zip(desk.asked, (0, 2), strict=True):
        check_signed(method, path, headers, body, wire.merchant)
        vector = VECTORS["authorization"][case]
        assert (method, path, body.decode()) == (vector["method"], vector["path_and_query"], vector["body"])


async def test_refund_and_its_query(client: PayClient, desk: Desk) -> None:
    answer = {
        "refund_id": "5030",
        "out_refund_no": "SJTR20260101090000000001",
        "transaction_id": "4200",
        "out_trade_no": NUMBER,
        "status": "PROCESSING",
        "amount": {"total": 4000, "refund": 4000, "payer_total": 4000, "payer_refund": 4000, "currency": "CNY"},
    }
    desk.signs("POST", REFUNDS, 200, json.dumps(answer).encode())
    done = answer | {"status": "SUCCESS", "success_time": "2026-01-01T09:10:00+08:00"}
    desk.signs("GET", f"{REFUNDS}/SJTR20260101090000000001", 200, json.dumps(done).encode())
    vector = json.loads(VECTORS["authorization"][3]["body"])
    order = RefundOrder(NUMBER, vector["out_refund_no"], 4000, 4000, vector["reason"], vector["notify_url"])
    assert (await client.refund(order)).state == "PROCESSING"
    assert json.loads(desk.asked[0][3]) == vector
    refund = await client.query_refund("SJTR20260101090000000001")
    assert (refund.state, refund.success_at) == ("SUCCESS", datetime(2026, 1, 1, 1, 10, tzinfo=UTC))


async def test_success_answer_that_is_not_proved_is_never_a_success(client: PayClient, desk: Desk) -> None:
    body = b'{"prepay_id":"wx0109"}'
    good = signed_headers(body)
    reasons = {
        "headers": {},
        "stale": signed_headers(body, at=datetime.fromtimestamp(NOW.timestamp() - 300, UTC)),
        "unknown_serial": good | {"Wechatpay-Serial": "PUB_KEY_ID_other"},
        "signature": signed_headers(b"{}"),
        "expired_certificate": signed_headers(body, "platform_cert_expired"),
    }
    for reason, headers in reasons.items():
        desk.says("POST", PREPAY, 200, body, headers)
        with pytest.raises(ProviderProtocolError) as refusal:
            await client.prepay(ORDER)
        assert refusal.value.details["reason"] == reason


@pytest.mark.parametrize("body", [b"", b"{}", b'{"prepay_id": null}', b"[]", b"\xff"])
async def test_signed_but_unreadable_answer_is_a_protocol_error(body: bytes, client: PayClient, desk: Desk) -> None:
    desk.signs("POST", PREPAY, 200, body)
    with pytest.raises(ProviderProtocolError) as refusal:
        await client.prepay(ORDER)
    assert refusal.value.details["reason"] == "unreadable_answer"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "ORDERPAID", "ORDER_PAID"),
        (500, "ORDER_PAID", "ORDER_PAID"),
        (404, "ORDERNOTEXIST", "ORDER_NOT_EXIST"),
        (403, "OUT_TRADE_NO_USED", "OUT_TRADE_NO_USED"),
        (403, "NOTENOUGH", "NOT_ENOUGH"),
        (500, "INVALID_TRANSACTIONID", "INVALID_TRANSACTION_ID"),
        (400, "PARAM_ERROR", "PARAM_ERROR"),
        (302, "", "HTTP_302"),
    ],
)
async def test_refusal_is_named_by_one_spelling_of_its_code(
    status: int, code: str, expected: str, client: PayClient, desk: Desk
) -> None:
    fault = json.dumps({"code": code, "message": "原因", "detail": {}}).encode()
    desk.says("POST", PREPAY, status, fault, {"Request-ID": "08F-1-268449538"})
    with pytest.raises(ProviderRejected) as refusal:
        await client.prepay(ORDER)
    assert refusal.value.provider_code == expected
    assert refusal.value.retryable is (expected == "NOT_ENOUGH")
    assert refusal.value.details["cause"] == "268449538"
    assert len(desk.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "code", "tries"),
    [
        (500, b'{"code":"SYSTEM_ERROR"}', "SYSTEM_ERROR", 3),
        (502, b"<html>bad gateway</html>", "", 3),
        (500, b'{"code":' + b"[" * 50_000, "", 3),
        (429, b'{"code":"RATELIMIT_EXCEEDED"}', "FREQUENCY_LIMITED", 1),
    ],
)
async def test_busy_provider_leaves_the_outcome_unknown(
    status: int, body: bytes, code: str, tries: int, client: PayClient, desk: Desk
) -> None:
    desk.says("POST", PREPAY, status, body)
    with pytest.raises(ProviderUnavailable) as refusal:
        await client.prepay(ORDER)
    assert refusal.value.details["provider_code"] == code
    assert refusal.value.details["nothing_sent"] is False
    assert len(desk.asked) == tries
    nonces = {headers["Authorization"].split('nonce_str="')[1][:32] for _, _, headers, _ in desk.asked}
    assert len(nonces) == tries
    assert len({received for *_, received in desk.asked}) == 1


async def test_certificate_list_vector_gives_both_certificates(client: PayClient, desk: Desk) -> None:
    vector = VECTORS["certificates_response"]
    desk.says("GET", "/v3/certificates", 200, vector["body"].encode(), vector["headers"])
    found = await client.fetch_certificates()
    assert [key.key_id for key in found] == [item["serial_no"] for item in vector["expected"]]
    assert all(key.expires_at is not None for key in found)


async def test_first_certificate_download_is_proved_by_its_own_content(wire: PayWire, desk: Desk) -> None:
    vector = VECTORS["certificates_response"]
    alone = PayClient(PayWire(wire.merchant, wire.transport, KeyStore([]), now=wire.now))
    desk.says("GET", "/v3/certificates", 200, vector["body"].encode(), vector["headers"])
    assert len(await alone.fetch_certificates()) == 2
    changed = vector["headers"] | {"Wechatpay-Nonce": "0"}
    desk.says("GET", "/v3/certificates", 200, vector["body"].encode(), changed)
    with pytest.raises(ProviderProtocolError) as refusal:
        await alone.fetch_certificates()
    assert refusal.value.details["reason"] == "signature"


async def test_certificate_list_under_another_apiv3_key_is_refused(wire: PayWire, desk: Desk) -> None:
    vector = VECTORS["certificates_response"]
    other = PayClient(PayWire(replace(wire.merchant, apiv3_key="N" * 32), wire.transport, wire.keys, now=wire.now))
    desk.says("GET", "/v3/certificates", 200, vector["body"].encode(), vector["headers"])
    with pytest.raises(ProviderProtocolError) as refusal:
        await other.fetch_certificates()
    assert refusal.value.details["reason"] == "decrypt"


def bill_link(desk: Desk, case: dict[str, Any]) -> dict[str, str]:
    url = f"{desk.base_url}/v3/billdownload/file?token=AbC-_09%2Bx%3D%3D&tartype=gzip"
    return {"hash_type": "SHA1", "hash_value": case["csv_sha1_hex"], "download_url": url}


@pytest.mark.parametrize("case", VECTORS["bills"], ids=lambda case: case["name"])
@pytest.mark.parametrize("form", ["gzip_b64", "csv_b64"])
async def test_bill_is_fetched_unpacked_and_checked(case: dict[str, Any], form: str, wire: PayWire, desk: Desk) -> None:
    files = PayBillFiles(wire)
    desk.signs("GET", "/v3/bill/tradebill", 200, json.dumps(bill_link(desk, case)).encode())
    desk.says("GET", "/v3/billdownload/file", 200, base64.b64decode(case[form]))
    link = await files.trade_bill(date(2025, 12, 31))
    assert link is not None
    target = io.BytesIO()
    await files.download(link, target)
    assert target.getvalue() == base64.b64decode(case["csv_b64"])
    for (method, path, headers, body), vector in zip(desk.asked, (4, 5), strict=True):
        check_signed(method, path, headers, body, wire.merchant)
        assert path == VECTORS["authorization"][vector]["path_and_query"]


@pytest.mark.parametrize("piece_bytes", [997, 10_000_000])
async def test_large_bill_in_any_pieces_is_unpacked(piece_bytes: int, wire: PayWire, desk: Desk) -> None:
    first = VECTORS["bills"][0]
    header, row, *_ = base64.b64decode(first["csv_b64"]).splitlines(keepends=True)
    plain = header + row * 40_000 + "总交易单数\r\n`40000\r\n".encode()
    packed = gzip.compress(plain)

    async def pour(request: web.Request, received: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(packed[:1])
        for start in range(1, len(packed), piece_bytes):
            await response.write(packed[start : start + piece_bytes])
        return response

    desk.on("GET", "/v3/billdownload/file", pour)
    link = BillLink("SHA1", hashlib.sha1(plain).hexdigest(), bill_link(desk, first)["download_url"])
    target = io.BytesIO()
    await PayBillFiles(wire).download(link, target)
    target.seek(0)
    assert sum(row.order_fen for row in read_trade_bill(target)) == 40_000 * 4000


@pytest.mark.parametrize(
    ("change", "served", "reason"),
    [
        ({"hash_value": "0" * 40}, None, "hash_differs"),
        ({}, b"\x1f\x8b rubbish", "not_gzip"),
        ({"hash_type": "MD5"}, None, "unexpected_link"),
        ({"download_url": "http://127.0.0.2:1/v3/billdownload/file?token=x"}, None, "unexpected_link"),
    ],
)
async def test_wrong_bill_file_is_refused(
    change: dict[str, str], served: bytes | None, reason: str, wire: PayWire, desk: Desk
) -> None:
    case = VECTORS["bills"][0]
    desk.says("GET", "/v3/billdownload/file", 200, served or base64.b64decode(case["gzip_b64"]))
    with pytest.raises(ProviderProtocolError) as refusal:
        await PayBillFiles(wire).download(BillLink(**(bill_link(desk, case) | change)), io.BytesIO())
    assert refusal.value.details["reason"] == reason


async def test_cut_bill_file_is_refused(wire: PayWire, desk: Desk) -> None:
    case = VECTORS["bills"][0]
    desk.says("GET", "/v3/billdownload/file", 200, base64.b64decode(case["gzip_b64"])[:-12])
    with pytest.raises(ProviderProtocolError, match="provider_protocol_error"):
        await PayBillFiles(wire).download(BillLink(**bill_link(desk, case)), io.BytesIO())


async def test_day_without_trades_has_no_bill_and_an_unfinished_one_comes_later(wire: PayWire, desk: Desk) -> None:
    files = PayBillFiles(wire)
    desk.says("GET", "/v3/bill/fundflowbill", 400, b'{"code":"NO_STATEMENT_EXIST","message":"-"}')
    assert await files.fund_flow_bill(date(2026, 1, 1)) is None
    desk.says("GET", "/v3/bill/fundflowbill", 400, b'{"code":"STATEMENT_CREATING","message":"-"}')
    with pytest.raises(ProviderRejected) as refusal:
        await files.fund_flow_bill(date(2026, 1, 1))
    assert refusal.value.retryable
    desk.says("GET", "/v3/billdownload/file", 404, b'{"code":"RESOURCE_NOT_EXISTS"}')
    with pytest.raises(ProviderRejected):
        await files.download(BillLink(**bill_link(desk, VECTORS["bills"][0])), io.BytesIO())


def test_secrets_do_not_show_in_repr(merchant: PayMerchant) -> None:
    assert merchant.apiv3_key not in repr(merchant)
    with pytest.raises(ValueError, match="32 bytes"):
        replace(merchant, apiv3_key="short")
    with pytest.raises(ValueError, match="sp_app_id"):
        replace(merchant, sub_mch_id="1900000109")
