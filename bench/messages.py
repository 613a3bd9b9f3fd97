"""Makes the bytes that the load generator sends: plain HTTP/1.1 requests, and signed WeChat Pay notifications."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app import clock
from app.settings import Settings
from bench.seeding import AMOUNT_FEN, PAYER, out_trade_no, shipment_no

_HEAD = "Host: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n"


def get(path: str, token: str = "") -> bytes:
    """Make a GET request, signed in where a token is given."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\n{_HEAD}{bearer}\r\n".encode()


def post(
    path: str, body: bytes, headers: dict[str, str] | None = None, content_type: str = "application/json"
) -> bytes:
    """Make a POST request, with a JSON body unless another type is named."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = f"POST {path} HTTP/1.1\r\n{_HEAD}Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
    return head.encode() + body


@dataclass(frozen=True, slots=True)
class Platform:
    """WeChat Pay's side of the demo keys: it can notify of a payment.

    Source: WeChat Pay, 支付成功回调通知; APIv3 证书和回调报文解密; 如何验证签名.
    """

    settings: Settings
    key_id: str
    key: RSAPrivateKey

    @property
    def path(self) -> str:
        """The address of the product that takes notifications."""
        return f"/callbacks/wechat-pay/{self.settings.wechat_pay_mch_id}"

    def notification(self, path: str, number: int) -> bytes:
        """Make the signed notification that the order of this number was paid."""
        body = self._body(number)
        timestamp, nonce = str(int(clock.timestamp())), secrets.token_hex(16)
        signature = self.key.sign(f"{timestamp}\n{nonce}\n".encode() + body + b"\n", PKCS1v15(), SHA256())
        headers = {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self.key_id,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }
        return post(path, body, headers)

    def _body(self, number: int) -> bytes:
        nonce = secrets.token_hex(6)
        plain = msgspec.json.encode(self._transaction(number))
        sealed = AESGCM(self.settings.wechat_pay_apiv3_key.encode()).encrypt(nonce.encode(), plain, b"transaction")
        return msgspec.json.encode(
            {
                "id": f"EV-bench-{number:010d}",
                "create_time": clock.rfc3339(clock.now()),
                "resource_type": "encrypt-resource",
                "event_type": "TRANSACTION.SUCCESS",
                "summary": "支付成功",
                "resource": {
                    "original_type": "transaction",
                    "algorithm": "AEAD_AES_256_GCM",
                    "ciphertext": base64.b64encode(sealed).decode(),
                    "associated_data": "transaction",
                    "nonce": nonce,
                },
            }
        )

    def _transaction(self, number: int) -> dict[str, object]:
        return {
            "mchid": self.settings.wechat_pay_mch_id,
            "appid": self.settings.wechat_app_id,
            "out_trade_no": out_trade_no(number),
            "transaction_id": f"42000{number:023d}",
            "trade_type": "JSAPI",
            "trade_state": "SUCCESS",
            "trade_state_desc": "支付成功",
            "bank_type": "OTHERS",
            "attach": "",
            "success_time": clock.rfc3339(datetime.now(UTC)),
            "payer": {"openid": PAYER},
            "amount": {"total": AMOUNT_FEN, "payer_total": AMOUNT_FEN, "currency": "CNY", "payer_currency": "CNY"},
        }


@dataclass(frozen=True, slots=True)
class Alipay:
    """Alipay's side of the demo keys: it can notify of a payment. Source: Alipay open platform, 异步通知说明."""

    settings: Settings
    key: RSAPrivateKey

    @property
    def path(self) -> str:
        """The address of the product that takes notifications."""
        return f"/callbacks/alipay/{self.settings.alipay_app_id}"

    def notification(self, path: str, number: int) -> bytes:
        """Make the signed notification that the order of this number was paid."""
        fields = self._fields(number)
        signed = "&".join(f"{name}={value}" for name, value in sorted(fields.items())).encode()
        signature = base64.b64encode(self.key.sign(signed, PKCS1v15(), SHA256())).decode()
        body = urlencode({**fields, "sign_type": "RSA2", "sign": signature}).encode()
        return post(path, body, content_type="application/x-www-form-urlencoded; charset=utf-8")

    def _fields(self, number: int) -> dict[str, str]:
        moment = clock.to_beijing(clock.now()).strftime("%Y-%m-%d %H:%M:%S")
        amount = f"{AMOUNT_FEN / 100:.2f}"
        return {
            "notify_time": moment,
            "notify_type": "trade_status_sync",
            "notify_id": f"{number:034d}",
            "app_id": self.settings.alipay_app_id,
            "auth_app_id": self.settings.alipay_app_id,
            "charset": "utf-8",
            "version": "1.0",
            "trade_no": f"20250102220{number:017d}",
            "out_trade_no": out_trade_no(number, "ALIPAY"),
            "buyer_open_id": PAYER,
            "seller_id": self.settings.alipay_seller_id,
            "trade_status": "TRADE_SUCCESS",
            "total_amount": amount,
            "receipt_amount": amount,
            "buyer_pay_amount": amount,
            "subject": "居民身份证补领工本费",
            "gmt_create": moment,
            "gmt_payment": moment,
            "fund_bill_list": f'[{{"amount":"{amount}","fundChannel":"ALIPAYACCOUNT"}}]',
        }


def route_push(path: str, number: int) -> bytes:
    """Make SF's push that the parcel of this number was picked up. Source: 丰桥 路由推送接口 RoutePushService."""
    node = {
        "id": f"{number:015d}",
        "mailno": f"SF7{number:012d}",
        "orderid": shipment_no(number),
        "acceptTime": f"{clock.to_beijing(clock.now()):%Y-%m-%d %H:%M:%S}",
        "acceptAddress": "太原市",
        "remark": "顺丰速运 已收取快件",
        "opCode": "50",
    }
    return post(path, msgspec.json.encode({"Body": {"WaybillRoute": [node]}}))


def alipay(settings: Settings) -> Alipay:
    """Read Alipay's private key, which demo mode has made beside the public one."""
    public_file = Path(settings.alipay_public_key)
    key = load_pem_private_key(public_file.with_name(public_file.name.replace(".pub", "")).read_bytes(), None)
    return Alipay(settings, cast(RSAPrivateKey, key))


def platform(settings: Settings) -> Platform:
    """Read the platform's private key, which demo mode has made beside the public one."""
    key_id, _, public_file = settings.wechat_pay_public_keys.partition("=")
    private_file = Path(public_file).with_name("wechat_pay_platform.pem")
    key = load_pem_private_key(private_file.read_bytes(), None)
    return Platform(settings, key_id, cast(RSAPrivateKey, key))
