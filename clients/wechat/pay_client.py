"""WeChat Pay's operations on orders and refunds, direct and partner mode, for the payments adapter.

Every answer is verified before it is read. It must not decide what a state means for us.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

import msgspec

from app.clock import rfc3339
from app.errors import ProviderProtocolError
from clients.wechat.pay_bill_files import PayBillFiles
from clients.wechat.pay_crypto import Resource, Undecryptable, decrypt_resource
from clients.wechat.pay_errors import PROVIDER
from clients.wechat.pay_keys import VerificationKey, certificate_from_pem
from clients.wechat.pay_signing import phone_parameters
from clients.wechat.pay_types import PrepayOrder, Refund, RefundOrder, Transaction
from clients.wechat.pay_wire import PayWire, new_nonce, read, render


class _Prepaid(msgspec.Struct):
    prepay_id: str


class _CertificateItem(msgspec.Struct):
    serial_no: str
    encrypt_certificate: Resource


class _CertificateList(msgspec.Struct):
    data: list[_CertificateItem]


class PayClient:
    """Orders and refunds of one merchant account. All methods raise as `PayWire.call` does."""

    def __init__(self, wire: PayWire) -> None:
        self.bill_files = PayBillFiles(wire)
        self._wire = wire
        self._merchant = wire.merchant
        self._orders = "/v3/pay/partner/transactions" if wire.merchant.is_partner else "/v3/pay/transactions"

    async def prepay(self, order: PrepayOrder) -> str:
        """Place the order; return the prepay_id, valid for 2 hours.

        Idempotent: yes, by `out_trade_no` with identical values; other values are refused.
        Source: WeChat Pay, JSAPI/小程序下单 (partner: 服务商 JSAPI/小程序下单).
        """
        return await self.place(self.prepay_body(order))

    async def place(self, body: bytes) -> str:
        """Place an order by the exact bytes of `prepay_body`, also kept ones: a repeat must not differ by a byte.

        Idempotent: yes, by the `out_trade_no` in it. Source: as `prepay`.
        """
        answer = await self._wire.call("prepay", "POST", f"{self._orders}/jsapi", body)
        return read("prepay", answer, _Prepaid).prepay_id

    def prepay_body(self, order: PrepayOrder) -> bytes:
        """Return the exact bytes of the order: equal orders give equal bytes. Unknown fields would be refused."""
        fields: dict[str, object] = {
            **self._owner(order.app_id),
            "description": order.description,
            "out_trade_no": order.out_trade_no,
            "time_expire": rfc3339(order.expires_at),
            "notify_url": order.notify_url,
            "amount": {"total": order.amount_fen, "currency": "CNY"},
            "payer": self._payer(order),
        }
        if order.attach:
            fields["attach"] = order.attach
        if order.payer_client_ip:
            fields["scene_info"] = {"payer_client_ip": order.payer_client_ip}
        return render(fields)

    def pay_parameters(self, app_id: str, prepay_id: str) -> dict[str, str]:
        """Return what wx.requestPayment needs, freshly signed. `app_id`: the mini-program that will call it."""
        timestamp = int(self._wire.now().timestamp())
        return phone_parameters(self._merchant.private_key, app_id, prepay_id, timestamp=timestamp, nonce=new_nonce())

    async def query_order(self, out_trade_no: str) -> Transaction:
        """Ask for an order by our number. Raises ProviderRejected ORDER_NOT_EXIST if it was never placed.

        Source: WeChat Pay, 商户订单号查询订单.
        """
        path = f"{self._orders}/out-trade-no/{quote(out_trade_no, safe='')}?{urlencode(self._account())}"
        return read("query_order", await self._wire.call("query_order", "GET", path), Transaction)

    async def close_order(self, out_trade_no: str) -> None:
        """Close an unpaid order for ever. Raises ProviderRejected ORDER_PAID: then query and book it.

        Idempotent: yes, by `out_trade_no`. Source: WeChat Pay, 关闭订单.
        """
        path = f"{self._orders}/out-trade-no/{quote(out_trade_no, safe='')}/close"
        await self._wire.call("close_order", "POST", path, render(self._account()))

    async def refund(self, order: RefundOrder) -> Refund:
        """Ask for a refund; usually PROCESSING: the outcome comes by notification or query.

        Idempotent: yes, by `out_refund_no` with identical values; a new number refunds twice.
        Source: WeChat Pay, 申请退款.
        """
        fields = {
            **self._sub_account(),
            "out_trade_no": order.out_trade_no,
            "out_refund_no": order.out_refund_no,
            "reason": order.reason,
            "notify_url": order.notify_url,
            "amount": {"refund": order.refund_fen, "total": order.total_fen, "currency": "CNY"},
        }
        body = await self._wire.call("refund", "POST", "/v3/refund/domestic/refunds", render(fields))
        return read("refund", body, Refund)

    async def query_refund(self, out_refund_no: str) -> Refund:
        """Ask for a refund by our number. Raises ProviderRejected RESOURCE_NOT_EXISTS if unknown.

        Source: WeChat Pay, 查询单笔退款（通过商户退款单号）.
        """
        query = f"?{urlencode(self._sub_account())}" if self._merchant.is_partner else ""
        path = f"/v3/refund/domestic/refunds/{quote(out_refund_no, safe='')}{query}"
        return read("query_refund", await self._wire.call("query_refund", "GET", path), Refund)

    async def fetch_certificates(self) -> list[VerificationKey]:
        """Download the platform certificates; the caller adds them to the key store.

        The list is opened first (its AES-GCM tag proves it came from a holder of our APIv3 key), then its signature
        is checked with the stored keys and those inside. Merchants with only a 微信支付公钥 get ProviderRejected.
        Source: WeChat Pay, 下载平台证书.
        """
        answer = await self._wire.ask("certificates", "GET", "/v3/certificates")
        items = read("certificates", answer.body, _CertificateList).data
        found = [self._open_certificate(item) for item in items]
        self._wire.check_genuine("certificates", answer, self._wire.keys.joined_with(found))
        return found

    def _open_certificate(self, item: _CertificateItem) -> VerificationKey:
        try:
            key = certificate_from_pem(decrypt_resource(item.encrypt_certificate, [self._merchant.apiv3_key]))
        except (Undecryptable, ValueError):
            raise ProviderProtocolError(provider=PROVIDER, call="certificates", reason="decrypt") from None
        if key.key_id != item.serial_no:
            raise ProviderProtocolError(provider=PROVIDER, call="certificates", reason="serial_differs")
        return key

    def _account(self) -> dict[str, str]:
        if self._merchant.is_partner:
            return {"sp_mchid": self._merchant.mch_id, "sub_mchid": self._merchant.sub_mch_id}
        return {"mchid": self._merchant.mch_id}

    def _sub_account(self) -> dict[str, str]:
        return {"sub_mchid": self._merchant.sub_mch_id} if self._merchant.is_partner else {}

    def _owner(self, app_id: str) -> dict[str, str]:
        if not self._merchant.is_partner:
            return {"appid": app_id, **self._account()}
        sub_app = {} if app_id == self._merchant.sp_app_id else {"sub_appid": app_id}
        return {"sp_appid": self._merchant.sp_app_id, **self._account(), **sub_app}

    def _payer(self, order: PrepayOrder) -> dict[str, str]:
        if not self._merchant.is_partner:
            return {"openid": order.payer_openid}
        kind = "sp_openid" if order.app_id == self._merchant.sp_app_id else "sub_openid"
        return {kind: order.payer_openid}
