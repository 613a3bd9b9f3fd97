"""How the state of a parcel follows from what its courier told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.delivery.couriers.sf import STATUS_OF_CODE
from services.delivery.states import MEANINGS, TERMINAL, Custody, ShipmentStatus, Sighting, derive

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def seen(status: str, minutes: int, *, confirmed: bool = False, is_ours: bool = False) -> Sighting:
    return Sighting(status, START + timedelta(minutes=minutes), confirmed, is_ours)


def test_derive_nothing_heard_is_requested() -> None:
    derived = derive([])
    assert (derived.status, derived.at, derived.needs_confirmation) == (ShipmentStatus.REQUESTED, None, False)


def test_derive_newest_by_event_time_decides_not_arrival() -> None:
    derived = derive([seen("OUT_FOR_DELIVERY", 20), seen("PICKED_UP", 5)])
    assert derived.status is ShipmentStatus.OUT_FOR_DELIVERY


def test_derive_same_second_takes_the_state_further_on() -> None:
    assert derive([seen("OUT_FOR_DELIVERY", 5), seen("ARRIVED", 5)]).status is ShipmentStatus.OUT_FOR_DELIVERY


def test_derive_unconfirmed_end_does_not_count_but_asks() -> None:
    derived = derive([seen("OUT_FOR_DELIVERY", 5), seen("DELIVERED", 9)])
    assert (derived.status, derived.needs_confirmation) == (ShipmentStatus.OUT_FOR_DELIVERY, True)


def test_derive_confirmed_end_counts() -> None:
    derived = derive([seen("OUT_FOR_DELIVERY", 5), seen("DELIVERED", 9, confirmed=True)])
    assert (derived.status, derived.needs_confirmation) == (ShipmentStatus.DELIVERED, False)
    assert derived.at == START + timedelta(minutes=9)


def test_derive_return_after_delivery_undoes_it() -> None:
    signed = seen("DELIVERED", 9, confirmed=True)
    assert derive([signed, seen("RETURNING", 15, confirmed=True)]).status is ShipmentStatus.RETURNING
    unproven = derive([signed, seen("RETURNING", 15)])
    assert (unproven.status, unproven.needs_confirmation) == (ShipmentStatus.DELIVERED, True)


def test_derive_unknown_code_changes_nothing() -> None:
    assert derive([seen("PICKED_UP", 5), seen("", 30)]).status is ShipmentStatus.PICKED_UP


def test_derive_our_own_note_yields_to_the_courier_whatever_the_clocks_say() -> None:
    booked = seen("CREATED", 60, confirmed=True, is_ours=True)
    assert derive([booked]).status is ShipmentStatus.CREATED
    assert derive([booked, seen("PICKED_UP", 5)]).status is ShipmentStatus.PICKED_UP


def test_meanings_cover_every_status_and_terminal_ones_stop() -> None:
    assert set(MEANINGS) == set(ShipmentStatus)
    assert {"DELIVERED", "RETURNED", "CANCELLED", "LOST"} == TERMINAL
    assert MEANINGS[ShipmentStatus.DELIVERED].custody is Custody.CITIZEN
    assert MEANINGS[ShipmentStatus.OUT_FOR_DELIVERY].custody is Custody.COURIER


@pytest.mark.parametrize(
    ("code", "status"),
    [("50", "PICKED_UP"), ("36", "IN_TRANSIT"), ("130", "ARRIVED"), ("44", "OUT_FOR_DELIVERY"),
     ("129", "AWAITING_COLLECTION"), ("8000", "DELIVERED"), ("33", "EXCEPTION"), ("648", "RETURNING")],
)  # fmt: skip
def test_sf_code_published_means_the_common_state(code: str, status: str) -> None:
    assert STATUS_OF_CODE[code] == status
