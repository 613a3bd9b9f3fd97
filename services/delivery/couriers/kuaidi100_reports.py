"""What 快递100 tells — tracks, pushes, orders — as the port's events and news. Pure; its adapter calls it."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta

from app import clock, metrics
from app.identifiers import mask_phone
from clients.couriers.kuaidi100.types import OrderCallback, OrderState, Track, TrackEvent, TrackPush
from services.delivery.couriers.kuaidi100_codes import (
    AT_A_PLACE,
    ONLY_THE_ORDER_TELLS,
    ORDER_STATUS,
    REWEIGHED,
    SETTLED,
    TRACK_STATUS,
    signed_as,
)
from services.delivery.states import ShipmentStatus
from services.delivery.types import (
    CourierEvent,
    Following,
    ParcelNews,
    Report,
    SignedAs,
    Waybill,
    WaybillKind,
)

_FOLLOWING = {"abort": Following.ABORTED, "shutdown": Following.ENDED}
_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_LONGEST_TEXT, _LONGEST_PLACE, _LONGEST_CODE, _LONGEST_HINT = 300, 100, 16, 100
_ORDER_WORDS = {
    "0": "快递100已受理寄件订单",
    "1": "快递公司已接单",
    "2": "快递员正在上门取件",
    "10": "快递员已取件",
    "101": "快件运输中",
    "12": "快件已退回",
    "13": "快件已签收",
    "14": "快件异常签收",
    "9": "寄件订单已取消",
    "99": "寄件订单已取消",
    "610": "快递公司未能接单，须重新下单",
    "11": "快递员未能揽收，须重新下单",
    SETTLED: "快递公司已结算",
    REWEIGHED: "快递公司已更正重量",
}


def of_track(shipment_no: str, waybill_no: str, track: Track, *, names_carrier: bool = False) -> Report:
    """Report a track with its whole history; with `names_carrier` also whose number it is, for nobody knew."""
    number = track.number or waybill_no
    events = tuple(
        _track_event(shipment_no, number, event, track.state if place == 0 else "")
        for place, event in enumerate(track.events)
    )
    news = ParcelNews(
        shipment_no=shipment_no,
        waybill_no=number,
        waybills=(Waybill(waybill_no=number, carrier=track.carrier),) if names_carrier and track.carrier else (),
        promised_at=track.arrives_at,
        collect_hint=_hint(track),
        courier_phone=_courier_phone(track),
    )
    is_empty = news == ParcelNews(shipment_no=shipment_no, waybill_no=number)
    return Report(events=events, news=() if is_empty else (news,))


def of_track_push(shipment_no: str, push: TrackPush, *, names_carrier: bool = False) -> Report:
    """Report a track push: the history, the end of following, and a carrier that 快递100 found or corrected."""
    told = of_track(shipment_no, push.track.number, push.track, names_carrier=names_carrier and not push.new_carrier)
    news = ParcelNews(
        shipment_no=shipment_no,
        waybill_no=push.track.number,
        waybills=_corrected(push),
        following=_FOLLOWING.get(push.status),
    )
    return Report(events=told.events, news=(*told.news, news) if news.waybills or news.following else told.news)


def of_order_callback(shipment_no: str, callback: OrderCallback, ordered: str) -> Report:
    """Report an order callback; `ordered` is the moment of the order that its address carries (epoch seconds).

    It brings no time of its own. So its progress is dated to the order, where whatever the track says comes later;
    only what no track tells is dated now.
    """
    state, now = callback.state, clock.now()
    if state.status in ONLY_THE_ORDER_TELLS:
        return of_order(shipment_no, state, now)
    mark = callback.fingerprint if state.status in (SETTLED, REWEIGHED) else ""
    event = _order_event(shipment_no, state, _moment(ordered, now), mark)
    return Report(events=(event,), news=_order_news(shipment_no, state))


def of_order(shipment_no: str, state: OrderState, now: datetime) -> Report:
    """Report an order that we asked about: numbers and phone, and an end that only the order tells."""
    ended = state.status in ONLY_THE_ORDER_TELLS
    events = (_order_event(shipment_no, state, now, ""),) if ended else ()
    return Report(events=events, news=_order_news(shipment_no, state))


def _track_event(shipment_no: str, number: str, event: TrackEvent, state: str) -> CourierEvent:
    """Make an event. The parcel's state stands in for the newest one's where that has no code of its own.

    The key holds the event's own code only, since a later push does not show this event as the newest.
    """
    code = event.code or state
    status = TRACK_STATUS.get(code, "")
    if not status:
        metrics.UNKNOWN_CODES.labels("kuaidi100").inc()
    return CourierEvent(
        shipment_no=shipment_no,
        waybill_no=number,
        event_key=_key(number, str(int(event.happened_at.timestamp())), event.code, event.context),
        occurred_at=event.happened_at,
        code=code[:_LONGEST_CODE],
        status=status,
        text=_masked(event.context)[:_LONGEST_TEXT],
        place=event.place[:_LONGEST_PLACE],
        signed_as=signed_as(code),
    )


def _order_event(shipment_no: str, state: OrderState, at: datetime, mark: str) -> CourierEvent:
    status = ORDER_STATUS.get(state.status, "")
    if state.status not in _ORDER_WORDS:
        metrics.UNKNOWN_CODES.labels("kuaidi100").inc()
    return CourierEvent(
        shipment_no=shipment_no,
        waybill_no=state.waybill_no,
        event_key=_key(state.order_id, "order", state.status, mark),
        occurred_at=at,
        code=state.status[:_LONGEST_CODE],
        status=status,
        text=_ORDER_WORDS.get(state.status, ""),
        signed_as=SignedAs.OTHER if state.status == "14" else SignedAs.UNKNOWN,
        charge_fen=state.freight_fen if state.status == SETTLED else None,
        is_dated=False,
    )


def _order_news(shipment_no: str, state: OrderState) -> tuple[ParcelNews, ...]:
    main = (Waybill(waybill_no=state.waybill_no, carrier=state.carrier),) if state.waybill_no and state.carrier else ()
    news = ParcelNews(
        shipment_no=shipment_no,
        waybill_no=state.waybill_no,
        waybills=main,
        courier_phone=state.courier_mobile,
        weight_grams=state.weight_grams,
    )
    return (news,) if main or state.courier_mobile or state.weight_grams else ()


def _corrected(push: TrackPush) -> tuple[Waybill, ...]:
    number, former = push.track.number, push.former_carrier or push.track.carrier
    if not push.new_carrier or not number:
        return ()
    main = Waybill(waybill_no=number, carrier=push.new_carrier)
    if not former or former == push.new_carrier:
        return (main,)
    return Waybill(waybill_no=number, carrier=former, kind=WaybillKind.FORMER), main


def _hint(track: Track) -> str:
    newest = track.events[0] if track.events else None
    return _masked(newest.context)[:_LONGEST_HINT] if newest and newest.code in AT_A_PLACE else ""


def _courier_phone(track: Track) -> str:
    """Return the phone that the newest event names while the parcel is being delivered; it is of who carries it."""
    newest = track.events[0] if track.events else None
    if newest is None or TRACK_STATUS.get(newest.code) != ShipmentStatus.OUT_FOR_DELIVERY:
        return ""
    found = _PHONE.search(newest.context)
    return found[0] if found else ""


def _moment(ordered: str, now: datetime) -> datetime:
    if not (ordered.isascii() and ordered.isdecimal() and len(ordered) <= 11):
        return now
    moment = datetime.fromtimestamp(int(ordered), UTC)
    return moment if timedelta() <= now - moment <= timedelta(days=366) else now


def _key(*parts: str) -> str:
    return hashlib.sha256("|".join(("kuaidi100", *parts)).encode()).hexdigest()


def _masked(text: str) -> str:
    return _PHONE.sub(lambda found: mask_phone(found[0]), text)
