"""Makes the vendor clients from the settings: one transport and breaker per provider over the shared session.

Called by wiring only. A provider whose settings are missing is simply not there; production refuses to start then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
from redis.asyncio import Redis

from app.errors import SettingsError
from app.pacing import Pacing
from app.provider_health import ProviderHealth
from app.settings import Settings
from clients.alipay import keys as alipay_keys
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.couriers.ems.client import EmsClient
from clients.couriers.ems.encryption import SignKey
from clients.couriers.ems.types import EmsAccount
from clients.couriers.kdniao.client import KdniaoClient
from clients.couriers.kdniao.types import KdniaoAccount
from clients.couriers.kuaidi100.client import Kuaidi100Client
from clients.couriers.kuaidi100.types import Kuaidi100Account
from clients.couriers.sf.client import SfClient
from clients.couriers.sf.types import SfAccount
from clients.fiscal import signing as fiscal_signing
from clients.fiscal.client import FiscalClient
from clients.fiscal.types import FiscalAccount
from clients.fiscal.wire import FiscalWire
from clients.ofd.client import OfdClient
from clients.register.client import RegisterClient
from clients.register.types import RegisterAccount
from clients.rsa_keys import load_public_keys
from clients.seal.client import SealClient
from clients.seal.types import SealAccount
from clients.sms.aliyun import AliyunSms, AliyunSmsAccount
from clients.sms.tencent import TencentSms, TencentSmsAccount
from clients.transport import Transport
from clients.wechat.access_token import AccessTokens
from clients.wechat.api_wire import ApiWire
from clients.wechat.config import MiniProgramConfig, PayMerchant
from clients.wechat.message_push import MessagePush
from clients.wechat.miniprogram import MiniProgramClient
from clients.wechat.pay_client import PayClient
from clients.wechat.pay_keys import KeyStore, VerificationKey, certificate_from_pem, public_key_from_pem
from clients.wechat.pay_wire import PayWire

_SF_PATH, _SF_TOKEN_PATH = "/std/service", "/oauth2/accessToken"


@dataclass(frozen=True, slots=True)
class Clients:
    """Every vendor client of this process."""

    mini_program: MiniProgramClient
    message_push: MessagePush
    wechat_pay: PayClient
    wechat_pay_merchant: PayMerchant
    wechat_pay_keys: KeyStore
    wechat_pay_transport: Transport
    alipay: AlipayGateway
    sf: SfClient
    ems: EmsClient | None
    kuaidi100: Kuaidi100Client | None
    kdniao: KdniaoClient | None
    sms: AliyunSms | TencentSms
    fiscal: FiscalClient
    seal: SealClient | None
    ofd: OfdClient | None
    register: RegisterClient | None


def make(settings: Settings, session: aiohttp.ClientSession, redis: Redis, health: ProviderHealth) -> Clients:
    """Make all clients; their calls are counted by `health`. Raises SettingsError where a key cannot be read."""

    def transport(provider: str) -> Transport:
        made = Transport(session, provider, observer=health.observe)
        health.watch(provider, made.breaker)
        return made

    program = MiniProgramConfig(
        app_id=settings.wechat_app_id,
        app_secret=settings.wechat_app_secret,
        api_base=settings.wechat_api_base,
        push_token=settings.wechat_push_token,
        push_aes_key=settings.wechat_push_aes_key,
    )
    wechat = transport("wechat")
    wechat_pay = transport("wechat_pay")
    merchant, keys = _merchant(settings), KeyStore(_verification_keys(settings.wechat_pay_public_keys))
    return Clients(
        mini_program=MiniProgramClient(ApiWire(program, wechat, AccessTokens(program, wechat, redis))),
        message_push=MessagePush(program),
        wechat_pay=PayClient(PayWire(merchant, wechat_pay, keys)),
        wechat_pay_merchant=merchant,
        wechat_pay_keys=keys,
        wechat_pay_transport=wechat_pay,
        alipay=AlipayGateway(_alipay(settings), transport("alipay")),
        sf=_sf(settings, transport("sf")),
        ems=_ems(settings, transport("ems")) if settings.ems_base else None,
        kuaidi100=_kuaidi100(settings, transport("kuaidi100"), redis) if settings.kuaidi100_base else None,
        kdniao=_kdniao(settings, transport("kdniao")) if settings.kdniao_base else None,
        sms=_sms(settings, transport("sms")),
        register=_register(settings, transport("register")) if settings.register_base else None,
        fiscal=FiscalClient(FiscalWire(_fiscal(settings), transport("fiscal"))),
        seal=_seal(settings, transport("seal")) if settings.seal_base else None,
        ofd=OfdClient(settings.ofd_base, transport("ofd")) if settings.ofd_base else None,
    )


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise SettingsError(f"密钥文件 {name} 无法读取") from error


def _merchant(settings: Settings) -> PayMerchant:
    return PayMerchant(
        mch_id=settings.wechat_pay_mch_id,
        serial_no=settings.wechat_pay_serial,
        private_key=alipay_keys.load_private_key(_read(settings.wechat_pay_private_key).decode()),
        apiv3_key=settings.wechat_pay_apiv3_key,
        base_url=settings.wechat_pay_base,
    )


def _verification_keys(listed: str) -> list[VerificationKey]:
    """Read `PUB_KEY_ID_…=file, 40HEX=certificate file, …`."""
    keys = []
    for part in filter(None, (piece.strip() for piece in listed.split(","))):
        key_id, _, file = part.partition("=")
        pem = _read(file)
        try:
            keys.append(
                public_key_from_pem(key_id, pem) if key_id.startswith("PUB_KEY_ID_") else certificate_from_pem(pem)
            )
        except ValueError as error:
            raise SettingsError(f"SJT_WECHAT_PAY_PUBLIC_KEYS 中 {key_id} 无法读取") from error
    return keys


def _alipay(settings: Settings) -> AlipayApp:
    app = partial(
        AlipayApp,
        app_id=settings.alipay_app_id,
        seller_id=settings.alipay_seller_id,
        private_key=alipay_keys.load_private_key(_read(settings.alipay_private_key).decode()),
        aes_key=alipay_keys.load_aes_key(settings.alipay_aes_key) if settings.alipay_aes_key else None,
        gateway_url=settings.alipay_gateway,
    )
    if not settings.alipay_app_cert:
        return app(alipay_public_keys=(alipay_keys.load_public_key(_read(settings.alipay_public_key).decode()),))
    pinned = alipay_keys.load_certificate(_read(settings.alipay_cert))
    roots = _read(settings.alipay_root_cert)
    return app(
        app_cert_sn=alipay_keys.certificate_sn(alipay_keys.load_certificate(_read(settings.alipay_app_cert))),
        root_cert_sn=alipay_keys.root_bundle_sn(roots),
        pinned_certificates={alipay_keys.certificate_sn(pinned): pinned},
        root_certificates=tuple(alipay_keys.readable_certificates(roots)),
    )


def _fiscal(settings: Settings) -> FiscalAccount:
    own, platform = _read(settings.fiscal_private_key), _read(settings.fiscal_public_key)
    try:
        return FiscalAccount(
            base_url=settings.fiscal_base,
            app_id=settings.fiscal_app_id,
            region=settings.fiscal_region,
            private_key=fiscal_signing.load_private_key(own),
            platform_keys=load_public_keys(platform),
            code_length=settings.fiscal_code_length,
        )
    except ValueError as error:
        raise SettingsError("SJT_FISCAL_PRIVATE_KEY 或 SJT_FISCAL_PUBLIC_KEY 无法读取") from error


def _register(settings: Settings, transport: Transport) -> RegisterClient:
    account = RegisterAccount(settings.register_base, settings.register_app_id, settings.register_secret)
    return RegisterClient(account, transport)


def _seal(settings: Settings, transport: Transport) -> SealClient:
    try:
        keys = load_public_keys(_read(settings.seal_public_key))
    except ValueError as error:
        raise SettingsError("SJT_SEAL_PUBLIC_KEY 无法读取") from error
    account = SealAccount(
        base_url=settings.seal_base,
        app_id=settings.seal_app_id,
        secret=settings.seal_secret,
        authority_keys=keys,
    )
    return SealClient(account, transport)


def _sf(settings: Settings, transport: Transport) -> SfClient:
    account = SfAccount(
        partner_id=settings.sf_partner_id,
        check_word=settings.sf_check_word,
        monthly_card=settings.sf_monthly_card,
        service_url=settings.sf_base + _SF_PATH,
        token_url=settings.sf_oauth + _SF_TOKEN_PATH if settings.sf_oauth else "",
    )
    return SfClient(account, transport)


def _kdniao(settings: Settings, transport: Transport) -> KdniaoClient:
    account = KdniaoAccount(settings.kdniao_business_id, settings.kdniao_app_key, settings.kdniao_base)
    return KdniaoClient(account, transport)


def _ems(settings: Settings, transport: Transport) -> EmsClient:
    try:
        key = SignKey(settings.ems_sign_key)
    except ValueError as error:
        raise SettingsError("SJT_EMS_SIGN_KEY 应为 16 字节密钥的 Base64") from error
    account = EmsAccount(settings.ems_sender_no, settings.ems_authorization, key, settings.ems_base)
    return EmsClient(account, transport)


def _kuaidi100(settings: Settings, transport: Transport, redis: Redis) -> Kuaidi100Client:
    account = Kuaidi100Account(
        base=settings.kuaidi100_base,
        key=settings.kuaidi100_key,
        customer=settings.kuaidi100_customer,
        secret=settings.kuaidi100_secret,
    )
    return Kuaidi100Client(account, transport, pacing=Pacing(redis))


def _sms(settings: Settings, transport: Transport) -> AliyunSms | TencentSms:
    if settings.sms_provider == "aliyun":
        account = AliyunSmsAccount(
            settings.aliyun_sms_access_key_id, settings.aliyun_sms_access_key_secret, settings.aliyun_sms_base + "/"
        )
        return AliyunSms(account, transport)
    return TencentSms(
        TencentSmsAccount(
            secret_id=settings.tencent_sms_secret_id,
            secret_key=settings.tencent_sms_secret_key,
            sdk_app_id=settings.tencent_sms_sdk_app_id,
            endpoint=settings.tencent_sms_base + "/",
        ),
        transport,
    )
