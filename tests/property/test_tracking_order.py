"""Whatever order and repetition a courier's events come in, the parcel ends in the same state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.delivery.couriers.ems_codes import UNDOES
from services.delivery.states import TERMINAL, ShipmentStatus, Sighting, derive, standing

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
moments = st.integers(0, 50).map(lambda minutes: START + timedelta(minutes=minutes))
sightings = st.builds(
    Sighting,
    status=st.sampled_from(["", *ShipmentStatus]),
    occurred_at=moments,
    confirmed=st.booleans(),
    is_ours=st.booleans(),
    code=st.sampled_from(["704", "702", "203", ""]),
    signed_as=st.sampled_from(["", "SELF", "OTHER"]),
)
reversals = st.builds(
    Sighting,
    status=st.just(""),
    occurred_at=moments,
    confirmed=st.booleans(),
    code=st.just("743"),
    undoes=st.sampled_from(["704", "702", "704 702", "203 704"]),
)
roads = st.lists(st.one_of(sightings, sightings, reversals), max_size=12)


@given(roads, st.data())
def test_derive_any_order_and_repetition_gives_the_same_state(events: list[Sighting], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=6)) if events else []
    shuffled = data.draw(st.permutations(events + repeats))
    assert derive(shuffled) == derive(events)


@given(roads)
def test_derive_never_ends_a_parcel_on_pushes_alone(events: list[Sighting]) -> None:
    pushed = [replace(each, confirmed=False) for each in events]
    assert derive(pushed).status not in TERMINAL


@given(roads, roads)
def test_derive_pushes_alone_never_lead_on_from_a_confirmed_end(before: list[Sighting], after: list[Sighting]) -> None:
    end = Sighting(ShipmentStatus.DELIVERED, START + timedelta(hours=1), confirmed=True, code="80")
    later = [
        replace(each, confirmed=False, is_ours=False, occurred_at=each.occurred_at + timedelta(hours=2))
        for each in after
    ]
    derived, alone = derive([*before, end, *later]), derive([*before, end])
    assert (derived.status, derived.at) == (end.status, alone.at)
    assert derived.needs_confirmation or standing([*before, end, *later])[-1] == end


@given(roads)
def test_derive_a_push_that_the_courier_confirms_asks_no_more(events: list[Sighting]) -> None:
    assert not derive([replace(each, confirmed=True) for each in events]).needs_confirmation


@given(roads)
def test_derive_unconfirmed_reversals_never_take_back_a_confirmed_end(events: list[Sighting]) -> None:
    ends = [each for each in events if each.status in TERMINAL and each.confirmed]
    doubted = [replace(each, confirmed=False) for each in events if each.undoes]
    assert set(standing([*ends, *doubted])) >= set(standing(ends))


@given(st.sampled_from(sorted(code for code, undone in UNDOES.items() if undone)), st.booleans(), st.booleans())
def test_derive_a_confirmed_reversal_takes_back_exactly_the_newest_of_its_codes(
    code: str, comes_first: bool, is_twice: bool
) -> None:
    undone = UNDOES[code][0]
    before = Sighting(ShipmentStatus.IN_TRANSIT, START, confirmed=True, code="389")
    older = Sighting(ShipmentStatus.DELIVERED, START + timedelta(hours=1), confirmed=True, code=undone)
    newer = replace(older, occurred_at=START + timedelta(hours=2))
    reversal = Sighting("", START + timedelta(hours=3), confirmed=True, code=code, undoes=" ".join(UNDOES[code]))
    events = [before, older, newer, *[reversal] * (1 + is_twice)]
    assert standing(reversed(events) if comes_first else events) == [before, older]
    again = replace(older, occurred_at=START + timedelta(hours=4), signed_as="SELF")
    derived = derive([*events, again])
    assert (derived.status, derived.at, derived.signed_as) == ("DELIVERED", again.occurred_at, "SELF")
    assert derive([before, newer, reversal]).status is ShipmentStatus.IN_TRANSIT


@given(roads, st.lists(st.integers(0, 300), min_size=1, max_size=4), st.data())
def test_derive_a_delivery_told_again_keeps_the_moment_of_its_signature(
    before: list[Sighting], minutes: list[int], data: st.DataObject
) -> None:
    signed_at = START + timedelta(hours=2)
    way = Sighting(ShipmentStatus.OUT_FOR_DELIVERY, signed_at - timedelta(minutes=1), confirmed=True, code="44")
    told = [
        Sighting(ShipmentStatus.DELIVERED, signed_at + timedelta(minutes=each), confirmed=True, code="704")
        for each in (0, *minutes)
    ]
    earlier = [replace(each, is_ours=False) for each in before]
    derived = derive(data.draw(st.permutations([*earlier, way, *told])))
    assert (derived.status, derived.at) == (ShipmentStatus.DELIVERED, signed_at)


@given(st.integers(0, 3), st.booleans(), st.data())
def test_derive_a_delivery_after_a_reversal_has_the_moment_of_the_new_signature(
    told_again: int, is_on_the_road: bool, data: st.DataObject
) -> None:
    first = [
        Sighting(ShipmentStatus.DELIVERED, START + timedelta(minutes=each), confirmed=True, code="704")
        for each in range(told_again + 1)
    ]
    reversal = Sighting("", START + timedelta(hours=1), confirmed=True, code="743", undoes="704")
    way = Sighting(ShipmentStatus.OUT_FOR_DELIVERY, START + timedelta(hours=2), confirmed=True, code="702")
    second = Sighting(ShipmentStatus.DELIVERED, START + timedelta(hours=3), confirmed=True, code="704")
    third = replace(second, occurred_at=START + timedelta(hours=4))
    events = [*first, reversal, *([way] if is_on_the_road else []), second, third]
    derived = derive(data.draw(st.permutations(events)))
    assert (derived.status, derived.at) == (ShipmentStatus.DELIVERED, second.occurred_at)
