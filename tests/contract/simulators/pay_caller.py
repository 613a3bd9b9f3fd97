"""A merchant of WeChat Pay whose requests the independent client signs, and the orders that the tests place."""

import functools
import json
import time
from typing import Any

from wechatpayv3.utils import build_authorization, load_private_key, load_public_key, rsa_sign, rsa_verify

from tests.contract.simulators.simulator_process import Reply, Simulators

_load_private_key = functools.cache(load_private_key)
"""Loading checks the primes, which takes longer than a whole test; every test uses the same keys."""


class PayClient:
    """A merchant of WeChat Pay: requests signed by wechatpayv3, and the orders the tests place."""

    def __init__(self, sim: Simulators, mch_id: str, role: str) -> None:
        self.sim, self.mch_id = sim, mch_id
        rows = sim.config["wechat_pay"]["merchants"]
        self._settings = next(row for row in rows if row["mch_id"] == mch_id)
        self.private_key = _load_private_key(sim.keys.private[role])
        self.apiv3_key = self._settings["apiv3_key"]
        self.app_id, secret = (
            ("wx0123456789abcdef", "s" * 32) if role == "merchant" else ("wx00112233445566aa", "t" * 32)
        )
        login = f"/sns/jscode2session?appid={self.app_id}&secret={secret}&js_code=demo-zhang-wei"
        self.openid = sim.json("wechat", "GET", f"{login}&grant_type=authorization_code")["openid"]

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        signed_path: str = "",
    ) -> Reply:
        """Send a signed request; `headers` replace ours, an empty value removes one."""
        data = "" if body is None else json.dumps(body, ensure_ascii=False)
        serial = self._settings["serial"]
        authorization = build_authorization(signed_path or path, method, self.mch_id, serial, self.private_key, data)
        sent = {"Accept": "application/json", "User-Agent": "test", "Authorization": authorization}
        if data:
            sent["Content-Type"] = "application/json"
        sent = {name: value for name, value in (sent | (headers or {})).items() if value}
        return self.sim.call("wechat_pay", method, path, data.encode() or None, sent)

    def is_signed(self, reply: Reply, public_key: Any = None) -> bool:
        """Say whether wechatpayv3 accepts the answer's signature (default: 微信支付公钥)."""
        return bool(
            rsa_verify(
                reply.headers["wechatpay-timestamp"],
                reply.headers["wechatpay-nonce"],
                reply.body.decode(),
                reply.headers["wechatpay-signature"],
                public_key or load_public_key(self.sim.keys.public["platform"]),
            )
        )

    def order(self, **change: Any) -> dict[str, Any]:
        """Return an order body; a partner's names its sub-merchant."""
        partner = {"sp_appid": "wxfedcba9876543210", "sp_mchid": self.mch_id}
        partner |= {"sub_appid": self.app_id, "sub_mchid": "1900000109"}
        direct = {"appid": self.app_id, "mchid": self.mch_id}
        return {
            **(direct if self.mch_id == "1900000001" else partner),
            "description": "居民身份证补领工本费",
            "out_trade_no": "SJT0001",
            "attach": "业务=身份证补领",
            "notify_url": f"{self.sim.sink.url}/callbacks/wechat-pay/{self.mch_id}",
            "amount": {"total": 4000, "currency": "CNY"},
            "payer": {"openid" if self.mch_id == "1900000001" else "sub_openid": self.openid},
        } | change

    def refund(self, refund_fen: int, **change: Any) -> dict[str, Any]:
        """Return a refund application of the order."""
        return {
            "out_trade_no": "SJT0001",
            "out_refund_no": "SJTR0001",
            "reason": "申请被退回",
            "notify_url": f"{self.sim.sink.url}/callbacks/wechat-pay/{self.mch_id}",
            "amount": {"refund": refund_fen, "total": 4000, "currency": "CNY"},
        } | change

    def parameters(self, prepay_id: str) -> dict[str, str]:
        """Return the five parameters of wx.requestPayment."""
        package, timestamp, nonce = f"prepay_id={prepay_id}", str(int(time.time())), "n" * 32
        sign = rsa_sign(self.private_key, f"{self.app_id}\n{timestamp}\n{nonce}\n{package}\n")
        return {"timeStamp": timestamp, "nonceStr": nonce, "package": package, "signType": "RSA", "paySign": sign}

    def paid(self, notify: str = "none", delay_seconds: float = 0, **change: Any) -> Any:
        """Order and pay on 张伟's phone; return the control API's answer."""
        path = "/v3/pay/transactions/jsapi" if self.mch_id == "1900000001" else "/v3/pay/partner/transactions/jsapi"
        prepay_id = self("POST", path, self.order(**change)).json()["prepay_id"]
        body = {"parameters": self.parameters(prepay_id), "person": "zhang-wei"}
        return self.sim.control("POST", "/wechat_pay/pay", body | {"notify": notify, "delay_seconds": delay_seconds})
