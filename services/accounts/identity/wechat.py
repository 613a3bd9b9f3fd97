"""Citizens who come through the WeChat mini-program: WeChat's answers in the words of the identity port.

Called by the accounts service only.
"""

from __future__ import annotations

from app.errors import FieldFault, Forbidden, InvalidRequest, ProviderRejected, Unauthenticated
from clients.wechat.api_errors import ApiCode
from clients.wechat.miniprogram import MiniProgramClient
from services.accounts.ports import Failed, Passed, ProvenIdentity, ProvenPhone, Verdict
from services.accounts.types import PhoneProof

_WRONG_APP = "40013"
_USELESS_CODE = frozenset({str(int(ApiCode.CODE_INVALID)), str(int(ApiCode.CODE_USED)), "41008", _WRONG_APP})
_NOT_OWN_CODE = _USELESS_CODE | {str(int(ApiCode.OPENID_WRONG))}
_NO_CONSENT = frozenset({"80111", "80113"})


class WeChatIdentityProvider:
    """The identity port over one WeChat mini-program."""

    def __init__(self, client: MiniProgramClient, app_id: str) -> None:
        self._client = client
        self._app_id = app_id

    @property
    def app_id(self) -> str:
        """The mini-program's AppID."""
        return self._app_id

    async def sign_in(self, code: str) -> ProvenIdentity:
        """Exchange a wx.login code."""
        try:
            session = await self._client.code_to_session(code)
        except ProviderRejected as error:
            if error.provider_code == str(int(ApiCode.USER_BLOCKED)):
                raise Forbidden("当前账号暂不能登录", code="login_refused") from error
            if error.provider_code in _USELESS_CODE:
                raise Unauthenticated("登录凭证已失效，请重新进入小程序", code="login_code_invalid") from error
            raise
        return ProvenIdentity(session.openid, session.unionid or None, None, session.session_key)

    async def phone(self, proof: PhoneProof, subject: str) -> ProvenPhone:
        """Exchange the code of the phone button; WeChat itself makes sure that it is this person's and used once."""
        if not proof.code:
            raise InvalidRequest(faults=(FieldFault("code", "缺少此字段"),))
        try:
            number = await self._client.get_phone_number(proof.code, subject)
        except ProviderRejected as error:
            if error.provider_code in _NOT_OWN_CODE:
                raise InvalidRequest("手机号授权已失效，请重新授权", code="phone_proof_invalid") from error
            raise
        return ProvenPhone(number.pure_phone_number if number.country_code == "86" else number.phone_number)

    async def begin_real_name(self, name: str, id_number: str, subject: str, code: str) -> Verdict:
        """Ask WeChat, which answers at once. A right pair that is not the account owner's does not pass."""
        try:
            check = await self._client.check_real_name(subject, name, id_number, code)
        except ProviderRejected as error:
            if error.provider_code in _NOT_OWN_CODE | _NO_CONSENT:
                raise InvalidRequest("实名授权已失效，请重新授权", code="real_name_code_invalid") from error
            raise
        if check.is_account_owner and check.name_matches_number:
            return Passed()
        return Failed(f"{check.verify_openid} {check.verify_real_name}")

    async def finish_real_name(self, reference: str) -> Verdict:
        """There is never anything open: `begin_real_name` answers finally."""
        return Failed("no_open_check")
