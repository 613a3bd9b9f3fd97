"""Example answers for the interface document, made from the answers' own types: one realistic value per field name.

A field whose name is not in the table gets a plain value of its type, so an example never contradicts its schema.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect

_MOMENT = "2026-11-22T10:30:00+08:00"
_VALUES: dict[str, Any] = {
    "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6IjIwMjZhIn0.eyJzdWIiOiIwMTkzIn0.c2lnbmF0dXJl",
    "refresh_token": "0bq3m1yJ5Xv8cR2nT7wKpLhZ4sD6fGaE9uQiOxVbNtM",
    "expires_in": 900,
    "application_no": "1420261122K7QF75CX9V",
    "package_no": "YJS20261122K7QF75CX9V",
    "package_code": "YJS1401050005",
    "package_version": 1,
    "package_name": "证件遗失补办一件事",
    "item_code": "11140105MB0001177F4140709012000",
    "item_name": "居民身份证补领",
    "item_version": 1,
    "division_code": "140105",
    "divisions": ["140105"],
    "list_id": "01939c5e000070008000000000000001",
    "department_code": "11140105MB0001177F",
    "status_text": "已受理",
    "outcome_text": "",
    "outcome": "",
    "version": 3,
    "form": {"applicant_name": "*伟", "reason": "遗失"},
    "material_code": "M02",
    "fee_fen": 4000,
    "amount_fen": 4000,
    "bill_no": "B20261122TJWZ000CPT",
    "payment_code": "14261122662234231898",
    "out_trade_no": "P20261122QTYSRXPMJWZD3QGN",
    "channel": "WECHAT",
    "parameters": {
        "timeStamp": "1795314600",
        "nonceStr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
        "package": "prepay_id=wx22103000000000000000000000000001",
        "signType": "RSA",
        "paySign": "oR9d8PuhnIc…",
    },
    "check_code": "a3f1c8",
    "account_code": "wechat-default",
    "mch_id": "1900000001",
    "department_name": "太原市公安局小店分局",
    "late_fee_fen": 0,
    "refunded_fen": 0,
    "title": "居民身份证工本费",
    "name": "*伟",
    "phone": "138****0001",
    "id_number": "140105********0012",
    "real_name_level": "L2",
    "recipient": "*伟",
    "region": "山西省太原市小店区",
    "street": "平阳路********",
    "shipment_no": "SJ202611225THQDD6N55E7",
    "waybill_no": "SF7638462987308",
    "courier": "SF",
    "carrier": "shunfeng",
    "rule_code": "XIAODIAN",
    "to_division_code": "140200",
    "leg": "OUTBOUND",
    "product": "2",
    "place_code": "140100-hall-pick",
    "box": "A07",
    "courier_name": "顺丰速运",
    "licence_no": "L20261122D2HM21RHPY",
    "identifier": "1.2.156.3005.2.11100000MB90000150001.11140105MB0001177F.2026112264D2HM21RHPY.001.V",
    "type_name": "居民身份证",
    "issuer_name": "太原市公安局小店分局",
    "holder_shown": "*伟",
    "receiver_shown": "*伟 138****0001 山西省太原市小店区平阳路********",
    "applicant_shown": "*伟",
    "actor_shown": "小店区综合窗口 郝婷",
    "told": "您的办件已受理，承诺于2026-12-12前办结",
    "text": "您申请的居民身份证补领已受理，承诺于2026-12-12前办结",
    "content_type": "image/jpeg",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "text_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "size": 67311,
    "promised_due_on": "2026-12-12",
    "template_id": "21q4ClswscCTf07I8PjUhmi2ogviaNfrWta57_cLkIF",
    "quiet_from": "21:00",
    "quiet_until": "08:00",
    "language": "zh-CN",
    "tags": ["退役军人"],
    "next_cursor": None,
    "reason": "",
    "url": "https://openapi.alipay.com/gateway.do?…",
}


def example_of(kind: Any) -> Any:
    """Return an example of a type that an answer has; JSON-ready."""
    return _example(inspect.type_info(kind), "", 0)


def _example(info: inspect.Type, name: str, depth: int) -> Any:
    if name in _VALUES and not isinstance(info, inspect.BoolType | inspect.EnumType):
        return _plain(info, name) if _VALUES[name] is None and isinstance(info, inspect.StrType) else _VALUES[name]
    if isinstance(info, inspect.Metadata):
        return _example(info.type, name, depth)
    if isinstance(info, inspect.StructType | inspect.DataclassType):
        fields = info.fields if depth < 5 else ()
        made = {field.encode_name: _example(field.type, field.encode_name, depth + 1) for field in fields}
        if isinstance(info, inspect.StructType) and info.tag_field is not None:
            made[info.tag_field] = info.tag
        return made
    if isinstance(info, inspect.ListType | inspect.VarTupleType):
        return [_example(info.item_type, "", depth + 1)]
    if isinstance(info, inspect.UnionType):
        return _example(next(t for t in info.types if not isinstance(t, inspect.NoneType)), name, depth)
    return _plain(info, name)


def _plain(info: inspect.Type, name: str) -> Any:
    if isinstance(info, inspect.LiteralType):
        return info.values[0]
    if isinstance(info, inspect.EnumType):
        return msgspec.to_builtins(next(iter(info.cls)))
    if isinstance(info, inspect.BoolType):
        return False
    if isinstance(info, inspect.IntType | inspect.FloatType):
        return max(1, info.ge or 0) if isinstance(info, inspect.IntType) else 1.0
    if isinstance(info, inspect.UUIDType):
        return "01939c5e-0000-7000-8000-000000000001"
    if isinstance(info, inspect.DictType | inspect.AnyType):
        return {}
    if isinstance(info, inspect.NoneType):
        return None
    return _MOMENT if name.endswith("_at") else "2026-11-22" if name.endswith("_on") else "文本"
