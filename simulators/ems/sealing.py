"""SM4-ECB as EMS uses it, by gmssl: apart from the backend's library. Used by the EMS simulator only."""

import base64
import binascii

from gmssl import sm4

MARK = "|$4|"
_BLOCK = 16


def seal(text: str, sign_key: str) -> str:
    """Encrypt a text under the Base64 key, as EMS sends it: nothing behind the text.

    Source: 中国邮政协议客户开放平台 接口规范, 轨迹推送 040002.
    """
    cipher = sm4.CryptSM4()
    cipher.set_key(base64.b64decode(sign_key), sm4.SM4_ENCRYPT)
    return MARK + base64.b64encode(bytes(cipher.crypt_ecb(text.encode()))).decode()


def unseal(sealed: str, sign_key: str) -> str | None:
    """Decrypt a customer's call and take the key off its end; None where it was not sealed with this key.

    Source: 中国邮政协议客户开放平台 接口规范, 报文加密 (logitcsInterface).
    """
    try:
        raw = base64.b64decode(sealed.removeprefix(MARK), validate=True)
        if not sealed.startswith(MARK) or not raw or len(raw) % _BLOCK:
            return None
        cipher = sm4.CryptSM4()
        cipher.set_key(base64.b64decode(sign_key), sm4.SM4_DECRYPT)
        text = bytes(cipher.crypt_ecb(raw)).decode()
    except (binascii.Error, UnicodeDecodeError, IndexError):
        return None
    return text.removesuffix(sign_key) if text.endswith(sign_key) else None
