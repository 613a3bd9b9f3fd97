"""Whatever order and repetition a courier's events come in, the parcel ends in the same state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.delivery.states import TERMINAL, ShipmentStatus, Sighting, derive

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
sightings = st.builds(
    Sighting,
    status=st.sampled_from(["", *ShipmentStatus]),
    occurred_at=st.integers(0, 50).map(lambda minutes: START + timedelta(minutes=minutes)),
    confirmed=st.booleans(),
    is_ours=st.booleans(),
)


@given(st.lists(sightings, max_size=12), st.data())
def test_derive_any_order_and_repetition_gives_the_same_state(events: list[Sighting], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=6)) if events else []
    shuffled = data.draw(st.permutations(events + repeats))
    assert derive(shuffled) == derive(events)


@given(st.lists(sightings, max_size=12))
def test_derive_never_ends_a_parcel_on_pushes_alone(events: list[Sighting]) -> None:
    pushed = [Sighting(each.status, each.occurred_at, False, each.is_ours) for each in events]
    assert derive(pushed).status not in TERMINAL
