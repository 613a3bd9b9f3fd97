"""The allowed fields of order, close and refund bodies, and the check that refuses everything else. Pure.

Source: WeChat Pay APIv3, JSAPI下单, 关闭订单, 退款申请 (field tables), 2025.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.wechat_pay.wire import PayError

UNKNOWN_FIELD = 270924358
BAD_ARGUMENT = 268435461


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its JSON type, whether required, longest text, smallest number, pattern, inner fields."""

    kind: type
    required: bool = False
    longest: int = 0
    least: int | None = None
    pattern: str = ""
    fields: Mapping[str, "Field"] | None = None
    choices: tuple[str, ...] = ()


Fields = Mapping[str, Field]
LOOPBACK_OR_HTTPS = r"(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])[^?#\s]+"
OUT_TRADE_NO = Field(str, True, pattern=r"[0-9A-Za-z_\-|*]{6,32}")

_AMOUNT: Fields = {"total": Field(int, True, least=1), "currency": Field(str, choices=("CNY",))}
_GOODS: Fields = {
    "merchant_goods_id": Field(str, True, 32),
    "wechatpay_goods_id": Field(str, longest=32),
    "goods_name": Field(str, longest=256),
    "quantity": Field(int, True, least=1),
    "unit_price": Field(int, True, least=0),
}
_STORE: Fields = {
    "id": Field(str, True, 32),
    "name": Field(str, longest=256),
    "area_code": Field(str, longest=32),
    "address": Field(str, longest=512),
}
_ORDER: Fields = {
    "description": Field(str, True, 127, pattern=r"[^\r\n]+"),
    "out_trade_no": OUT_TRADE_NO,
    "time_expire": Field(str, longest=64, pattern=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\+\d\d:\d\d|Z)"),
    "attach": Field(str, longest=128),
    "notify_url": Field(str, True, 255, pattern=LOOPBACK_OR_HTTPS),
    "goods_tag": Field(str, longest=32),
    "support_fapiao": Field(bool),
    "limit_pay": Field(list),
    "amount": Field(dict, True, fields=_AMOUNT),
    "detail": Field(
        dict,
        fields={
            "cost_price": Field(int, least=0),
            "invoice_id": Field(str, longest=32),
            "goods_detail": Field(list, fields=_GOODS),
        },
    ),
    "scene_info": Field(
        dict,
        fields={
            "payer_client_ip": Field(str, True, 45),
            "device_id": Field(str, longest=32),
            "store_info": Field(dict, fields=_STORE),
        },
    ),
    "settle_info": Field(dict, fields={"profit_sharing": Field(bool)}),
}
DIRECT_ORDER: Fields = {
    "appid": Field(str, True, 32),
    "mchid": Field(str, True, 32),
    **_ORDER,
    "payer": Field(dict, True, fields={"openid": Field(str, True, 128)}),
}
PARTNER_ORDER: Fields = {
    "sp_appid": Field(str, True, 32),
    "sp_mchid": Field(str, True, 32),
    "sub_appid": Field(str, longest=32),
    "sub_mchid": Field(str, True, 32),
    **_ORDER,
    "payer": Field(dict, True, fields={"sp_openid": Field(str, longest=128), "sub_openid": Field(str, longest=128)}),
}
DIRECT_CLOSE: Fields = {"mchid": Field(str, True, 32)}
PARTNER_CLOSE: Fields = {"sp_mchid": Field(str, True, 32), "sub_mchid": Field(str, True, 32)}
_FROM: Fields = {
    "account": Field(str, True, choices=("AVAILABLE", "UNAVAILABLE")),
    "amount": Field(int, True, least=1),
}
_REFUND_GOODS: Fields = {
    "merchant_goods_id": Field(str, True, 32),
    "wechatpay_goods_id": Field(str, longest=32),
    "goods_name": Field(str, longest=256),
    "unit_price": Field(int, True, least=0),
    "refund_amount": Field(int, True, least=0),
    "refund_quantity": Field(int, True, least=1),
}
REFUND: Fields = {
    "sub_mchid": Field(str, longest=32),
    "transaction_id": Field(str, longest=32),
    "out_trade_no": Field(str, longest=32),
    "out_refund_no": Field(str, True, pattern=r"[0-9A-Za-z_\-|*@]{1,64}"),
    "reason": Field(str, longest=80),
    "notify_url": Field(str, longest=256, pattern=LOOPBACK_OR_HTTPS),
    "funds_account": Field(str, choices=("AVAILABLE", "UNSETTLED")),
    "amount": Field(
        dict,
        True,
        fields={
            "refund": Field(int, True, least=1),
            "total": Field(int, True, least=1),
            "currency": Field(str, True, choices=("CNY",)),
            "from": Field(list, fields=_FROM),
        },
    ),
    "goods_detail": Field(list, fields=_REFUND_GOODS),
}


def check_fields(body: Mapping[str, Any], allowed: Fields, path: str = "") -> None:
    """Refuse unknown, missing, mistyped, too long or malformed fields, the first one found.

    Raises: PayError PARAM_ERROR with `detail.field` as a JSON pointer.
    """
    for name in body:
        if name not in allowed:
            raise _fault(f"{path}/{name}", "请求中含有未在API文档中定义的参数", UNKNOWN_FIELD)
    for name, field in allowed.items():
        if name in body:
            _check_value(f"{path}/{name}", body[name], field)
        elif field.required:
            raise _fault(f"{path}/{name}", "缺少必填参数")


def _check_value(path: str, value: Any, field: Field) -> None:
    if not isinstance(value, field.kind) or (field.kind is int and isinstance(value, bool)):
        raise _fault(path, "参数类型错误")
    if isinstance(value, str):
        _check_text(path, value, field)
    if isinstance(value, int) and field.least is not None and value < field.least:
        raise _fault(path, f"输入值小于最小值 {field.least}")
    if isinstance(value, dict) and field.fields is not None:
        check_fields(value, field.fields, path)
    if isinstance(value, list) and field.fields is not None:
        for index, item in enumerate(value):
            _check_value(f"{path}/{index}", item, Field(dict, fields=field.fields))


def _check_text(path: str, value: str, field: Field) -> None:
    if field.required and not value:
        raise _fault(path, "缺少必填参数")
    longest = len(value.encode("utf-8", "replace")) if path == "/reason" else len(value)
    if field.longest and longest > field.longest:
        raise _fault(path, f"输入值超过最大长度 {field.longest}")
    if field.pattern and not re.fullmatch(field.pattern, value):
        raise _fault(path, "输入值的格式不正确")
    if field.choices and value not in field.choices:
        raise _fault(path, f"输入值只能是 {'、'.join(field.choices)}")


def _fault(path: str, issue: str, cause: int = BAD_ARGUMENT) -> PayError:
    detail = {"field": path, "issue": issue, "location": "body"}
    return PayError("PARAM_ERROR", f"输入源“/body{path}”映射到字段有误：{issue}", cause, detail)
