"""The floor of opening an order: both calls to the providers, signed and verified, and the statements between them.

One handler of bench.floor. No payer, no account, no rules: what is left is what nobody can leave out.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from sanic.response import HTTPResponse, raw

from app import clock
from app.settings import Settings
from bench.providers import FISCAL_PATH, PREPAY_PATH

_BILL = "SELECT id, payment_code, title, amount_fen FROM bill WHERE bill_no = $1 AND status = 'UNPAID'"
_INTENT = """
WITH taken AS (UPDATE bill SET status = 'PAYING', version = version + 1, updated_at = now()
               WHERE id = $2 AND status = 'UNPAID' RETURNING id)
INSERT INTO payment (id, created_at, updated_at, out_trade_no, bill_id, channel, account_id, app_id, mch_id,
       sub_mch_id, payer_subject, amount_fen, status, provider_status, provider_trade_no, request_body,
       prepay_reference, expires_at, asked_count, ask_after)
SELECT $1, now(), now(), $3, id, 'WECHAT', $4, $5, $6, '', $7, $8, 'CREATED', '', '', $9, '', $10, 0, $10
FROM taken RETURNING id
"""
_OPENED = """
UPDATE payment SET status = 'AWAITING', prepay_reference = $2, prepay_until = $3, updated_at = now()
WHERE id = $1 AND status IN ('CREATED', 'AWAITING')
"""


class FloorPaying:
    """Opens an order at WeChat Pay for a bill, after asking the fiscal platform what is due."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pay_key = _private(settings.wechat_pay_private_key)
        self._fiscal_key = _private(settings.fiscal_private_key)
        self._platform = _public(settings.wechat_pay_public_keys.partition("=")[2])
        self._treasury = _public(settings.fiscal_public_key)
        self._session: aiohttp.ClientSession | None = None
        self._account: uuid.UUID | None = None

    async def open_order(self, pool: asyncpg.Pool, bill_no: str, payer: str) -> HTTPResponse:
        """Ask, write the intent, place, write the outcome, sign for the phone."""
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
            self._account = await pool.fetchval("SELECT id FROM payment_account WHERE channel = 'WECHAT'")
        bill = await pool.fetchrow(_BILL, bill_no)
        await self._ask_treasury(bill["payment_code"])
        number, expires_at = f"P{bill_no[1:]}", clock.now().replace(microsecond=0) + timedelta(minutes=30)
        body = msgspec.json.encode(self._order(number, bill, payer, clock.rfc3339(expires_at)))
        owner = (self._account, self._settings.wechat_app_id, self._settings.wechat_pay_mch_id, payer)
        values = (uuid.uuid4(), bill["id"], number, *owner, bill["amount_fen"], body, expires_at)
        payment_id = await pool.fetchval(_INTENT, *values)
        prepay_id = await self._place(body)
        await pool.execute(_OPENED, payment_id, prepay_id, expires_at)
        timestamp, nonce, package = str(int(time.time())), secrets.token_hex(16), f"prepay_id={prepay_id}"
        lines = f"{self._settings.wechat_app_id}\n{timestamp}\n{nonce}\n{package}\n"
        shown = {"timeStamp": timestamp, "nonceStr": nonce, "package": package, "signType": "RSA"}
        return raw(
            msgspec.json.encode({**shown, "paySign": _sign(self._pay_key, lines.encode())}),
            status=201,
            content_type="application/json",
        )

    def _order(self, number: str, bill: asyncpg.Record, payer: str, time_expire: str) -> dict[str, Any]:
        return {
            "appid": self._settings.wechat_app_id,
            "mchid": self._settings.wechat_pay_mch_id,
            "description": bill["title"],
            "out_trade_no": number,
            "time_expire": time_expire,
            "notify_url": "http://127.0.0.1/callbacks/wechat-pay",
            "amount": {"total": bill["amount_fen"], "currency": "CNY"},
            "payer": {"openid": payer},
        }

    async def _place(self, body: bytes) -> str:
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        signed = f"POST\n{PREPAY_PATH}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
        authorization = (
            f'WECHATPAY2-SHA256-RSA2048 mchid="{self._settings.wechat_pay_mch_id}",nonce_str="{nonce}",'
            f'signature="{_sign(self._pay_key, signed)}",timestamp="{timestamp}",serial_no="0"'
        )
        headers = {"Authorization": authorization, "Content-Type": "application/json", "Accept": "application/json"}
        answer, told = await self._post(self._settings.wechat_pay_base + PREPAY_PATH, body, headers)
        lines = f"{told['Wechatpay-Timestamp']}\n{told['Wechatpay-Nonce']}\n".encode() + answer + b"\n"
        self._platform.verify(base64.b64decode(told["Wechatpay-Signature"]), lines, PKCS1v15(), SHA256())
        return str(msgspec.json.decode(answer)["prepay_id"])

    async def _ask_treasury(self, code: str) -> None:
        body = msgspec.json.encode({"AdmDivCode": self._settings.fiscal_region, "PayCode": code})
        app_id, timestamp, nonce = self._settings.fiscal_app_id, str(int(time.time())), secrets.token_hex(16)
        lines = f"POST\n{FISCAL_PATH}\n{app_id}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n"
        headers = {"X-Fiscal-App-Id": app_id, "X-Fiscal-Timestamp": timestamp, "X-Fiscal-Nonce": nonce}
        headers |= {"X-Fiscal-Signature": _sign(self._fiscal_key, lines.encode()), "Content-Type": "application/json"}
        answer, told = await self._post(self._settings.fiscal_base + FISCAL_PATH, body, headers)
        digest = hashlib.sha256(answer).hexdigest()
        lines = f"200\n{FISCAL_PATH}\n{app_id}\n{told['X-Fiscal-Timestamp']}\n{nonce}\n{digest}\n"
        self._treasury.verify(base64.b64decode(told["X-Fiscal-Signature"]), lines.encode(), PKCS1v15(), SHA256())

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[bytes, Any]:
        assert self._session is not None, "opened by the first order"
        async with self._session.post(url, data=body, headers=headers) as response:
            return await response.read(), response.headers


def _sign(key: RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def _private(file: str) -> RSAPrivateKey:
    return cast(RSAPrivateKey, load_pem_private_key(Path(file).read_bytes(), None))


def _public(file: str) -> RSAPublicKey:
    return cast(RSAPublicKey, load_pem_public_key(Path(file).read_bytes()))
