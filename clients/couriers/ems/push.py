"""Reads EMS's track pushes (轨迹推送 040002) and words the answers. The courier adapter calls it.

A body that decrypts under our sign key comes from EMS; there is no other proof.
"""

from __future__ import annotations

import json
from typing import Any

from app.errors import CallbackRejected
from clients.couriers.ems.answers import text, tracks
from clients.couriers.ems.types import EmsAccount, EmsTrack

METHOD = "040002"
_ACCEPTED, _REFUSED = "00000", "S00001"
_MOST_EVENTS = 500
_LONGEST_SERIAL = 64


def read_push(account: EmsAccount, raw: bytes) -> tuple[EmsTrack, ...]:
    """Decrypt and read the events of one push, in the order given.

    Raises: CallbackRejected for another customer's push, one that our key does not open, or one of another shape.
    Source: 中国邮政协议客户开放平台 接口规范, 轨迹推送 040002.
    """
    try:
        outer = _outer(raw)
        if text(outer, "senderNo") != account.sender_no or text(outer, "method") not in ("", METHOD):
            raise CallbackRejected(provider="ems", reason="addressee")
        events = tracks(json.loads(account.sign_key.open(text(outer, "logitcsInterface")), parse_float=str))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CallbackRejected(provider="ems", reason="shape") from None
    if not 0 < len(events) <= _MOST_EVENTS:
        raise CallbackRejected(provider="ems", reason="count")
    return events


def answer_push(account: EmsAccount, raw: bytes, accepted: bool) -> bytes:
    """Word the answer: EMS's own serial number back, and whether it may stop.

    Source: 中国邮政协议客户开放平台 接口规范, 轨迹推送 040002, 返回参数.
    """
    try:
        serial = text(_outer(raw), "serialNo")[:_LONGEST_SERIAL]
    except (ValueError, TypeError, RecursionError):
        serial = ""
    code, message = (_ACCEPTED, "成功") if accepted else (_REFUSED, "失败")
    answer = {"serialNo": serial, "code": code, "codeMessage": message, "senderNo": account.sender_no}
    return json.dumps(answer, ensure_ascii=False).encode()


def _outer(raw: bytes) -> dict[str, Any]:
    outer = json.loads(raw)
    if not isinstance(outer, dict):
        raise ValueError("no object")
    return outer
