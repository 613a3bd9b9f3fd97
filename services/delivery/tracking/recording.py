"""Writing what couriers tell: events, the state that follows, and who follows it. Called by tracking and booking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app import clock
from app.events import DomainEvent
from services.delivery.booking.notes import ends_quietly
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Ability
from services.delivery.states import (
    MEANINGS,
    OUR_CODES,
    TERMINAL,
    Derived,
    ShipmentStatus,
    Sighting,
    custody_of,
    derive,
)
from services.delivery.tracking import repository
from services.delivery.tracking.facts import facts_for
from services.delivery.tracking.news import Facts, facts_of, without_phones
from services.delivery.tracking.repository import Change, Follower, Known, Parcel
from services.delivery.types import CourierEvent, Following, Leg, ParcelNews, WaybillKind

_REST = timedelta(minutes=30)
"""So long nobody subscribes again after a courier gave a subscription up."""
_AGGREGATORS_SILENCE = timedelta(hours=24)
SILENT_AFTER = timedelta(days=3)
"""The least silence that staff are told of."""
_ENOUGH = 8
"""So often a parcel that has come to an end is asked about what an unproven push said after it."""
_LIVELY = frozenset({ShipmentStatus.REJECTED, ShipmentStatus.RETURNING, ShipmentStatus.RETURNED, ShipmentStatus.LOST})
"""States that are told also where they undo a delivery; a road that merely goes on was told before."""
_MOVED, _UNDONE, _TROUBLE = "shipment.moved", "shipment.delivery_undone", "shipment.exception"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one push, answer or note of ours says about one parcel."""

    events: Sequence[CourierEvent]
    confirmed: bool
    is_push: bool
    facts: Facts
    at: datetime


class Recorder:
    """Appends events and lets everything follow from them in one transaction.

    Args:
        silence_seconds: how long a parcel may be silent before we ask.
        followers: told of every change of state, inside its transaction, in this order.
    """

    def __init__(self, couriers: CourierTable, followers: Sequence[Follower], silence_seconds: int) -> None:
        self._couriers = couriers
        self._followers = followers
        self._silence = timedelta(seconds=silence_seconds)

    async def record(
        self,
        shipment_no: str,
        events: Iterable[CourierEvent],
        *,
        confirmed: bool,
        news: ParcelNews | None = None,
        courier: str = "",
    ) -> Derived | None:
        """Write events and news of one parcel; None where no parcel has this number. Idempotent: yes, by event.

        Phone numbers in the courier's words are masked. A main waybill number that becomes known has the parcel
        followed from now on; so has the first note that it is booked.

        Args:
            confirmed: told by the courier itself, beyond doubt.
            courier: who pushes it; a parcel of another courier is then not there. "" where we noted or asked.
        """
        heard = Heard(
            events=[replace(each, text=without_phones(each.text)) for each in _once(events)],
            confirmed=confirmed,
            is_push=bool(courier),
            facts=facts_of(news),
            at=clock.now(),
        )
        return await repository.record_events(
            shipment_no, courier, lambda known: self._decide(known, heard), self._followers
        )

    def _decide(self, known: Known, heard: Heard) -> Change:
        parcel = known.parcel
        heard = _forgotten(heard) if parcel.is_redacted else heard
        told = [_dated(each, known) for each in heard.events]
        fresh = [_placed(each, known) for each in told if _is_fresh(each, known, heard.confirmed)]
        derived = derive([*known.sightings, *(_sighting(each, heard.confirmed) for each in fresh)])
        if derived.status is ShipmentStatus.REQUESTED and parcel.is_booked:
            derived = replace(derived, status=ShipmentStatus.CREATED)
        # Our own question does not cause another one: an end still unconfirmed then waits for the sweep.
        confirm = derived.needs_confirmation and not heard.confirmed and bool(fresh)
        moved = derived.status != parcel.status
        asked = 0 if moved else parcel.asked_count
        is_booked = any(each.code == "BOOKED" for each in fresh)
        starts = is_booked or bool(heard.facts.waybill_no and heard.facts.waybill_no != parcel.waybill_no)
        charged = _charged(fresh, known)
        events = self._events(parcel, derived, heard) if moved else []
        return Change(
            derived=derived,
            is_news=bool(fresh) or not heard.is_push or _adds(heard.facts, parcel),
            events=fresh,
            confirmed=heard.confirmed,
            facts=replace(heard.facts, freight_fen=None) if charged else heard.facts,
            charged_fen=charged,
            is_booked=starts,
            custody=custody_of(derived.status, is_inbound=parcel.leg == Leg.INBOUND),
            ask_after=self._ask_after(parcel, derived, asked, heard.at),
            asked_count=asked,
            follow_after=_follow_after(heard, starts),
            emits=events,
            tells_trouble=any(each.name == _TROUBLE for each in events),
            ends_silence=bool(fresh) and _was_silent(parcel, heard.at),
            confirm=confirm,
            at=heard.at,
        )

    def _ask_after(self, parcel: Parcel, derived: Derived, asked: int, at: datetime) -> datetime | None:
        if derived.status in TERMINAL and (not derived.needs_confirmation or asked >= _ENOUGH):
            return None
        silence = self._silence
        if parcel.courier in self._couriers and Ability.FOLLOW_ANY in self._couriers.get(parcel.courier).abilities:
            # An aggregator tells by itself and charges for questions: 快递100, 实时查询 is no polling tool.
            silence = max(silence, _AGGREGATORS_SILENCE)
        soon = min(timedelta(minutes=2 << min(asked, 8)), silence)
        return at + (soon if derived.needs_confirmation else silence)

    def _events(self, parcel: Parcel, derived: Derived, heard: Heard) -> list[DomainEvent]:
        facts = facts_for(parcel, derived, heard.facts, self._couriers.name(parcel.courier))
        return [
            DomainEvent(
                name=name,
                subject_no=parcel.subject_no,
                citizen_id=parcel.citizen_id.hex,
                part=parcel.shipment_no,
                facts=facts,
            )
            for name in _told(parcel, derived.status, heard.at)
        ]


