"""The states of a parcel, what each means for the house, and how they follow from the couriers' events. Pure.

A state is never set by a command: it is derived from all events by event time, so order and repeats do not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ShipmentStatus(StrEnum):
    """Where a parcel stands; REQUESTED is ours alone, the rest are common to all couriers."""

    REQUESTED = "REQUESTED"
    CREATED = "CREATED"
    PICKUP_PENDING = "PICKUP_PENDING"
    PICKED_UP = "PICKED_UP"
    IN_TRANSIT = "IN_TRANSIT"
    ARRIVED = "ARRIVED"
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    AWAITING_COLLECTION = "AWAITING_COLLECTION"
    DELIVERED = "DELIVERED"
    EXCEPTION = "EXCEPTION"
    REJECTED = "REJECTED"
    RETURNING = "RETURNING"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"
    LOST = "LOST"


class Custody(StrEnum):
    """Who holds the certificate."""

    WINDOW = "WINDOW"
    COURIER = "COURIER"
    CITIZEN = "CITIZEN"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a state means: Chinese words, whether asking stops, who holds the parcel, what reaching it emits."""

    text: str
    custody: Custody
    emits: str = ""
    is_terminal: bool = False


MEANINGS: Mapping[ShipmentStatus, Meaning] = {
    ShipmentStatus.REQUESTED: Meaning("待下单", Custody.WINDOW),
    ShipmentStatus.CREATED: Meaning("已下单", Custody.WINDOW, "shipment.booked"),
    ShipmentStatus.PICKUP_PENDING: Meaning("待揽收", Custody.WINDOW),
    ShipmentStatus.PICKED_UP: Meaning("已揽收", Custody.COURIER, "shipment.picked_up"),
    ShipmentStatus.IN_TRANSIT: Meaning("运输中", Custody.COURIER),
    ShipmentStatus.ARRIVED: Meaning("到达派件城市", Custody.COURIER),
    ShipmentStatus.OUT_FOR_DELIVERY: Meaning("派送中", Custody.COURIER, "shipment.out_for_delivery"),
    ShipmentStatus.AWAITING_COLLECTION: Meaning("待取件", Custody.COURIER, "shipment.awaiting_collection"),
    ShipmentStatus.DELIVERED: Meaning("已签收", Custody.CITIZEN, "shipment.delivered", is_terminal=True),
    ShipmentStatus.EXCEPTION: Meaning("异常", Custody.COURIER, "shipment.exception"),
    ShipmentStatus.REJECTED: Meaning("拒收", Custody.COURIER, "shipment.exception"),
    ShipmentStatus.RETURNING: Meaning("退回中", Custody.COURIER, "shipment.returning"),
    ShipmentStatus.RETURNED: Meaning("已退回", Custody.WINDOW, "shipment.exception", is_terminal=True),
    ShipmentStatus.CANCELLED: Meaning("已取消", Custody.WINDOW, "shipment.exception", is_terminal=True),
    ShipmentStatus.LOST: Meaning("丢失", Custody.LOST, "shipment.exception", is_terminal=True),
}


class Section(StrEnum):
    """A column of the board: what is to be done about the parcels in it."""

    TO_SEND = "TO_SEND"
    UNDER_WAY = "UNDER_WAY"
    EXCEPTION = "EXCEPTION"
    DONE = "DONE"


SECTION_TEXT: Mapping[Section, str] = {
    Section.TO_SEND: "待寄出",
    Section.UNDER_WAY: "运输中",
    Section.EXCEPTION: "异常",
    Section.DONE: "近30日送达",
}
SECTIONS: Mapping[Section, tuple[ShipmentStatus, ...]] = {
    Section.TO_SEND: (ShipmentStatus.REQUESTED, ShipmentStatus.CREATED, ShipmentStatus.PICKUP_PENDING),
    Section.UNDER_WAY: (
        ShipmentStatus.PICKED_UP,
        ShipmentStatus.IN_TRANSIT,
        ShipmentStatus.ARRIVED,
        ShipmentStatus.OUT_FOR_DELIVERY,
        ShipmentStatus.AWAITING_COLLECTION,
        ShipmentStatus.RETURNING,
    ),
    Section.EXCEPTION: (
        ShipmentStatus.EXCEPTION,
        ShipmentStatus.REJECTED,
        ShipmentStatus.RETURNED,
        ShipmentStatus.CANCELLED,
        ShipmentStatus.LOST,
    ),
    Section.DONE: (ShipmentStatus.DELIVERED,),
}
"""Every status stands in one column."""
CUSTODY_TEXT: Mapping[str, str] = {
    Custody.WINDOW: "窗口",
    Custody.COURIER: "快递公司",
    Custody.CITIZEN: "申请人",
    Custody.LOST: "已丢失",
}
OUR_CODES = ("BOOKED", "REFUSED")
"""Codes of the events that we note ourselves, next to the courier's."""
_AT_THE_CITIZEN: Mapping[Custody, Custody] = {Custody.WINDOW: Custody.CITIZEN, Custody.CITIZEN: Custody.WINDOW}
_RANK = {status: place for place, status in enumerate(ShipmentStatus)}
TERMINAL = frozenset(status for status, meaning in MEANINGS.items() if meaning.is_terminal)


