"""Typed view of the simulators' JSON file: which apps, merchants, partners, keys and people exist.

Read once by `python -m simulators`; must not start anything. Relative file names are relative to the JSON file.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import msgspec


class ConfigError(Exception):
    """The JSON file is missing, malformed or names a key file that cannot be read."""


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up citizen (虚构人物) with one phone; `certify` overrides the default of the Alipay section."""

    key: str
    name: str
    id_number: str
    phone: str
    certify: Literal["", "auto", "manual"] = ""


@dataclass(frozen=True, slots=True)
class WeChatTemplate:
    """A private subscription template (私有模板): `content` with `{{thing1.DATA}}`, `type` 2 once or 3 long-term."""

    id: str
    title: str
    content: str
    example: str = ""
    type: int = 2


@dataclass(frozen=True, slots=True)
class WeChatApp:
    """One mini-program (小程序); `open_platform` true gives a unionid at login."""

    app_id: str
    app_secret: str
    push_token: str = ""
    push_aes_key: str = ""
    open_platform: bool = False
    templates: list[WeChatTemplate] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WeChat:
    apps: list[WeChatApp] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PayMerchant:
    """A merchant or service provider (商户/服务商); `sub_merchants` are the sub_mchid values it may collect for."""

    mch_id: str
    app_ids: list[str]
    serial: str
    public_key_file: str
    apiv3_key: str
    sub_merchants: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PlatformKey:
    """A key WeChat Pay signs with: 微信支付公钥 (`PUB_KEY_ID_…`) or a platform certificate (40 hex digits + file)."""

    id: str
    private_key_file: str
    certificate_file: str = ""


@dataclass(frozen=True, slots=True)
class WeChatPay:
    """`refund_finish_seconds`: provider seconds until a refund succeeds by itself; None waits for the control API."""

    merchants: list[PayMerchant] = field(default_factory=list)
    platform_keys: list[PlatformKey] = field(default_factory=list)
    refund_finish_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class AlipayMerchant:
    """A merchant who lets an app act in its name (第三方应用授权): `token` is the app_auth_token it gave."""

    token: str
    auth_app_id: str
    seller_id: str


@dataclass(frozen=True, slots=True)
class AlipayApp:
    """One mini-program; `templates` maps ids to texts with `{{keyword1.DATA}}` marks (none given: any id goes)."""

    app_id: str
    seller_id: str
    public_key_file: str
    aes_key: str = ""
    templates: dict[str, str] = field(default_factory=dict)
    merchants: list[AlipayMerchant] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Alipay:
    """`certify` is the default for persons: manual waits for the control API, auto compares with the people above."""

    private_key_file: str = ""
    apps: list[AlipayApp] = field(default_factory=list)
    certify: Literal["auto", "manual"] = "manual"


@dataclass(frozen=True, slots=True)
class SFPartner:
    """A customer of SF; `push_form` is what its console says about route pushes."""

    partner_id: str
    check_word: str
    monthly_card: str
    route_push_url: str = ""
    push_form: Literal["json", "xml"] = "json"


@dataclass(frozen=True, slots=True)
class SF:
    partners: list[SFPartner] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EMSCustomer:
    """A contract customer (协议客户); `sign_key` is the issued Base64 text, pushes go to `push_url`."""

    sender_no: str
    authorization: str
    sign_key: str
    push_url: str = ""


