"""A factory of fake channels for stored merchant accounts: what the registry of merchants is tested with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.errors import CallbackRejected
from payments.merchants.ports import MadeChannel, UnusableMerchant
from payments.merchants.records import SETTINGS, Merchant, PlatformKey
from payments.neutral import PaymentNotified, ProviderEvent
from tests.fakes.payment_provider import FakeOrder, FakePaymentChannel


class KeyedChannel(FakePaymentChannel):
    """A channel whose callbacks name the key that signed them; only keys that the account believes are taken."""

    def __init__(self, merchant: Merchant, key_ids: frozenset[str], orders: dict[str, FakeOrder]) -> None:
        super().__init__(merchant.account.channel.lower(), merchant.account.mch_id)
        self.orders = orders
        self.key_ids = key_ids

    def callback(self, out_trade_no: str, /, **changed: str) -> dict[str, str]:
        order = self.orders[out_trade_no].order
        return super().callback(out_trade_no, **{"sub_mch_id": order.sub_mch_id, **changed})

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        if headers.get("serial", "") not in self.key_ids:
            raise CallbackRejected(provider=self.provider, reason="unknown_serial")
        return super().parse_callback(headers, body)

    def _paid(self, content: dict[str, str]) -> PaymentNotified:
        return replace(super()._paid(content), sub_mch_id=content.get("sub_mch_id", ""))


class FakeCertificates:
    """A platform that hands out these certificates."""

    def __init__(self) -> None:
        self.offered: list[PlatformKey] = []
        self.fetched = 0

    async def fetch_certificates(self) -> list[PlatformKey]:
        self.fetched += 1
        return list(self.offered)


class FakeFactory:
    """Implements ChannelFactory. `broken` maps codes to reasons; the provider's orders outlive every reload."""

    def __init__(self) -> None:
        self.broken: dict[str, str] = {}
        self.orders: dict[str, dict[str, FakeOrder]] = {}
        self.certificates = FakeCertificates()
        self.files = 0
        self.made = 0

    def make(self, merchant: Merchant, keys: Sequence[PlatformKey]) -> MadeChannel:
        code = merchant.account.code
        if code in self.broken:
            raise UnusableMerchant(self.broken[code])
        self.made += 1
        key_ids = frozenset(key.key_id for key in keys) | (
            {"settings"} if merchant.key_reference == SETTINGS else set()
        )
        channel = KeyedChannel(merchant, key_ids, self.orders.setdefault(code, {}))
        return MadeChannel(channel, certificates=self.certificates if merchant.fetches_certificates else None)

    def check_key(self, channel: str, key: PlatformKey) -> PlatformKey:
        if "KEY" not in key.pem:
            raise UnusableMerchant(f"公钥 {key.key_id} 无法读取")
        return key

    def stamp(self, references: Sequence[str]) -> object:
        return self.files