def _forgotten(heard: Heard) -> Heard:
    """Leave out of news of a parcel whose citizen is forgotten what may tell of people and places again."""
    return replace(
        heard,
        events=[replace(each, text="") for each in heard.events],
        facts=replace(heard.facts, courier_phone_shown="", collect_hint=""),
    )


def _told(parcel: Parcel, status: ShipmentStatus, at: datetime) -> list[str]:
    """Name what happened, with a new state; what people need no notice of is a move."""
    emits = MEANINGS[status].emits or _MOVED
    if parcel.status == ShipmentStatus.DELIVERED:
        return [_UNDONE, emits] if status in _LIVELY else [_UNDONE]
    if status is ShipmentStatus.CREATED and parcel.is_own:
        return [_MOVED]
    if status is ShipmentStatus.CANCELLED and _is_wanted_so(parcel):
        return [_MOVED]
    told_at = parcel.trouble_told_at
    if status is ShipmentStatus.EXCEPTION and told_at and clock.beijing_date(told_at) == clock.beijing_date(at):
        return [_MOVED]
    return [emits]


def _is_wanted_so(parcel: Parcel) -> bool:
    """Tell whether nobody needs a notice of a cancellation: its citizen asked for it, or something goes in its place.

    The courier may tell it before we note it ourselves.
    """
    is_ours = parcel.is_own or bool(parcel.withdrawn_for)
    return parcel.is_followed or (is_ours and (parcel.leg == Leg.INBOUND or ends_quietly(parcel.withdrawn_for)))


def _was_silent(parcel: Parcel, at: datetime) -> bool:
    """Tell whether staff may have been told that nothing is heard of a parcel."""
    return parcel.last_event_at is not None and at - parcel.last_event_at >= SILENT_AFTER


def _once(events: Iterable[CourierEvent]) -> list[CourierEvent]:
    """Leave out what one push says twice."""
    return list({(each.event_key, each.occurred_at): each for each in events}.values())


def _is_fresh(event: CourierEvent, known: Known, confirmed: bool) -> bool:
    trusted = known.events.get((event.event_key, event.occurred_at))
    return trusted is None or (confirmed and not trusted)


def _dated(event: CourierEvent, known: Known) -> CourierEvent:
    """Give an event that its courier does not date the moment at which it was first heard."""
    if event.is_dated:
        return event
    at = min((moment for key, moment in known.events if key == event.event_key), default=event.occurred_at)
    return replace(event, occurred_at=at)


def _placed(event: CourierEvent, known: Known) -> CourierEvent:
    """Say what an event under another number of the parcel means for it: on the way back all is returning, and the
    signed paper that comes back after the delivery is no part of its road."""
    kind = known.aside.get(event.waybill_no)
    if kind == WaybillKind.SIGN_BACK:
        return replace(event, status="", undoes=())
    if kind is None or event.status in ("", ShipmentStatus.RETURNED, ShipmentStatus.LOST):
        return event
    is_back = event.status == ShipmentStatus.DELIVERED
    return replace(event, status=ShipmentStatus.RETURNED if is_back else ShipmentStatus.RETURNING)


def _charged(fresh: Iterable[CourierEvent], known: Known) -> int:
    """Add up what events that are heard for the first time settle of the freight."""
    told = {key for key, _ in known.events}
    new = {each.event_key: each for each in fresh if each.event_key not in told}.values()
    return sum(each.charge_fen or 0 for each in new)


def _sighting(event: CourierEvent, confirmed: bool) -> Sighting:
    undoes = " ".join(event.undoes)
    is_ours = event.code in OUR_CODES
    return Sighting(event.status, event.occurred_at, confirmed, is_ours, event.code, undoes, event.signed_as.value)


def _adds(facts: Facts, parcel: Parcel) -> bool:
    """Tell whether news say more than the row; what is not compared here is rare enough to be written again."""
    return facts != Facts(
        courier_phone_shown=parcel.courier_phone_shown if facts.courier_phone_shown else "",
        promised_at=parcel.promised_at if facts.promised_at else None,
        collect_hint=parcel.collect_hint if facts.collect_hint else "",
    )


def _follow_after(heard: Heard, starts: bool) -> datetime | None:
    if heard.facts.following is Following.ABORTED:
        return heard.at + _REST
    return heard.at if starts else None