@dataclass(frozen=True, slots=True)
class EMS:
    customers: list[EMSCustomer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kuaidi100Account:
    """An account of 快递100: 授权码, 查询公司编号 and the secret of orders."""

    key: str
    customer: str
    secret: str


@dataclass(frozen=True, slots=True)
class Kuaidi100:
    accounts: list[Kuaidi100Account] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class KdniaoAccount:
    """An account of 快递鸟: 用户 ID, AppKey, and where its track pushes go."""

    business_id: str
    app_key: str
    push_url: str = ""


@dataclass(frozen=True, slots=True)
class Kdniao:
    accounts: list[KdniaoAccount] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AliyunSMS:
    access_key_id: str
    access_key_secret: str
    sign_names: list[str]
    templates: dict[str, str]
    receipt_url: str = ""


@dataclass(frozen=True, slots=True)
class TencentSMS:
    secret_id: str
    secret_key: str
    sdk_app_id: str
    sign_names: list[str]
    templates: dict[str, str]
    receipt_url: str = ""


@dataclass(frozen=True, slots=True)
class SMS:
    """`receipt_seconds`: provider seconds until a text is reported as delivered by itself; None waits for control."""

    aliyun: list[AliyunSMS] = field(default_factory=list)
    tencent: list[TencentSMS] = field(default_factory=list)
    receipt_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class FiscalApp:
    """A system that may call the fiscal platform; `region` is the AdmDivCode, `code_length` that of a 缴款码."""

    app_id: str
    public_key_file: str
    region: str = "140000"
    code_length: int = 20


@dataclass(frozen=True, slots=True)
class Fiscal:
    """`late_fee_basis_points` grow per day after the due day; `receipt_seconds` pass until a receipt is issued."""

    private_key_file: str = ""
    apps: list[FiscalApp] = field(default_factory=list)
    late_fee_basis_points: int = 5
    receipt_seconds: float = 0


@dataclass(frozen=True, slots=True)
class SealApp:
    """A system that may have documents sealed (电子印章); `owners` none given: for every body."""

    app_id: str
    secret: str
    owners: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seal:
    private_key_file: str = ""
    apps: list[SealApp] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Enterprise:
    """A made-up enterprise (虚构企业); `legal_representative` is the key of a person, `status` OPEN or CLOSED."""

    uscc: str
    name: str
    legal_representative: str
    address: str = ""
    status: str = "OPEN"


@dataclass(frozen=True, slots=True)
class RegisterApp:
    """A system that may ask the register."""

    app_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Register:
    """The business register."""

    apps: list[RegisterApp] = field(default_factory=list)
    enterprises: list[Enterprise] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DepartmentSystem:
    """A department's own system; keys are 32 bytes in hex.

    `secret` is shared, or the private half of Ed25519; `event_key` is shared, or the public half of who sends events.
    """

    code: str
    algorithm: Literal["hmac-sha256", "ed25519"]
    key_id: str
    secret: str
    event_key_id: str
    event_key: str


@dataclass(frozen=True, slots=True)
class Department:
    """The department systems."""

    systems: list[DepartmentSystem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file. `retry_scale` multiplies every wait of the providers' callback schedules."""

    public_url: str = "http://127.0.0.1:8000"
    retry_scale: float = 0.01
    wechat: WeChat = field(default_factory=WeChat)
    wechat_pay: WeChatPay = field(default_factory=WeChatPay)
    alipay: Alipay = field(default_factory=Alipay)
    sf: SF = field(default_factory=SF)
    ems: EMS = field(default_factory=EMS)
    kuaidi100: Kuaidi100 = field(default_factory=Kuaidi100)
    kdniao: Kdniao = field(default_factory=Kdniao)
    sms: SMS = field(default_factory=SMS)
    fiscal: Fiscal = field(default_factory=Fiscal)
    department: Department = field(default_factory=Department)
    register: Register = field(default_factory=Register)
    seal: Seal = field(default_factory=Seal)
    people: list[Person] = field(default_factory=list)
    directory: str = "."

    def read_file(self, name: str) -> bytes:
        """Return the bytes of a key file named in the JSON.

        Raises: ConfigError when it cannot be read.
        """
        path = Path(self.directory) / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"key file {name}: {error.strerror}") from error


def load_config(path: Path) -> Config:
    """Read and check the JSON file. Unknown keys are ignored, wrong types are not.

    Raises: ConfigError with the path of the faulty value.
    """
    try:
        config = msgspec.json.decode(path.read_bytes(), type=Config)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    return replace(config, directory=str(path.parent), public_url=config.public_url.rstrip("/"))
