"""What a WeChat account consists of; wiring builds these from settings or rows, the clients read them.

Secrets are kept out of `repr`, so that a logged object shows none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


@dataclass(frozen=True, slots=True)
class MiniProgramConfig:
    """One mini-program. `push_aes_key` is the 43-character EncodingAESKey; empty means plain message push."""

    app_id: str
    app_secret: str = field(repr=False)
    api_base: str = "https://api.weixin.qq.com"
    push_token: str = field(default="", repr=False)
    push_aes_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if len(self.push_aes_key) not in (0, 43):
            raise ValueError("EncodingAESKey must have 43 characters")


@dataclass(frozen=True, slots=True)
class PayMerchant:
    """One merchant account of WeChat Pay, direct or partner (服务商).

    Partner mode is on when `sub_mch_id` is set: `mch_id` is then the sp_mchid, `sp_app_id` its app id. `serial_no`
    names our own API certificate. `earlier_apiv3_keys` still open notifications repeated after a key change.
    """

    mch_id: str
    serial_no: str
    private_key: RSAPrivateKey = field(repr=False)
    apiv3_key: str = field(repr=False)
    sp_app_id: str = ""
    sub_mch_id: str = ""
    base_url: str = "https://api.mch.weixin.qq.com"
    earlier_apiv3_keys: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if any(len(key.encode()) != 32 for key in (self.apiv3_key, *self.earlier_apiv3_keys)):
            raise ValueError("an APIv3 key must have exactly 32 bytes")
        if self.sub_mch_id and not self.sp_app_id:
            raise ValueError("partner mode needs sp_app_id")

    @property
    def is_partner(self) -> bool:
        """Say whether money is collected for a sub-merchant (特约商户)."""
        return bool(self.sub_mch_id)
