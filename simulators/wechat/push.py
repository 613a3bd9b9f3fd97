"""Message push (消息推送) to the backend in safe mode: AES, two signatures, URL verification, three tries.

Source: 消息推送, 消息加解密说明, WeChat mini-program guide, 2026-07.
"""

import base64
import hashlib
import json
import secrets
import struct
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulators.callbacks import Delivery, Message
from simulators.config import WeChatApp
from simulators.core import World
from simulators.wechat.wire import PROVIDER

SCHEDULE = (5, 5)
PAD_BLOCK_BYTES = 32


def encrypt(aes_key: str, app_id: str, plain: bytes, prefix: bytes) -> str:
    """Return `Encrypt`: AES-256-CBC over 16 prefix bytes, big-endian length, message and app id, padded to 32."""
    key = base64.b64decode(aes_key + "=", validate=False)
    text = prefix + struct.pack(">I", len(plain)) + plain + app_id.encode()
    padding = PAD_BLOCK_BYTES - len(text) % PAD_BLOCK_BYTES
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(text + bytes([padding]) * padding) + encryptor.finalize()).decode()


def signature(*parts: str) -> str:
    """Return hex SHA-1 of the sorted, joined parts (token, timestamp, nonce and, for msg_signature, Encrypt)."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def original_id(app_id: str) -> str:
    """Return the app's original id (原始 ID), `gh_` and twelve hex digits."""
    return "gh_" + hashlib.sha256(app_id.encode()).hexdigest()[:12]


def push(world: World, app: WeChatApp, openid: str, kind: str, fields: dict[str, Any]) -> Delivery:
    """Send one event or message of a user to {public_url}/callbacks/wechat/{app_id}, three times at most."""
    payload = {
        "ToUserName": original_id(app.app_id),
        "FromUserName": openid,
        "CreateTime": str(int(world.clock.timestamp())),
        **fields,
    }
    plain = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()

    def build() -> Message:
        sealed = encrypt(app.push_aes_key, app.app_id, plain, secrets.token_hex(8).encode())
        query = _query(world, app) | {"openid": openid, "encrypt_type": "aes"}
        query["msg_signature"] = signature(app.push_token, query["timestamp"], query["nonce"], sealed)
        body = json.dumps({"ToUserName": original_id(app.app_id), "Encrypt": sealed}, separators=(",", ":"))
        headers = {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}
        return Message(f"{_url(world, app)}?{urlencode(query)}", body.encode(), headers)

    return world.callbacks.send(PROVIDER, kind, build, accepted=_accepted, schedule=SCHEDULE)


def verify_url(world: World, app: WeChatApp) -> tuple[Delivery, str]:
    """Send the GET verification of the push address; return its delivery and the echostr that must come back."""
    echo = str(secrets.randbelow(9 * 10**18) + 10**18)
    query = _query(world, app) | {"echostr": echo}
    message = Message(f"{_url(world, app)}?{urlencode(query)}", method="GET")
    accepted = world.callbacks.send(
        PROVIDER, "url_verification", lambda: message, accepted=lambda status, text: status == 200 and text == echo
    )
    return accepted, echo


def _query(world: World, app: WeChatApp) -> dict[str, str]:
    timestamp, nonce = str(world.clock.wire_timestamp()), str(secrets.randbelow(10**9))
    return {"signature": signature(app.push_token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}


def _url(world: World, app: WeChatApp) -> str:
    return f"{world.config.public_url}/callbacks/wechat/{app.app_id}"


def _accepted(status: int, text: str) -> bool:
    return status == 200 and (text in ("", "success") or '"Encrypt"' in text)
