"""Reads 快递鸟's track pushes: proven by the digest over the raw RequestData. The callback door calls it."""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import parse_qsl

from app import clock
from app.errors import CallbackRejected
from clients.couriers.kdniao.answers import track
from clients.couriers.kdniao.signing import is_genuine
from clients.couriers.kdniao.types import KdniaoAccount, KdniaoTrack

_TYPES = ("101", "102")
_MOST_FIELDS, _MOST_TRACKS = 10, 100


def read_push(raw: bytes, account: KdniaoAccount) -> tuple[KdniaoTrack, ...]:
    """Verify and read one push: the whole roads of its waybills.

    Raises: CallbackRejected: not signed with our key, for another account, or not of this shape.
    Source: 快递鸟 轨迹推送接口 101, 增值版 102.
    """
    try:
        form = dict(parse_qsl(raw.decode(), strict_parsing=True, max_num_fields=_MOST_FIELDS))
        request_data = form["RequestData"]
        genuine = is_genuine(form["DataSign"], request_data, account.app_key)
        if not genuine or form["EBusinessID"] != account.business_id or form["RequestType"] not in _TYPES:
            raise CallbackRejected(provider="kdniao", reason="signature")
        listed = json.loads(request_data)["Data"]
        if not isinstance(listed, list) or len(listed) > _MOST_TRACKS:
            raise ValueError("Data is no list of a possible length")
        return tuple(_named(track(each)) for each in listed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CallbackRejected(provider="kdniao", reason="shape") from None


def acknowledgement(account: KdniaoAccount, at: datetime, *, accepted: bool) -> bytes:
    """Return the answer that stops a push, or has it sent again. Source: 快递鸟 轨迹推送接口, 返回参数."""
    answer = {
        "EBusinessID": account.business_id,
        "UpdateTime": clock.to_beijing(at).strftime("%Y-%m-%d %H:%M:%S"),
        "Success": accepted,
        "Reason": "" if accepted else "失败",
    }
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def _named(read: KdniaoTrack) -> KdniaoTrack:
    if not read.waybill_no:
        raise ValueError("a road without a waybill")
    return read
