"""Every error code that the providers document, grouped by what it means to us; with WeChat Pay's HTTP status.

Source: WeChat Pay, 公共错误码, 退款错误码; Alipay, 公共错误码, 业务错误码 of alipay.trade.*; docs/providers/fiscal.md.
"""

WECHAT_BUSY = (
    "code 500 SYSTEM_ERROR",
    "code 500 SYSTEMERROR",
    "code 500 BANK_ERROR",
    "code 500 BANKERROR",
    "code 429 FREQUENCY_LIMITED",
    "code 429 RATELIMIT_EXCEEDED",
    "code 202 USERPAYING",
)
WECHAT_NO = (
    "code 400 PARAM_ERROR",
    "code 400 INVALID_REQUEST",
    "code 400 APPID_MCHID_NOT_MATCH",
    "code 400 MCH_NOT_EXISTS",
    "code 401 SIGN_ERROR",
    "code 403 TRADE_ERROR",
    "code 403 RULE_LIMIT",
    "code 403 RULELIMIT",
    "code 403 OUT_TRADE_NO_USED",
    "code 403 NO_AUTH",
    "code 403 NOAUTH",
    "code 403 ACCOUNT_ERROR",
    "code 403 ACCOUNTERROR",
    "code 500 OPENID_MISMATCH",
    "code 500 INVALID_TRANSACTIONID",
    "http 404",
)
WECHAT_NO_BALANCE = ("code 403 NOT_ENOUGH", "code 403 NOTENOUGH")
WECHAT_STATES = ("code 400 ORDERPAID", "code 400 ORDER_PAID", "code 400 ORDER_CLOSED")
WECHAT_NO_ORDER = ("code 404 ORDER_NOT_EXIST", "code 404 ORDERNOTEXIST")
WECHAT_NO_RESOURCE = ("code 404 RESOURCE_NOT_EXISTS",)
WECHAT_FALSE = ("http 200", "unsigned", "wrong_signature", "rotated_key", "stale")
ALIPAY_BUSY = (
    "code isp.unknow-error",
    "code aop.unknow-error",
    "code aop.ACQ.SYSTEM_ERROR",
    "code ACQ.SYSTEM_ERROR",
    "code AQC.SYSTEM_ERROR",
)
ALIPAY_RATE = ("code isv.app-call-limited", "code isv.method-call-limited")
ALIPAY_GATEWAY_NO = (
    "code 20001",
    "code isv.missing-method",
    "code isv.missing-timestamp",
    "code isv.invalid-signature",
    "code isv.invalid-app-id",
    "code isv.invalid-timestamp",
    "code isv.invalid-openid",
    "code isv.suspected-attack",
    "code 40003",
    "code isv.insufficient-isv-permissions",
    "code isv.insufficient-user-permissions",
)
ALIPAY_CREATE_NO = tuple(
    f"code ACQ.{name}"
    for name in (
        "INVALID_PARAMETER ACCESS_FORBIDDEN EXIST_FORBIDDEN_WORD PARTNER_ERROR TOTAL_FEE_EXCEED CONTEXT_INCONSISTENT"
        " TRADE_HAS_SUCCESS TRADE_HAS_CLOSE BUYER_SELLER_EQUAL TRADE_BUYER_NOT_MATCH BUYER_ENABLE_STATUS_FORBID"
        " BUYER_NOT_EXIST SELLER_BEEN_BLOCKED INVALID_RECEIVE_ACCOUNT NOW_TIME_AFTER_EXPIRE_TIME_ERROR"
        " OPEN_ID_NOT_TINY_APP UNBOUND_APPLICATION PRODUCT_NOT_SUPPORT_IN_TINY_APP BIZ_PRODUCT_NOT_ALLOWED"
        " MERCHANT_STATUS_NOT_NORMAL MERCHANT_PERM_RECEIPT_DAY_LIMIT"
    ).split()
)
ALIPAY_REFUND_NO = tuple(
    f"code ACQ.{name}"
    for name in (
        "REFUND_AMT_NOT_EQUAL_TOTAL REASON_TRADE_REFUND_FEE_ERR REFUND_FEE_ERROR TRADE_NOT_EXIST TRADE_HAS_FINISHED"
        " TRADE_HAS_CLOSE TRADE_STATUS_ERROR REASON_TRADE_STATUS_INVALID REASON_TRADE_BEEN_FREEZEN"
        " TRADE_NOT_ALLOW_REFUND NOT_ALLOW_PARTIAL_REFUND BUYER_NOT_EXIST BUYER_ERROR DISCORDANT_REPEAT_REQUEST"
        " TRADE_SETTLE_ERROR"
    ).split()
)
ALIPAY_NO_TRADE = ("code ACQ.TRADE_NOT_EXIST",)
ALIPAY_FALSE = ("http 404", "http 200", "unsigned", "wrong_signature", "rotated_key")
FISCAL_BUSY = ("code NT9999",)
FISCAL_LATER = ("code NT0003", "code NT0006", "code NT1008", "code NT9001")
FISCAL_NO = tuple(f"code NT{number}" for number in "0001 0002 0004 0005 1002 1003 1004 1005 1006 1009 8888".split())
FISCAL_FALSE = (
    "http 404",
    "http 200",
    "unsigned",
    "wrong_signature",
    "rotated_key",
    "stale",
    "wrong_app",
    "wrong_merchant",
)
FISCAL_NO_CODE, FISCAL_NOT_PAID = ("code NT1001",), ("code NT1007",)
