"""Verifies and reads what 快递100 sends us: track pushes and order callbacks. The courier adapter calls it.

The signature is checked over the decoded form value as it came, before anything of it is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from app.errors import CallbackRejected
from clients.couriers.kuaidi100 import values
from clients.couriers.kuaidi100.answers import order_state
from clients.couriers.kuaidi100.signing import is_genuine
from clients.couriers.kuaidi100.tracks import read_track
from clients.couriers.kuaidi100.types import OrderCallback, TrackPush

_MOST_FIELDS = 20
_STATUSES = ("polling", "shutdown", "abort", "updateall")

TRACK_ACCEPTED = '{"result":true,"returnCode":"200","message":"成功"}'.encode()
ORDER_ACCEPTED = '{"result":true,"returnCode":"200","message":"提交成功"}'.encode()
REFUSED = '{"result":false,"returnCode":"500","message":"验签失败"}'.encode()


def read_track_push(raw: bytes, salt: str | None) -> TrackPush:
    """Verify and read a track push with its whole history.

    Raises: CallbackRejected when it is not signed with this salt, or not of this shape.
    Source: 快递100 快递信息推送服务, 推送接口.
    """
    try:
        fields = _object(_genuine(_form(raw), salt))
        result = _object(fields.get("lastResult") or {})
        status = values.text(fields, "status")
        if status not in _STATUSES:
            raise ValueError("unknown status of a push")
        former, new = values.carrier(fields, "comOld"), values.carrier(fields, "comNew")
        return TrackPush(
            status=status,
            track=read_track(result),
            former_carrier=former if new else "",
            new_carrier=new if new != former else "",
        )
    except ValueError:
        raise CallbackRejected(provider="kuaidi100", reason="shape") from None


def read_order_callback(raw: bytes, salt: str | None) -> OrderCallback:
    """Verify and read an order callback.

    Raises: CallbackRejected when it is not signed with this salt, or not of this shape.
    Source: 快递100 商家寄件, 下单回调接口.
    """
    try:
        form = _form(raw)
        param = _genuine(form, salt)
        fields = _object(param)
        return OrderCallback(
            task_id=values.text(form, "taskId"),
            state=order_state(_object(fields.get("data")), fields),
            fingerprint=hashlib.sha256(param.encode("utf-8", "surrogatepass")).hexdigest(),
        )
    except ValueError:
        raise CallbackRejected(provider="kuaidi100", reason="shape") from None


def _form(raw: bytes) -> Mapping[str, str]:
    pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a field stands twice")
    return dict(pairs)


def _genuine(form: Mapping[str, str], salt: str | None) -> str:
    param = form.get("param", "")
    if not is_genuine(param, form.get("sign"), salt):
        raise CallbackRejected(provider="kuaidi100", reason="signature")
    return param


def _object(source: Any) -> dict[str, Any]:
    parsed = values.parse_json(source) if isinstance(source, str) else source
    if not isinstance(parsed, dict):
        raise ValueError("not an object")
    return parsed
