"""Which carrier a number belongs to that a citizen typed for a parcel of their own. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.errors import FieldFault, InvalidRequest

CARRIERS: Mapping[str, str] = {
    "shunfeng": "顺丰速运",
    "ems": "EMS",
    "youzhengguonei": "邮政快递包裹",
    "jd": "京东快递",
    "yuantong": "圆通速递",
    "zhongtong": "中通快递",
    "shentong": "申通快递",
    "yunda": "韵达快递",
    "jtexpress": "极兔速递",
    "debangkuaidi": "德邦快递",
}
"""快递100's codes of those whom people use to send papers."""
_SHAPES = (
    ("shunfeng", r"SF\d{12,13}"),
    ("ems", r"E[A-Z]\d{9}CN"),
    ("jd", r"JD[A-Z0-9]{11,18}"),
    ("yuantong", r"YT\d{13}"),
    ("jtexpress", r"JT\d{13}"),
    ("debangkuaidi", r"DPK\d{9,15}"),
)
"""Only numbers whose letters leave no doubt; of the others an aggregator is asked."""
_NUMBER = re.compile(r"[A-Z0-9]{6,32}")


def typed_number(text: str) -> str:
    """Return a number as carriers print it. Raises: InvalidRequest."""
    number = re.sub(r"[\s-]", "", text).upper()
    if not _NUMBER.fullmatch(number):
        raise _refused("waybill_no", "运单号应为6至32位字母或数字")
    return number


def carrier_of(number: str, chosen: str) -> str:
    """Return the chosen carrier, else the one whose numbers look like this, else "". Raises: InvalidRequest."""
    if chosen:
        if chosen not in CARRIERS:
            raise _refused("carrier", "请选择列表中的快递公司")
        return chosen
    return next((carrier for carrier, shape in _SHAPES if re.fullmatch(shape, number)), "")


def _refused(path: str, sentence: str) -> InvalidRequest:
    return InvalidRequest(faults=(FieldFault(path, sentence),))
