"""Makes payment channels of stored merchant accounts: row, secret files and public keys become clients and adapters.

Wiring makes one and hands it to the registry of merchants, which calls it in a thread. It opens no connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Never

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from app.clock import now
from app.errors import SettingsError
from clients.alipay import keys as alipay_keys
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.transport import Transport
from clients.wechat.config import PayMerchant
from clients.wechat.pay_client import PayClient
from clients.wechat.pay_keys import (
    PUBLIC_KEY_PREFIX,
    KeyStore,
    VerificationKey,
    certificate_from_pem,
    public_key_from_pem,
)
from clients.wechat.pay_wire import PayWire
from payments.channels import secret_files as files
from payments.channels.alipay import AlipayPaymentChannel
from payments.channels.alipay_gateway import AlipayPlatformGateway
from payments.channels.secret_files import SecretFiles
from payments.channels.wechat import WeChatPaymentChannel
from payments.merchants.ports import MadeChannel, UnusableMerchant
from payments.merchants.records import SETTINGS, Merchant, PlatformKey
from payments.types import Channel

_PARTNER = "PARTNER"


@dataclass(frozen=True, slots=True)
class WeChatParts:
    """What the settings give for WeChat Pay: their own account, its keys, and the one transport of the provider."""

    merchant: PayMerchant
    keys: KeyStore
    transport: Transport


class ChannelMaker:
    """Implements merchants.ports.ChannelFactory.

    Args:
        secrets: where the folders of key references lie.
        callbacks: address under which providers reach us, without a trailing slash.
        wechat: the settings' WeChat Pay.
        alipay: the settings' Alipay application.
    """

    def __init__(self, secrets: SecretFiles, callbacks: str, wechat: WeChatParts, alipay: AlipayGateway) -> None:
        self._secrets = secrets
        self._callbacks = callbacks
        self._wechat = wechat
        self._alipay = alipay

    def stamp(self, references: Sequence[str]) -> object:
        """Return names, sizes and times of the secret files."""
        return self._secrets.stamp(references)

    def check_key(self, channel: str, key: PlatformKey) -> PlatformKey:
        """Read the key; a certificate's own end replaces what was given."""
        if channel == Channel.WECHAT:
            return replace(key, expires_at=_wechat_key(key).expires_at)
        _alipay_key(key)
        if "CERTIFICATE" not in key.pem:
            return key
        certificate = alipay_keys.load_certificate(key.pem.encode())
        number = alipay_keys.certificate_sn(certificate)
        if number != key.key_id:
            raise UnusableMerchant(f"支付宝证书的 SN 是 {number}，与 {key.key_id} 不同")
        return replace(key, expires_at=certificate.not_valid_after_utc)

    def make(self, merchant: Merchant, keys: Sequence[PlatformKey]) -> MadeChannel:
        """Make the channel; see the port."""
        try:
            if merchant.account.channel == Channel.WECHAT:
                return self._make_wechat(merchant, keys)
            return self._make_alipay(merchant, keys)
        except (SettingsError, ValueError, TypeError) as error:
            _refuse(error)

    def _make_wechat(self, merchant: Merchant, keys: Sequence[PlatformKey]) -> MadeChannel:
        account = merchant.account
        own = self._wechat_account(merchant)
        if account.mode == _PARTNER:
            if not account.sub_mch_id:
                raise UnusableMerchant("服务商模式须有 sub_mch_id")
            own = replace(own, sp_app_id=account.app_id, sub_mch_id=account.sub_mch_id)
        found, faults = _readable(keys)
        shared = account.mch_id == self._wechat.merchant.mch_id
        store = self._wechat.keys.joined_with(found) if shared else KeyStore(found)
        if store.preferred_id(now()) is None and not merchant.fetches_certificates:
            raise UnusableMerchant("没有可用的微信支付公钥或平台证书")
        client = PayClient(PayWire(own, self._wechat.transport, store))
        channel = WeChatPaymentChannel(client, own, store, f"{self._callbacks}/wechat-pay/{account.mch_id}")
        return MadeChannel(channel, certificates=channel if merchant.fetches_certificates else None, faults=faults)

    def _wechat_account(self, merchant: Merchant) -> PayMerchant:
        account, reference = merchant.account, merchant.key_reference
        if reference == SETTINGS:
            if account.mch_id != self._wechat.merchant.mch_id:
                raise UnusableMerchant("密钥引用为 settings，但商户号不是设置中的商户号")
            return self._wechat.merchant
        apiv3_key = self._secrets.required(reference, files.APIV3_KEY)
        earlier = tuple(self._secrets.optional(reference, files.EARLIER_APIV3_KEYS).split())
        if any(len(key.encode()) != 32 for key in (apiv3_key, *earlier)):
            raise UnusableMerchant(f"{reference} 中的 APIv3 密钥应为 32 字节")
        return PayMerchant(
            mch_id=account.mch_id,
            serial_no=merchant.serial_no,
            private_key=self._private_key(reference, files.PRIVATE_KEY),
            apiv3_key=apiv3_key,
            base_url=self._wechat.merchant.base_url,
            earlier_apiv3_keys=earlier,
        )

    def _make_alipay(self, merchant: Merchant, keys: Sequence[PlatformKey]) -> MadeChannel:
        app = self._alipay_app(merchant, keys)
        if merchant.account.mode == _PARTNER:
            if merchant.key_reference == SETTINGS:
                raise UnusableMerchant("服务商模式须有密钥文件夹，其中放 app_auth_token")
            token = self._secrets.required(merchant.key_reference, files.APP_AUTH_TOKEN)
            app = replace(app, seller_id=merchant.account.mch_id, app_auth_token=token)
        gateway = self._alipay if app is self._alipay.app else AlipayGateway(app, self._alipay.transport)
        channel = AlipayPaymentChannel(gateway, f"{self._callbacks}/alipay/{app.app_id}")
        return MadeChannel(channel, gateway=AlipayPlatformGateway(app))

    def _alipay_app(self, merchant: Merchant, keys: Sequence[PlatformKey]) -> AlipayApp:
        account, reference, ours = merchant.account, merchant.key_reference, self._alipay.app
        listed = [_alipay_key(key) for key in keys]
        certificates = {
            key.key_id: alipay_keys.load_certificate(key.pem.encode()) for key in keys if "CERTIFICATE" in key.pem
        }
        if reference == SETTINGS or (
            account.app_id == ours.app_id and not self._secrets.optional(reference, files.ALIPAY_PRIVATE_KEY)
        ):
            if account.app_id != ours.app_id:
                raise UnusableMerchant("密钥引用为 settings，但应用不是设置中的支付宝应用")
            new = tuple(key for key in listed if key not in ours.alipay_public_keys)
            if ours.certificate_mode and certificates:
                return replace(ours, pinned_certificates=ours.pinned_certificates | certificates)
            return replace(ours, alipay_public_keys=(*ours.alipay_public_keys, *new)) if new else ours
        public = self._secrets.optional(reference, files.ALIPAY_PUBLIC_KEY)
        aes = self._secrets.optional(reference, files.ALIPAY_AES_KEY)
        parts = partial(
            AlipayApp,
            app_id=account.app_id,
            seller_id=account.mch_id,
            private_key=self._private_key(reference, files.ALIPAY_PRIVATE_KEY),
            alipay_public_keys=(*((alipay_keys.load_public_key(public),) if public else ()), *listed),
            aes_key=alipay_keys.load_aes_key(aes) if aes else None,
            gateway_url=ours.gateway_url,
        )
        own = self._secrets.optional(reference, files.ALIPAY_APP_CERT)
        if not own:
            return parts()
        # Certificate mode (公钥证书方式).
        roots = self._secrets.required(reference, files.ALIPAY_ROOT_CERT).encode()
        pinned = alipay_keys.load_certificate(self._secrets.required(reference, files.ALIPAY_CERT).encode())
        return parts(
            app_cert_sn=alipay_keys.certificate_sn(alipay_keys.load_certificate(own.encode())),
            root_cert_sn=alipay_keys.root_bundle_sn(roots),
            pinned_certificates={alipay_keys.certificate_sn(pinned): pinned, **certificates},
            root_certificates=tuple(alipay_keys.readable_certificates(roots)),
        )

    def _private_key(self, reference: str, name: str) -> RSAPrivateKey:
        text = self._secrets.required(reference, name)
        try:
            return _load_private_key(text)
        except SettingsError:
            raise UnusableMerchant(f"密钥文件 {reference}/{name} 不是 2048 位以上的 RSA 私钥") from None


