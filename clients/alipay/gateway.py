"""The client of `gateway.do`: builds and signs a request, sends it, believes only a verified answer.

The method modules (trade, user, messages, bills) call it. It must not know any method's parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from app import clock
from app.errors import ProviderProtocolError
from clients.alipay.answer import GatewayAnswer, UnknownCertificate, read_answer
from clients.alipay.certificates import DOWNLOAD_METHOD, certificate_from_download
from clients.alipay.config import AlipayApp
from clients.alipay.content_crypto import encrypt as encrypt_content
from clients.alipay.failures import failure
from clients.alipay.signing import SIGN_TYPE, request_text, sign
from clients.transport import Answer, ProviderUnreachable, Transport, answered_5xx

_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8", "Accept": "application/json"}
_IN_BODY = frozenset({"biz_content", "encrypt_type", "grant_type", "code", "refresh_token"})
_SERVICE_UNAVAILABLE = re.compile(rb'"code"\s*:\s*"20000"')

Content = Mapping[str, Any] | str
"""`biz_content`: a mapping, or JSON text made already (by a model class of the vendor SDK)."""


class AlipayGateway:
    """Calls of one Alipay application."""

    def __init__(self, app: AlipayApp, transport: Transport, *, now: Callable[[], datetime] = clock.now) -> None:
        self.app = app
        self.transport = transport
        self.now = now

    def pause_seconds(self) -> float:
        """Say for how long calls are refused unmade, because the provider is away; 0 when it may be called."""
        return self.transport.breaker.retry_after_seconds

    async def execute(
        self,
        method: str,
        biz_content: Content | None = None,
        *,
        top_level: Mapping[str, str] | None = None,
        notify_url: str = "",
        auth_token: str = "",
        app_auth_token: str = "",
        encrypt: bool = False,
        repeatable: bool = False,
        timeout_seconds: float = 10.0,
    ) -> dict[str, Any]:
        """Call `method` and return the verified fields of its success.

        `top_level` holds parameters outside `biz_content` (oauth.token); `encrypt` needs the app's AES key;
        `repeatable` is for reads and for writes that carry our own number.
        Raises: ProviderUnavailable (outcome unknown), ProviderRejected, ProviderProtocolError.
        Source: Alipay open platform, 网关协议 (公共请求参数, 公共响应参数).
        """
        parameters = self._parameters(
            method,
            biz_content,
            {
                **(top_level or {}),
                "notify_url": notify_url,
                "auth_token": auth_token,
                "app_auth_token": app_auth_token or self.app.app_auth_token,
            },
            encrypt,
        )
        raw = await self._exchange(method, parameters, repeatable, timeout_seconds)
        answer = await self._verified(raw, method)
        if not answer.success:
            raise failure(answer)
        return answer.fields

    def page_url(self, method: str, biz_content: Content, *, return_url: str = "") -> str:
        """Build the signed GET address of a page method; the phone opens it, the server never calls it.

        Source: Alipay open platform, 页面类接口 (pageExecute, GET).
        """
        parameters = self._parameters(method, biz_content, {"return_url": return_url}, encrypt=False)
        return f"{self.app.gateway_url}?{urlencode(parameters)}"

    def signed_request(self, parameters: Mapping[str, str]) -> tuple[str, bytes]:
        """Split signed parameters as the official clients do: common ones into the URL, business ones into the body.

        `charset` must be in the URL: the gateway reads the body by it.
        """
        query = {name: value for name, value in parameters.items() if name not in _IN_BODY}
        body = {name: value for name, value in parameters.items() if name in _IN_BODY}
        return f"{self.app.gateway_url}?{urlencode(query)}", urlencode(body).encode("ascii")

    def _parameters(
        self, method: str, biz_content: Content | None, further: Mapping[str, str], encrypt: bool
    ) -> dict[str, str]:
        parameters = {
            "method": method,
            "app_id": self.app.app_id,
            "charset": "utf-8",
            "version": "1.0",
            "sign_type": SIGN_TYPE,
            "timestamp": clock.to_beijing(self.now()).strftime("%Y-%m-%d %H:%M:%S"),
            "format": "JSON",
        }
        if self.app.certificate_mode:
            parameters["app_cert_sn"] = self.app.app_cert_sn
            parameters["alipay_root_cert_sn"] = self.app.root_cert_sn
        parameters.update({name: value for name, value in further.items() if value})
        if biz_content is not None:
            parameters["biz_content"] = biz_content if isinstance(biz_content, str) else _compact(biz_content)
        if encrypt:
            if self.app.aes_key is None:
                raise ValueError("content encryption without an AES key")
            parameters["encrypt_type"] = "AES"
            parameters["biz_content"] = encrypt_content(parameters["biz_content"], self.app.aes_key)
        # Signing is the last step: whatever changes after it breaks the signature.
        parameters["sign"] = sign(request_text(parameters), self.app.private_key)
        return parameters

    async def _exchange(
        self, method: str, parameters: Mapping[str, str], repeatable: bool, timeout_seconds: float
    ) -> bytes:
        url, body = self.signed_request(parameters)
        try:
            answer = await self.transport.send(
                method,
                "POST",
                url,
                body=body,
                headers=_FORM,
                timeout_seconds=timeout_seconds,
                repeatable=repeatable,
                failed=_is_failed,
            )
        except ProviderUnreachable as error:
            # A 20000 answer counts as a failure of the provider, but its own code is worth more than ours.
            if error.answer_status != 200:
                raise
            return error.answer_body
        if answer.status != 200:
            raise ProviderProtocolError(
                provider="alipay", call=method, reason="unexpected_status", provider_status=answer.status
            )
        return answer.body

    async def _verified(self, raw: bytes, method: str) -> GatewayAnswer:
        try:
            return read_answer(raw, method, self.app)
        except UnknownCertificate as unknown:
            await self._pin(unknown.certificate_sn)
            return read_answer(raw, method, self.app)

    async def _pin(self, certificate_sn: str) -> None:
        """Fetch a re-issued Alipay certificate and pin it if it chains to our roots; else the answer stays refused."""
        parameters = self._parameters(DOWNLOAD_METHOD, {"alipay_cert_sn": certificate_sn}, {}, encrypt=False)
        raw = await self._exchange(DOWNLOAD_METHOD, parameters, repeatable=True, timeout_seconds=10.0)
        certificate = certificate_from_download(raw, certificate_sn, self.app, self.now())
        self.app.pinned_certificates[certificate_sn] = certificate


def _is_failed(answer: Answer) -> bool:
    return answered_5xx(answer) or bool(_SERVICE_UNAVAILABLE.search(answer.body))


def _compact(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
