"""The encryption of EMS bodies: SM4-ECB under the issued sign key, which also proves who speaks.

Client and push reader call it. ECB and the missing integrity check are EMS's choice; nothing else of ours may use it.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

MARK = "|$4|"
_KEY_BYTES = 16


class SignKey:
    """An issued sign key (签名钥匙): Base64 of 16 bytes. Raises ValueError for anything else."""

    def __init__(self, text: str) -> None:
        try:
            raw = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError("the sign key is not Base64") from None
        if len(raw) != _KEY_BYTES:
            raise ValueError("the sign key is not 16 bytes long")
        self._text = text
        self._cipher = Cipher(algorithms.SM4(raw), modes.ECB())

    def __repr__(self) -> str:
        return "SignKey(…)"

    def seal(self, text: str) -> str:
        """Encrypt what we send: the text and behind it the key in its Base64 form.

        Source: 中国邮政协议客户开放平台 接口规范, 报文加密 (logitcsInterface).
        """
        padder = PKCS7(128).padder()
        padded = padder.update((text + self._text).encode()) + padder.finalize()
        encryptor = self._cipher.encryptor()
        return MARK + base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt what came; a key behind the text is taken off. Raises ValueError where it was not made with our key.

        Source: as `seal`; public receivers of pushes find no key behind the text.
        """
        raw = base64.b64decode(sealed.removeprefix(MARK), validate=True)
        decryptor = self._cipher.decryptor()
        unpadder = PKCS7(128).unpadder()
        padded = decryptor.update(raw) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode().removesuffix(self._text)
