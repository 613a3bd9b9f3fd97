"""One signed call to WeChat Pay: sign, send, verify the answer before anybody parses it, name its errors.

Used by pay_client and pay_bill_files only; it must not know what a call means.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from app import clock
from app.errors import ProviderProtocolError
from clients.transport import Answer, ProviderUnreachable, Transport
from clients.wechat.config import PayMerchant
from clients.wechat.pay_errors import PROVIDER, error_from, means_failure, read_code
from clients.wechat.pay_keys import KeyStore
from clients.wechat.pay_signing import authorization
from clients.wechat.pay_verify import NotGenuine, verify

T = TypeVar("T")


def new_nonce() -> str:
    """Return a fresh nonce_str of 32 hex digits."""
    return secrets.token_hex(16).upper()


def render(fields: Mapping[str, object]) -> bytes:
    """Serialise a body once; these bytes are signed and sent. Chinese stays unescaped."""
    return msgspec.json.encode(fields)


def read(call: str, body: bytes, wanted: type[T]) -> T:
    """Decode a verified body into a vendor type. Raises ProviderProtocolError."""
    try:
        return msgspec.json.decode(body, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProviderProtocolError(provider=PROVIDER, call=call, reason="unreadable_answer") from None


class PayWire:
    """Signed calls of one merchant account. Stateless but for the shared key store."""

    def __init__(
        self,
        merchant: PayMerchant,
        transport: Transport,
        keys: KeyStore,
        *,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.merchant = merchant
        self.transport = transport
        self.keys = keys
        self.now = now

    async def call(self, name: str, method: str, path: str, body: bytes = b"") -> bytes:
        """Call and return the verified raw body (empty for 204).

        All calls here are idempotent by a number of ours or plain reads, so a lost one is repeated, signed anew.
        Raises: ProviderUnreachable (unknown outcome), ProviderRejected, ProviderProtocolError (answer not genuine).
        """
        answer = await self.ask(name, method, path, body)
        self.check_genuine(name, answer, self.keys)
        return answer.body

    async def ask(self, name: str, method: str, path: str, body: bytes = b"") -> Answer:
        """Call and return the 2xx answer WITHOUT verifying it; the caller must. Raises: as `call` but the last.

        Error answers are not verified, as in the official clients: they move no money, and what they suggest
        (paid, closed) is asked for by a verified query.
        """
        try:
            answer = await self.transport.send(
                name,
                method,
                self.merchant.base_url + path,
                body=body or None,
                headers=lambda: self.headers(method, path, body),
                repeatable=True,
                failed=means_failure,
            )
        except ProviderUnreachable as error:
            code = error.provider_code or read_code(error.answer_body)[0]
            error.provider_code = code
            error.details["provider_code"] = code
            raise
        # 202 only says that the call was taken: an order, close or refund that is not done yet must not count as done.
        if answer.status not in (200, 204):
            raise error_from(name, answer)
        return answer

    def check_genuine(self, name: str, answer: Answer, keys: KeyStore) -> None:
        """Raise ProviderProtocolError unless a known key signed the answer."""
        try:
            verify(answer.headers, answer.body, keys, self.now())
        except NotGenuine as refusal:
            raise ProviderProtocolError(
                provider=PROVIDER,
                call=name,
                reason=str(refusal.reason),
                serial=answer.headers.get("Wechatpay-Serial", ""),
            ) from None

    def headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        """Return fresh headers with a new nonce and signature, asking for an answer signed with our preferred key.

        Source: WeChat Pay, APIv3 基本规则; 如何切换微信支付公钥 (Wechatpay-Serial in requests).
        """
        moment = self.now()
        signed = authorization(self.merchant, method, path, body, timestamp=int(moment.timestamp()), nonce=new_nonce())
        headers = {"Authorization": signed, "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        if key_id := self.keys.preferred_id(moment):
            headers["Wechatpay-Serial"] = key_id
        return headers
