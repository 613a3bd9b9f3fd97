"""An Alipay caller that knows nothing of the simulator's code: own signing, own raw-span verification, own AES.

Used by the Alipay simulator tests.
"""

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BEIJING = timezone(timedelta(hours=8))
APP_ID = "2021000000000001"
AES_KEY = base64.b64encode(bytes(range(16))).decode()
NOTIFY_PATH = f"/callbacks/alipay/{APP_ID}"


def rsa_sign(private_pem: str, text: str, charset: str = "utf-8") -> str:
    key = serialization.load_pem_private_key(private_pem.encode(), None)
    return base64.b64encode(key.sign(text.encode(charset), padding.PKCS1v15(), hashes.SHA256())).decode()


def rsa_fits(public_pem: str, signature: str, data: bytes) -> bool:
    try:
        serialization.load_pem_public_key(public_pem.encode()).verify(
            base64.b64decode(signature), data, padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        return False
    return True


def aes(text: bytes, *, encrypt: bool) -> bytes:
    cipher = Cipher(algorithms.AES(base64.b64decode(AES_KEY)), modes.CBC(bytes(16)))
    if encrypt:
        fill = 16 - len(text) % 16
        worker = cipher.encryptor()
        return worker.update(text + bytes([fill]) * fill) + worker.finalize()
    worker = cipher.decryptor()
    plain = worker.update(text) + worker.finalize()
    return plain[: -plain[-1]]


class Gateway:
    """A caller that knows nothing of the simulator's code."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim

    def params(self, method: str, biz: Any = None, **extra: str) -> dict[str, str]:
        common = {
            "app_id": APP_ID,
            "method": method,
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            **extra,
        }
        if biz is not None:
            common["biz_content"] = json.dumps(biz, ensure_ascii=False)
        return common

    def send(
        self, params: dict[str, str], sign: str | None = None, in_body: tuple[str, ...] = ("biz_content", "code")
    ) -> Any:
        """Sign (unless a sign is given) and post, the named parameters in the body, the others in the query."""
        text = "&".join(f"{name}={params[name]}" for name in sorted(params) if params[name])
        params["sign"] = sign if sign is not None else rsa_sign(self.sim.keys.private["alipay_app"], text)
        body = urlencode({name: value for name, value in params.items() if name in in_body})
        query = urlencode({name: value for name, value in params.items() if name not in in_body})
        headers = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
        return self.sim.call("alipay", "POST", f"/gateway.do?{query}", body.encode(), headers)

    def call(self, method: str, biz: Any = None, **extra: str) -> dict[str, Any]:
        """Call, demand a valid signature over the raw node, and return the node."""
        reply = self.send(self.params(method, biz, **extra))
        name, span, signature = raw_node(reply.body)
        assert rsa_fits(self.sim.keys.public["alipay"], signature or "", span), reply.body
        assert name in (method.replace(".", "_") + "_response", "error_response")
        return json.loads(span)

    def create(self, number: str, amount: str = "68.50", **fields: Any) -> str:
        answer = self.call(
            "alipay.trade.create",
            order(self.sim, number, amount) | fields,
            notify_url=f"{self.sim.sink.url}{NOTIFY_PATH}",
        )
        assert answer["code"] == "10000", answer
        return answer["trade_no"]


def order(sim: Any, number: str, amount: str = "68.50") -> dict[str, Any]:
    return {
        "out_trade_no": number,
        "total_amount": amount,
        "subject": "不动产登记费 100%",
        "product_code": "JSAPI_PAY",
        "op_app_id": APP_ID,
        "buyer_open_id": open_id(sim, "zhang-wei"),
    }


def open_id(sim: Any, person: str) -> str:
    return sim.control("POST", "/alipay/auth-codes", {"person": person})["open_id"]


def raw_node(raw: bytes) -> tuple[str, bytes, str | None]:
    """Cut the first member's value out of the received UTF-8 bytes; return its name, its bytes and the sign."""
    text = raw.decode()
    name = json.loads(text[1 : text.index(":")])
    start = text.index(":") + 1
    _, end = json.JSONDecoder().raw_decode(text, start)
    return name, text[start:end].encode(), json.loads(text).get("sign")


def notification_content(fields: dict[str, str]) -> bytes:
    kept = sorted((name, value) for name, value in fields.items() if name not in ("sign", "sign_type"))
    return "&".join(f"{name}={value}" for name, value in kept).encode()


def notified(sim: Any, count: int = 1, seconds: float = 30) -> list[dict[str, str]]:
    received = sim.sink.wait_for(NOTIFY_PATH, count, seconds)
    return [dict(parse_qsl(item.body.decode(), keep_blank_values=True, strict_parsing=True)) for item in received]


def pay(sim: Any, trade_no: str, **more: Any) -> dict[str, Any]:
    return sim.control("POST", "/alipay/pay", {"tradeNO": trade_no, "person": "zhang-wei", **more})


def refund(gateway: Gateway, number: str, request_no: str, amount: str) -> dict[str, Any]:
    biz = {"out_trade_no": number, "refund_amount": amount, "out_request_no": request_no, "refund_reason": "多收"}
    return gateway.call("alipay.trade.refund", biz)


def beijing_in(seconds: int) -> str:
    return (datetime.now(BEIJING) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def certify_order(number: str, name: str = "张伟", id_number: str = "140105199003070012") -> dict[str, Any]:
    identity = {"identity_type": "CERT_INFO", "cert_type": "IDENTITY_CARD", "cert_name": name, "cert_no": id_number}
    return {
        "outer_order_no": number,
        "biz_code": "FACE",
        "identity_param": identity,
        "merchant_config": {"return_url": "alipays://platformapi/startapp"},
    }
