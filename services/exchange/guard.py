"""Tells which department system a request comes from: exact bytes, key, time, signature, nonce, in this order.

The exchange's door calls it for every request, before anything of the body is read. It needs nothing but the database.
"""

from __future__ import annotations

import msgspec

from app import clock, metrics, signatures
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Unauthenticated
from services.exchange import repository
from services.exchange.types import SystemCaller

SECRET_COLUMN = "system_key.secret"


class Guard:
    """Verifies requests of systems. What a refusal says does not help to guess: one sentence for each code."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    async def verify(self, method: str, target: str, claim: signatures.Claimed | None, body: bytes) -> SystemCaller:
        """Return the system that signed a request.

        Raises: Unauthenticated `signature_missing`, `timestamp_stale`, `key_unknown`, `signature_invalid`,
        `nonce_replayed`.
        """
        if claim is None:
            raise _refusal("signature_missing", "请求未签名，或签名头格式不正确")
        now = clock.now()
        if abs(int(now.timestamp()) - int(claim.timestamp)) > signatures.WINDOW_SECONDS:
            raise _refusal("timestamp_stale", "请求时间与服务器时间相差超过5分钟")
        row = await repository.find_calling_key(claim.key_id)
        if row is None:
            raise _refusal("key_unknown", "签名密钥不存在或已停用")
        text = signatures.signed_text(row["algorithm"], claim, method, target, body)
        if not signatures.fits(row["algorithm"], self._verifying(row), text, claim.signature):
            raise _refusal("signature_invalid", "签名验证未通过")
        # Only what is genuine may take a place in the table.
        if not await repository.use_nonce(f"{claim.key_id}:{claim.nonce}", now):
            raise _refusal("nonce_replayed", "请求已处理过，随机串不能重复使用")
        metrics.CALLBACKS.labels(f"department:{row['code']}", "verified").inc()
        return SystemCaller(
            system_id=row["system_id"],
            code=row["code"],
            name=row["name"],
            departments=tuple(msgspec.json.decode(row["departments"])),
            item_codes=tuple(msgspec.json.decode(row["item_codes"])),
            key_id=row["key_id"],
        )

    def _verifying(self, row: Row) -> bytes:
        if row["algorithm"] == signatures.ED25519:
            return signatures.read_public_key(row["public_key"])
        return bytes.fromhex(self._cipher.decrypt(SECRET_COLUMN, row["secret_cipher"]))


def _refusal(code: str, message: str) -> Unauthenticated:
    metrics.CALLBACKS.labels("department", code).inc()
    return Unauthenticated(message, code=code)
