"""WeChat Pay and the fiscal platform as the bench needs them: the two calls of opening an order, answered at once.

Started by bench.servers on the core of the load, so that what it costs is not the product's. WeChat Pay's answer is the
same for every order and is signed once a minute; the fiscal platform's must be signed for every question.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import sys
import time
from pathlib import Path
from typing import Any, cast

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sanic import Request, Sanic
from sanic.response import HTTPResponse, raw, text

from app import start
from app.processes import leave_with_parent
from app.settings import Settings
from bench.engines import ROOT
from bench.seeding import AMOUNT_FEN

PREPAY_PATH = "/v3/pay/transactions/jsapi"
FISCAL_PATH = "/nontax/v1/notice/query"
PREPAID = b'{"prepay_id":"wx01000000000000bench000000000000000"}'
_FRESH_SECONDS = 60


class Providers:
    """Both answers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key_id, _, public_file = settings.wechat_pay_public_keys.partition("=")
        self._pay_key = _private(Path(public_file).with_name("wechat_pay_platform.pem"))
        fiscal_file = Path(settings.fiscal_public_key)
        self._fiscal_key = _private(fiscal_file.with_name(fiscal_file.name.replace(".pub", "")))
        self._signed_at, self._headers = 0.0, dict[str, str]()

    async def prepay(self, _: Request) -> HTTPResponse:
        """Take an order."""
        if time.monotonic() - self._signed_at > _FRESH_SECONDS:
            timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
            signature = self._pay_key.sign(f"{timestamp}\n{nonce}\n".encode() + PREPAID + b"\n", PKCS1v15(), SHA256())
            self._signed_at = time.monotonic()
            self._headers = {
                "Wechatpay-Timestamp": timestamp,
                "Wechatpay-Nonce": nonce,
                "Wechatpay-Serial": self._key_id,
                "Wechatpay-Signature": base64.b64encode(signature).decode(),
                "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
            }
        return raw(PREPAID, headers=self._headers, content_type="application/json")

    async def fiscal(self, request: Request) -> HTTPResponse:
        """Say that what was billed is due. Source: docs/providers/fiscal.md, notice/query."""
        code = msgspec.json.decode(request.body)["PayCode"]
        amount = f"{AMOUNT_FEN / 100:.2f}"
        data = {
            "AdmDivCode": self._settings.fiscal_region,
            "PayCode": code,
            "BizNo": f"B{code[2:]}",
            "OriAmt": amount,
            "DelayAmt": "0.00",
            "Amt": amount,
            "Status": self._unpaid,
            "OutTradeNo": "",
            "CrcCode": "0000",
        }
        body = msgspec.json.encode({"code": "0000", "message": "成功", "data": data})
        app_id, nonce = request.headers["x-fiscal-app-id"], request.headers["x-fiscal-nonce"]
        timestamp = str(int(time.time()))
        lines = ("200", FISCAL_PATH, app_id, timestamp, nonce, hashlib.sha256(body).hexdigest())
        signature = self._fiscal_key.sign("".join(f"{line}\n" for line in lines).encode(), PKCS1v15(), SHA256())
        headers = {"X-Fiscal-App-Id": app_id, "X-Fiscal-Timestamp": timestamp, "X-Fiscal-Nonce": nonce}
        headers["X-Fiscal-Signature"] = base64.b64encode(signature).decode()
        return raw(body, headers=headers, content_type="application/json")

    _unpaid = "0"


def _private(file: Path) -> RSAPrivateKey:
    return cast(RSAPrivateKey, load_pem_private_key(file.read_bytes(), None))


async def _ready(_: Request) -> HTTPResponse:
    return text("ready")


def main(port: int) -> None:
    """Serve until the bench ends."""
    providers = Providers(start.settings(ROOT))
    app: Sanic[Any, Any] = Sanic("providers", configure_logging=False)

    async def leave(_: Sanic[Any, Any]) -> None:
        leave_with_parent()

    app.before_server_start(leave)
    app.add_route(_ready, "/ready")
    app.add_route(providers.prepay, PREPAY_PATH, methods=["POST"])
    app.add_route(providers.fiscal, FISCAL_PATH, methods=["POST"])
    app.run(host="127.0.0.1", port=port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
