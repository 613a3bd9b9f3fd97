"""Reads 快递100's tracks, the same shape in a query's answer and in a push's `lastResult`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clients.couriers.kuaidi100 import values
from clients.couriers.kuaidi100.types import Track, TrackEvent

_MOST_EVENTS = 1000
_STATE_NAMES = {
    "在途": "0",
    "揽收": "1",
    "疑难": "2",
    "签收": "3",
    "退签": "4",
    "派件": "5",
    "退回": "6",
    "转投": "7",
    "清关": "8",
    "待清关": "10",
    "清关中": "11",
    "已清关": "12",
    "清关异常": "13",
    "拒签": "14",
}
"""Without advanced codes an event names its basic state only."""


def read_track(fields: Mapping[str, Any]) -> Track:
    """Read a track. Events without a readable time cannot be placed and are left out. Raises ValueError.

    Source: 快递100 快递信息推送服务, lastResult; 实时快递查询接口, 返回结果. The names of the predicted arrival are
    unconfirmed: it is looked for beside the events and within routeInfo.
    """
    listed = values.objects(fields, "data")
    if len(listed) > _MOST_EVENTS:
        raise ValueError("more events than a parcel has")
    route = fields.get("routeInfo")
    sources = [fields, route if isinstance(route, dict) else {}]
    arrivals = [values.moment(each, "arrivalTime", "predictArrivalTime") for each in sources]
    return Track(
        number=values.waybill_no(fields, "nu"),
        carrier=values.carrier(fields, "com"),
        state=values.text(fields, "state"),
        events=tuple(event for event in map(_event, listed) if event is not None),
        arrives_at=next((arrival for arrival in arrivals if arrival), None),
    )


def _event(fields: Mapping[str, Any]) -> TrackEvent | None:
    happened_at = values.moment(fields, "ftime", "time")
    if happened_at is None:
        return None
    return TrackEvent(
        happened_at=happened_at,
        code=values.text(fields, "statusCode") or _STATE_NAMES.get(values.text(fields, "status"), ""),
        context=values.text(fields, "context"),
        place=values.text(fields, "areaName", "location"),
    )
