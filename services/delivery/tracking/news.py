"""What a courier tells about a parcel besides its road, as the columns that it changes; pure. Asked by the recorder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from app.identifiers import mask_phone
from services.delivery.types import Booking, Following, ParcelNews, Waybill, WaybillKind

_PHONE_LENGTH = 24
_HINT_LENGTH = 100
_REFERENCE_LENGTH = 80
_SPOKEN_PHONE = re.compile(r"(?<![0-9A-Za-z])(1[3-9]\d)[ -]?\d{4}[ -]?(\d{4})(?!\d)")
"""A mobile number in the middle of words; hotlines and numbers of stations may stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What changes in a parcel's row; "" and None leave it as it is."""

    waybills: tuple[Waybill, ...] = ()
    waybill_no: str = ""
    carrier: str = ""
    order_ref: str = ""
    courier_phone_shown: str = ""
    promised_at: datetime | None = None
    collect_hint: str = ""
    freight_fen: int | None = None
    weight_grams: int | None = None
    following: Following | None = None


NOTHING = Facts()


def facts_of(news: ParcelNews | None) -> Facts:
    """Return what of a courier's news a row says; the courier's phone is masked."""
    if news is None:
        return NOTHING
    main = next((each for each in reversed(news.waybills) if each.kind is WaybillKind.MAIN), None)
    return Facts(
        waybills=news.waybills,
        waybill_no=main.waybill_no if main else "",
        carrier=main.carrier if main else "",
        order_ref=news.order_ref[:_REFERENCE_LENGTH],
        courier_phone_shown=mask_phone(news.courier_phone)[:_PHONE_LENGTH] if news.courier_phone else "",
        promised_at=news.promised_at,
        collect_hint=without_phones(news.collect_hint)[:_HINT_LENGTH],
        freight_fen=news.freight_fen,
        weight_grams=news.weight_grams,
        following=news.following,
    )


def joined(told: ParcelNews, later: ParcelNews) -> ParcelNews:
    """Make one of two pieces of news about one parcel; what the later one says counts."""
    return ParcelNews(
        shipment_no=later.shipment_no or told.shipment_no,
        waybill_no=later.waybill_no or told.waybill_no,
        waybills=(*told.waybills, *later.waybills),
        order_ref=later.order_ref or told.order_ref,
        courier_phone=later.courier_phone or told.courier_phone,
        promised_at=later.promised_at or told.promised_at,
        collect_hint=later.collect_hint or told.collect_hint,
        freight_fen=told.freight_fen if later.freight_fen is None else later.freight_fen,
        weight_grams=told.weight_grams if later.weight_grams is None else later.weight_grams,
        following=later.following or told.following,
    )


def booking_news(booking: Booking) -> ParcelNews:
    """Return what an order placed tells: its numbers."""
    main = (Waybill(waybill_no=booking.waybill_no, carrier=booking.carrier),) if booking.waybill_no else ()
    return ParcelNews(shipment_no=booking.shipment_no, waybills=(*main, *booking.further), order_ref=booking.order_ref)


def without_phones(text: str) -> str:
    """Mask the phone numbers in a courier's words: they are those of people, and a parcel's road is kept long."""
    return _SPOKEN_PHONE.sub(r"\1****\2", text)
