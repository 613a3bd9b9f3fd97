"""The gateway's error words: public codes, and the failure that a method handler raises.

Used inside the Alipay simulator only.
"""

_MESSAGES = {
    "20000": "Service Currently Unavailable",
    "20001": "Insufficient Token Permissions",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}


class AlipayError(Exception):
    """A refusal in the gateway's words. `signed` is false for the gateway-level ones that come without a sign."""

    def __init__(self, code: str, sub_code: str, sub_msg: str, *, signed: bool = True) -> None:
        super().__init__(sub_code)
        self.code = code
        self.sub_code = sub_code
        self.sub_msg = sub_msg
        self.signed = signed

    def body(self) -> dict[str, str]:
        """Render the content of the response node. Source: 支付宝开放平台 公共错误码."""
        return {
            "code": self.code,
            "msg": _MESSAGES.get(self.code, "Business Failed"),
            "sub_code": self.sub_code,
            "sub_msg": self.sub_msg,
        }


def business_failure(sub_code: str, sub_msg: str) -> AlipayError:
    """Make a 40004 refusal (业务处理失败)."""
    return AlipayError("40004", sub_code, sub_msg)


def invalid_argument(sub_code: str, sub_msg: str) -> AlipayError:
    """Make a 40002 refusal (非法的参数) that the gateway signs."""
    return AlipayError("40002", sub_code, sub_msg)


def gateway_refusal(code: str, sub_code: str, sub_msg: str) -> AlipayError:
    """Make a refusal of the gateway itself, which it sends unsigned."""
    return AlipayError(code, sub_code, sub_msg, signed=False)


def public_code(sub_code: str) -> str:
    """Choose the public code that belongs to a sub code, for errors asked for by a fault."""
    if sub_code in _MESSAGES:
        return sub_code
    if sub_code.startswith(("isp.", "aop.")) or sub_code == "SYSTEM_ERROR":
        return "20000"
    if sub_code.endswith("call-limited"):
        return "40005"
    if "permissions" in sub_code:
        return "40006"
    if sub_code.startswith("isv.missing-"):
        return "40001"
    return "40002" if sub_code.startswith("isv.") else "40004"
