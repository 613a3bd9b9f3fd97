"""The fault matrix of notices as data: what each answer of a channel leads to. Walked by test_notices.py, printed in
docs/notices.md.

Source: WeChat mini-program documents, 发送订阅消息; Alipay open platform, alipay.open.app.mini.templatemessage.send;
Alibaba Cloud and Tencent Cloud, SendSms error codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """Faults of one channel that end alike.

    Attributes:
        outcome: what is written of the try ("" where none is).
        notice: status / channel / reason while the fault lasts; the template's next channel is SMS.
        stock: what became of the one-time permission ("–" for SMS).
        end: status / channel once the fault is over and the next try has come.
        alarm: a person must look; `sjt_notice_faults_total` counts it.
    """

    channel: str
    faults: tuple[str, ...]
    outcome: str
    notice: str
    stock: str
    end: str
    alarm: bool = False

    def cases(self) -> Iterator[tuple[NoticeRow, str]]:
        """Return the row once for each of its faults."""
        return ((self, fault) for fault in self.faults)


def _codes(text: str) -> tuple[str, ...]:
    return tuple(f"code {name}" for name in text.split())


_WAITS, _NEXT = "QUEUED", "SENT / SMS"
WECHAT = (
    NoticeRow(
        "WECHAT", ("timeout", "reset", "lost", "http 500", "http 502"), "UNKNOWN", _WAITS, "HELD", "SENT / WECHAT"
    ),
    NoticeRow("WECHAT", ("refused",), "LATER", _WAITS, "HELD", "SENT / WECHAT"),
    NoticeRow("WECHAT", _codes("-1 45011"), "LATER", _WAITS, "HELD", "SENT / WECHAT"),
    NoticeRow("WECHAT", _codes("43108"), "LATER", _WAITS, "HELD", "SENT / WECHAT"),
    NoticeRow("WECHAT", _codes("40001 40014 42001 41001"), "LATER", _WAITS, "HELD", "SENT / WECHAT", alarm=True),
    NoticeRow("WECHAT", _codes("45009"), "LATER", "QUEUED until midnight", "HELD", "QUEUED", alarm=True),
    NoticeRow("WECHAT", _codes("43101"), "REFUSED", _NEXT, "VOID", _NEXT),
    NoticeRow("WECHAT", _codes("40003"), "REFUSED", _NEXT, "IN_STOCK", _NEXT),
    NoticeRow("WECHAT", _codes("43107 40037 45168 47003 41030 99999"), "REFUSED", _NEXT, "IN_STOCK", _NEXT, alarm=True),
)
_BUSY = "MSG_SINGLE_SD_OVER MSG_SEND_ERROR QUERY_CONSUMER_REQEUST_ERROR isv.app-call-limited"
_TEMPLATE = (
    "TEMPLATE_ILLEGAL USER_TEMPLATE_ILLEGAL USER_TEMPLATE_STATUS_ILLEGAL USER_TEMPLATE_LACK_KEYWORD"
    " MESSAGE_TEMPLATE_KEYWORD_ILLEGAL MSG_TEMPLATE_ID_VALID"
)
_CONTENT = (
    "USER_KEYWORD_LENGTH_ERROR PAGE_OVER_LIMIT DATA_CONTENT_FORMAT_ERROR BIZ_CONTENT_FORMAT_ERROR DATA_SENSITIVE"
    " DATA_IS_EMPTY ILLEGAL_ARGUMENT_PARAMS"
)
_RECEIVER = "USER_ID_INVALID MESSAGE_SEND_AUTH_ERROR APP_TYPE_ERROR APP_NO_AVAIABLE isv.invalid-signature"
_UNREACHABLE = (
    "MSG_UNSUBSCRIBED MSG_REJECTED MSG_UNAUTHORIZED MSG_CONTENT_NOT_INTERESTED NO_BIND_PUBLIC_APP"
    " NO_RECENT_VISIT_RECORD NO_PLACE_ORDER_RECORD"
)
_FORM_ID = "FORM_ID_INVALID FORM_ID_NOT_MATCH_APPID FORM_ID_OVER_TIME FORM_ID_SEND_LIMIT TRADE_NO_NOT_MATCH_USERID"
ALIPAY = (
    NoticeRow(
        "ALIPAY",
        ("timeout", "reset", "lost", "http 500", *_codes("isp.unknow-error aop.unknow-error")),
        *("UNKNOWN", _WAITS, "HELD", "SENT / ALIPAY"),
    ),
    NoticeRow("ALIPAY", ("unsigned", "wrong_signature"), "UNKNOWN", _WAITS, "HELD", "SENT / ALIPAY", alarm=True),
    NoticeRow("ALIPAY", ("refused",), "LATER", _WAITS, "HELD", "SENT / ALIPAY"),
    NoticeRow("ALIPAY", _codes(_BUSY), "LATER", _WAITS, "HELD", "SENT / ALIPAY"),
    NoticeRow("ALIPAY", _codes(_UNREACHABLE), "REFUSED", _NEXT, "VOID", _NEXT),
    NoticeRow("ALIPAY", _codes(_FORM_ID), "REFUSED", _NEXT, "IN_STOCK", _NEXT),
    NoticeRow("ALIPAY", _codes(f"{_TEMPLATE} {_CONTENT} {_RECEIVER}"), "REFUSED", _NEXT, "IN_STOCK", _NEXT, alarm=True),
)
_ALIYUN_LIMIT = "isv.BUSINESS_LIMIT_CONTROL isv.DAY_LIMIT_CONTROL isv.MONTH_LIMIT_CONTROL isv.MOBILE_NUMBER_ILLEGAL"
_ALIYUN_ALARM = (
    "isv.SMS_SIGN_ILLEGAL isv.SMS_SIGNATURE_SCENE_ILLEGAL isv.SIGN_STATE_ILLEGAL isv.SMS_CONTENT_ILLEGAL"
    " isv.OUT_OF_SERVICE isv.PRODUCT_UN_SUBSCRIPT isv.ACCOUNT_ABNORMAL isv.DENY_IP_RANGE isp.RAM_PERMISSION_DENY"
    " SignatureDoesNotMatch"
)
_TENCENT_ALARM = (
    "FailedOperation.TemplateIncorrectOrUnapproved FailedOperation.SignatureIncorrectOrUnapproved"
    " FailedOperation.TemplateParamSetNotMatchApprovedTemplate FailedOperation.InsufficientBalanceInSmsPackage"
    " UnauthorizedOperation.RequestIpNotInWhitelist AuthFailure.SignatureExpire"
    " InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"
)
_TENCENT_LIMIT = (
    "LimitExceeded.PhoneNumberThirtySecondLimit LimitExceeded.PhoneNumberDailyLimit LimitExceeded.AppDailyLimit"
    " FailedOperation.PhoneNumberInBlacklist"
)
_BOX = "INBOX_ONLY / INBOX / refused"
SMS = tuple(
    row
    for name, busy, limits, alarms in (
        ("ALIYUN", "isp.SYSTEM_ERROR Throttling.User", _ALIYUN_LIMIT, _ALIYUN_ALARM),
        ("TENCENT", "RequestLimitExceeded InternalError.Timeout", _TENCENT_LIMIT, _TENCENT_ALARM),
    )
    for row in (
        NoticeRow(name, ("timeout", "reset", "lost", "http 500"), "UNKNOWN", _WAITS, "–", "SENT / SMS"),
        NoticeRow(name, ("refused",), "LATER", _WAITS, "–", "SENT / SMS"),
        NoticeRow(name, _codes(busy), "LATER", _WAITS, "–", "SENT / SMS"),
        NoticeRow(name, _codes(limits), "REFUSED", _BOX, "–", "INBOX_ONLY / INBOX"),
        NoticeRow(name, _codes(alarms), "REFUSED", _BOX, "–", "INBOX_ONLY / INBOX", alarm=True),
    )
)
ROWS = (*WECHAT, *ALIPAY, *SMS)
