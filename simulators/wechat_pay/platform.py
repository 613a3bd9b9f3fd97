"""The loaded keys of WeChat Pay and its merchants, and the signed headers made with them.

Made once by `routes`/`control`; every answer and notification gets its headers here, also the deliberately wrong ones.
"""

import functools
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from simulators import key_files
from simulators.config import ConfigError, PayMerchant
from simulators.core import World
from simulators.wechat_pay.signing import PROBE_PREFIX, SCHEME, answer_text, sign

UNKNOWN_SERIAL = "PUB_KEY_ID_0999999999992099123100000000000099"
STALE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant with its public key."""

    config: PayMerchant
    public_key: rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A platform key; `certificate_pem` is empty for 微信支付公钥."""

    id: str
    private_key: rsa.RSAPrivateKey
    certificate_pem: str


class Platform:
    """All merchants and signing keys; the first key is the default signer."""

    def __init__(self, world: World) -> None:
        settings = world.config.wechat_pay
        self._clock = world.clock
        self.merchants = {
            row.mch_id: Merchant(row, key_files.public_key(world, row.public_key_file)) for row in settings.merchants
        }
        self.keys = [
            SigningKey(
                row.id,
                key_files.private_key(world, row.private_key_file),
                world.config.read_file(row.certificate_file).decode() if row.certificate_file else "",
            )
            for row in settings.platform_keys
        ]
        if settings.merchants and not self.keys:
            raise ConfigError("wechat_pay: merchants without platform_keys")
        short = [row.mch_id for row in settings.merchants if len(row.apiv3_key.encode()) != 32]
        if short:
            raise ConfigError(f"wechat_pay: apiv3_key of {short[0]} is not 32 bytes")

    def find_key(self, key_id: str) -> SigningKey | None:
        """Return the platform key of this id; an empty id gives the default signer."""
        return self.keys[0] if not key_id else next((key for key in self.keys if key.id == key_id), None)

    def signed_headers(self, body: bytes, key: SigningKey, wrong: str = "") -> dict[str, str]:
        """Return the five Wechatpay-* headers over a body.

        Args: wrong = "" or one of unsigned, wrong_signature, stale, signtest, rotated_key, unknown_serial.
        """
        if wrong == "unsigned":
            return {}
        timestamp = self._clock.wire_timestamp() - (STALE_SECONDS if wrong == "stale" else 0)
        nonce, serial, private_key = secrets.token_hex(16), key.id, key.private_key
        if wrong in ("rotated_key", "unknown_serial"):
            serial, private_key = UNKNOWN_SERIAL, _unknown_key()
        signed = b"another text" if wrong in ("wrong_signature", "signtest") else answer_text(timestamp, nonce, body)
        signature = sign(private_key, signed)
        return {
            "Wechatpay-Timestamp": str(timestamp),
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": serial,
            "Wechatpay-Signature": PROBE_PREFIX + signature if wrong == "signtest" else signature,
            "Wechatpay-Signature-Type": SCHEME,
        }


@functools.cache
def _unknown_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)
