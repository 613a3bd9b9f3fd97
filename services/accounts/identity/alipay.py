"""Citizens who come through the Alipay mini-program: Alipay's answers in the words of the identity port.

Called by the accounts service only.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from app.errors import FieldFault, InvalidRequest, ProviderRejected, Unauthenticated
from clients.alipay.failures import is_code
from clients.alipay.gateway import AlipayGateway
from clients.alipay.user import (
    certification_url,
    exchange_code,
    query_certification,
    read_phone_number,
    start_certification,
)
from services.accounts.ports import ActionRequired, Failed, Passed, ProvenIdentity, ProvenPhone, Verdict
from services.accounts.types import PhoneProof

_USER_ID_LENGTH = 16


class AlipayIdentityProvider:
    """The identity port over one Alipay mini-program. `return_url` is where the face check leads back to."""

    def __init__(self, gateway: AlipayGateway, return_url: str) -> None:
        self._gateway = gateway
        self._return_url = return_url

    @property
    def app_id(self) -> str:
        """The mini-program's app id."""
        return self._gateway.app.app_id

    async def sign_in(self, code: str) -> ProvenIdentity:
        """Exchange a my.getAuthCode code; old apps without open_id are known by the 2088… user_id."""
        try:
            who = await exchange_code(self._gateway, code)
        except ProviderRejected as error:
            if is_code(error, "isv.code-invalid"):
                raise Unauthenticated("登录凭证已失效，请重新进入小程序", code="login_code_invalid") from error
            raise
        return ProvenIdentity(who.open_id or who.user_id, who.union_id or None, who.user_id or None)

    async def phone(self, proof: PhoneProof, subject: str) -> ProvenPhone:
        """Verify and decrypt the payload of my.getPhoneNumber.

        It names neither user nor time, and the same number always gives the same bytes: hence the `once_key`.
        """
        if not proof.response:
            raise InvalidRequest(faults=(FieldFault("response", "缺少此字段"),))
        try:
            number = read_phone_number(self._gateway.app, _payload(proof))
        except ProviderRejected as error:
            raise InvalidRequest("未能取得手机号，请重新授权", code="phone_proof_invalid") from error
        return ProvenPhone(number, f"{self.app_id}:{number}")

    async def begin_real_name(self, name: str, id_number: str, subject: str, code: str) -> Verdict:
        """Open a face verification; it may have passed by itself where Alipay knows the person well enough."""
        certify_id = await start_certification(
            self._gateway,
            outer_order_no=uuid.uuid4().hex,
            name=name,
            id_number=id_number,
            return_url=self._return_url,
            open_id="" if len(subject) == _USER_ID_LENGTH else subject,
        )
        return await self.finish_real_name(certify_id)

    async def finish_real_name(self, reference: str) -> Verdict:
        """Ask for the outcome. "Not passed" without a reason also means "not done yet": the person may go on."""
        try:
            outcome = await query_certification(self._gateway, reference)
        except ProviderRejected as error:
            if is_code(error, "CERTIFY_ID_EXPIRED", "OPEN_CERTIFY_BILL_NOT_EXIST", "OPEN_CERTIFY_BILL_STATUS_ERROR"):
                return Failed(error.provider_code)
            raise
        if outcome.passed:
            return Passed()
        if outcome.fail_reason:
            return Failed("refused")
        return ActionRequired(reference, certification_url(self._gateway, reference))


def _payload(proof: PhoneProof) -> str | Mapping[str, Any]:
    """Return the platform's payload, whether the phone sent its fields or the whole JSON text as `response`."""
    if isinstance(proof.response, str) and not proof.sign and proof.response.lstrip().startswith("{"):
        return proof.response
    given = msgspec.structs.asdict(proof)
    return {name: value for name, value in given.items() if value}