@lru_cache(maxsize=512)
def _load_private_key(text: str) -> RSAPrivateKey:
    """Loading checks the primes, which takes longer than all else here; a reload meets the same keys again."""
    return alipay_keys.load_private_key(text)


def _readable(keys: Sequence[PlatformKey]) -> tuple[list[VerificationKey], tuple[str, ...]]:
    """Read the keys of WeChat Pay; one that cannot be read does not stop the others."""
    found, faults = [], []
    for key in keys:
        try:
            found.append(_wechat_key(key))
        except UnusableMerchant as refusal:
            faults.append(str(refusal))
    return found, tuple(faults)


def _wechat_key(key: PlatformKey) -> VerificationKey:
    try:
        if key.key_id.startswith(PUBLIC_KEY_PREFIX):
            return public_key_from_pem(key.key_id, key.pem.encode())
        read = certificate_from_pem(key.pem.encode())
    except (ValueError, TypeError):
        raise UnusableMerchant(f"公钥或证书 {key.key_id} 无法读取") from None
    if read.key_id != key.key_id:
        raise UnusableMerchant(f"平台证书的序列号是 {read.key_id}，与 {key.key_id} 不同")
    return read


def _alipay_key(key: PlatformKey) -> RSAPublicKey:
    try:
        if "CERTIFICATE" not in key.pem:
            return alipay_keys.load_public_key(key.pem)
        public = alipay_keys.load_certificate(key.pem.encode()).public_key()
    except (SettingsError, ValueError):
        raise UnusableMerchant(f"支付宝公钥 {key.key_id} 无法读取") from None
    if not isinstance(public, RSAPublicKey):
        raise UnusableMerchant(f"支付宝公钥 {key.key_id} 不是 RSA 公钥")
    return public


def _refuse(error: Exception) -> Never:
    """The texts of the clients name no secret, but are English; the kind of fault is enough beside the account."""
    raise UnusableMerchant(f"密钥或证书有误（{type(error).__name__}：{error}）") from None
