"""One Alipay application with its keys, as wiring builds it from the settings; in public-key or certificate mode."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from app.errors import SettingsError

PRODUCTION_GATEWAY = "https://openapi.alipay.com/gateway.do"


@dataclass(frozen=True, slots=True)
class AlipayApp:
    """Identity and keys of one mini-program at Alipay.

    `alipay_public_keys` serve the public-key mode (普通公钥方式); several at once let a key be rotated. In certificate
    mode (公钥证书方式) `app_cert_sn` and `root_cert_sn` are set, `pinned_certificates` holds the Alipay certificates
    that we believe by SN (the gateway client adds a re-issued one after checking it against `root_certificates`).
    With `app_auth_token` (应用授权令牌) every call is made in the name of the merchant who gave it (ISV mode).
    Raises: SettingsError when the parts do not fit together.
    """

    app_id: str
    seller_id: str
    private_key: RSAPrivateKey = field(repr=False)
    alipay_public_keys: tuple[RSAPublicKey, ...] = field(default=(), repr=False)
    aes_key: bytes | None = field(default=None, repr=False)
    gateway_url: str = PRODUCTION_GATEWAY
    app_cert_sn: str = ""
    root_cert_sn: str = ""
    pinned_certificates: dict[str, x509.Certificate] = field(default_factory=dict, repr=False)
    root_certificates: tuple[x509.Certificate, ...] = field(default=(), repr=False)
    app_auth_token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.certificate_mode and not (self.root_cert_sn and self.pinned_certificates):
            raise SettingsError("Alipay certificate mode needs the root bundle's SN and Alipay's certificate")
        if not self.certificate_mode and not self.alipay_public_keys:
            raise SettingsError("Alipay public key is missing")
        # The most common mix-up: our own 应用公钥 pasted where the 支付宝公钥 belongs.
        if self.private_key.public_key() in self._all_keys():
            raise SettingsError("the Alipay public key given is our own application public key")

    @property
    def certificate_mode(self) -> bool:
        """Say whether the console is set to certificates (公钥证书方式)."""
        return bool(self.app_cert_sn)

    def keys_for(self, certificate_sn: str | None) -> tuple[RSAPublicKey, ...]:
        """Return the keys that may have signed something which names this certificate; empty if it is not pinned."""
        if not self.certificate_mode:
            return self.alipay_public_keys
        if not certificate_sn:
            return tuple(self._all_keys())
        pinned = self.pinned_certificates.get(certificate_sn)
        return tuple(_rsa_keys([pinned])) if pinned else ()

    def _all_keys(self) -> Iterable[RSAPublicKey]:
        return [*self.alipay_public_keys, *_rsa_keys(self.pinned_certificates.values())]


def _rsa_keys(certificates: Iterable[x509.Certificate]) -> Iterable[RSAPublicKey]:
    for certificate in certificates:
        key = certificate.public_key()
        if isinstance(key, RSAPublicKey):
            yield key