ON_THE_ROAD = frozenset(
    {
        ShipmentStatus.PICKED_UP,
        ShipmentStatus.IN_TRANSIT,
        ShipmentStatus.ARRIVED,
        ShipmentStatus.OUT_FOR_DELIVERY,
        ShipmentStatus.AWAITING_COLLECTION,
        ShipmentStatus.DELIVERED,
        ShipmentStatus.REJECTED,
        ShipmentStatus.RETURNING,
        ShipmentStatus.RETURNED,
    }
)
"""States that no parcel reaches before the courier has it."""


def custody_of(status: ShipmentStatus, *, is_inbound: bool) -> Custody:
    """Say who holds a parcel; one from the citizen starts there and ends at the window."""
    custody = MEANINGS[status].custody
    return _AT_THE_CITIZEN.get(custody, custody) if is_inbound else custody


@dataclass(frozen=True, slots=True)
class Sighting:
    """What derivation needs of one event; `status` is "" where the courier's code is in no table.

    `is_ours` marks what we noted ourselves (booked, refused): anything the courier tells comes after it, whatever
    the two clocks say. `undoes` names, with spaces between, the codes that it takes back.
    """

    status: str
    occurred_at: datetime
    confirmed: bool
    is_ours: bool = False
    code: str = ""
    undoes: str = ""
    signed_as: str = ""


@dataclass(frozen=True, slots=True)
class Derived:
    """The state that follows from the events, when it was reached, and whether a push awaits our own question.

    `at` is the moment of the event that decides; of a delivery that its courier tells more than once it is the first
    since the last reversal, the signature's. `heard_at` is the moment of the newest event, whether a table knows it or
    not; `picked_up_at` that of the first one on the road; `signed_as` belongs to the event that decides.
    """

    status: ShipmentStatus
    at: datetime | None
    needs_confirmation: bool
    signed_as: str = ""
    picked_up_at: datetime | None = None
    heard_at: datetime | None = None


def derive(sightings: Iterable[Sighting]) -> Derived:
    """Derive the state from all events of a parcel, in any order, with any repeats.

    The newest event that no reversal takes back decides; of several in the same second the one that is further on.
    Pushes are unsigned, so an end that no answer of the courier confirms does not count yet, nor does a reversal of an
    end, nor whatever is told after an end that is confirmed. With no event the parcel is only requested.
    """
    once = _without_repeats(sightings)
    heard_at = max((each.occurred_at for each in once), default=None)
    known, is_doubted, undone_at = _standing(once)
    trusted = _trusted(known)
    if not trusted:
        return Derived(ShipmentStatus.REQUESTED, None, needs_confirmation=bool(known), heard_at=heard_at)
    newest = trusted[-1]
    return Derived(
        ShipmentStatus(newest.status),
        _reached_at(trusted, undone_at),
        is_doubted or known[-1] is not newest,
        newest.signed_as,
        next((each.occurred_at for each in trusted if each.status in ON_THE_ROAD), None),
        heard_at,
    )


def _reached_at(trusted: Sequence[Sighting], undone_at: datetime | None) -> datetime:
    """Return when the present state was reached: a repeated signature (SF's 8000 after 80) is no later delivery."""
    at = trusted[-1].occurred_at
    if trusted[-1].status != ShipmentStatus.DELIVERED:
        return at
    for each in reversed(trusted):
        if each.status != ShipmentStatus.DELIVERED or (undone_at is not None and each.occurred_at <= undone_at):
            break
        at = each.occurred_at
    return at


def _trusted(ordered: Iterable[Sighting]) -> list[Sighting]:
    """Leave out what an unproven push alone tells of an end, or after one: it may be anybody's."""
    trusted: list[Sighting] = []
    for each in ordered:
        has_ended = bool(trusted) and trusted[-1].status in TERMINAL
        if each.confirmed or not (has_ended or each.status in TERMINAL):
            trusted.append(each)
    return trusted


def standing(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Return the events with a state that no reversal takes back, oldest first."""
    return _standing(_without_repeats(sightings))[0]


def _without_repeats(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Put events in their order; those that differ in trust alone are one, which is trusted if one of them is."""
    kept: dict[tuple[object, ...], Sighting] = {}
    for each in sightings:
        place = _place(each)
        if place not in kept or each.confirmed:
            kept[place] = each
    return [kept[place] for place in sorted(kept)]


def _standing(ordered: Iterable[Sighting]) -> tuple[list[Sighting], bool, datetime | None]:
    """Return the events with a state that no reversal takes back, oldest first, whether one waits for its trust, and
    when a signature was last taken back."""
    standing: list[Sighting] = []
    is_doubted, undone_at = False, None
    for each in ordered:
        if each.undoes:
            place = _taken_back(standing, each.undoes.split())
            if place is None:
                continue
            if each.confirmed or standing[place].status not in TERMINAL:
                if standing[place].status == ShipmentStatus.DELIVERED:
                    undone_at = each.occurred_at
                del standing[place]
            else:
                is_doubted = True
        elif each.status:
            standing.append(each)
    return standing, is_doubted, undone_at


def _taken_back(standing: Sequence[Sighting], codes: Sequence[str]) -> int | None:
    newest_first = range(len(standing) - 1, -1, -1)
    return next((place for place in newest_first if standing[place].code in codes), None)


def _place(sighting: Sighting) -> tuple[bool, datetime, bool, int, str, str, str]:
    """Say where an event stands among all: reversals after what happened in the same second."""
    rank = _RANK[ShipmentStatus(sighting.status)] if sighting.status else -1
    return (
        not sighting.is_ours,
        sighting.occurred_at,
        bool(sighting.undoes),
        rank,
        sighting.code,
        sighting.undoes,
        sighting.signed_as,
    )
