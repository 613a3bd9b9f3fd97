"""One verified call of a gateway method, as the method handlers see it. Used inside the Alipay simulator only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulators.alipay.errors import AlipayError, business_failure, gateway_refusal
from simulators.alipay.platform import App, Platform
from simulators.config import AlipayMerchant, Person
from simulators.exchange import Exchange


def authoriser(app: App, params: Mapping[str, str]) -> AlipayMerchant | None:
    """Return the merchant whose app_auth_token the call carries; None when it carries none.

    Source: 支付宝开放平台 第三方应用授权 (app_auth_token). Raises: AlipayError for a token nobody gave this app.
    """
    token = params.get("app_auth_token", "")
    if not token:
        return None
    for merchant in app.config.merchants:
        if merchant.token == token:
            return merchant
    raise gateway_refusal("20001", "aop.invalid-app-auth-token", "无效的应用授权令牌")


@dataclass(frozen=True)
class Call:
    """Common parameters, decrypted business content, the calling app and the journal entry."""

    platform: Platform
    app: App
    params: Mapping[str, str]
    biz: Mapping[str, Any]
    exchange: Exchange

    @property
    def auth_app_id(self) -> str:
        """The app in whose name the call is made: the caller's own, or that of the merchant whose token it carries."""
        merchant = authoriser(self.app, self.params)
        return merchant.auth_app_id if merchant else self.app.app_id

    @property
    def seller_id(self) -> str:
        """The 2088 account that collects."""
        merchant = authoriser(self.app, self.params)
        return merchant.seller_id if merchant else self.app.config.seller_id

    @property
    def now(self) -> datetime:
        """Business time, aware UTC."""
        return self.platform.world.clock.now()

    def text(self, field: str, error: AlipayError | None = None) -> str:
        """Return a required text of the business content. Raises: AlipayError."""
        value = self.biz.get(field)
        if not isinstance(value, str) or not value:
            raise error or business_failure("ILLEGAL_ARGUMENT", f"参数不正确：{field}")
        return value

    def asks_for(self, option: str) -> bool:
        """Tell whether query_options names an optional field."""
        options = self.biz.get("query_options")
        return isinstance(options, list) and option in options

    def holder_of(self, alipay_id: object) -> Person | None:
        """Return the owner of an open_id of the calling app or of a user_id."""
        if not isinstance(alipay_id, str) or not alipay_id:
            return None
        return self.platform.world.people.find_by_alipay_id(self.app.app_id, alipay_id)
