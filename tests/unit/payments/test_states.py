"""The tables of bill, channel order and refund, and the rules of time around them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.errors import InvalidTransition
from payments import states
from payments.states import (
    BILL,
    PAYMENT,
    REFUND,
    BillMove,
    BillStatus,
    PaymentMove,
    PaymentStatus,
    RefundMove,
    RefundStatus,
)

NOW = datetime(2026, 1, 1, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "statuses", "start"),
    [
        (BILL, BillStatus, BillStatus.UNPAID),
        (PAYMENT, PaymentStatus, PaymentStatus.CREATED),
        (REFUND, RefundStatus, RefundStatus.REQUESTED),
    ],
)
def test_every_status_is_reached_from_the_start(table, statuses, start) -> None:
    reached, grown = {start}, True
    while grown:
        more = {edge.to for (source, _), edge in table.items() if source in reached} - reached
        reached |= more
        grown = bool(more)
    assert reached == set(statuses)


def test_edges_that_count_emit_their_event() -> None:
    assert {edge.event for (_, move), edge in BILL.items() if move == BillMove.PAY} == {"bill.paid"}
    assert {edge.event for (_, move), edge in PAYMENT.items() if move == PaymentMove.CLOSE} == {"payment.closed"}
    assert {edge.event for (_, move), edge in REFUND.items() if move == RefundMove.SUCCEED} == {"refund.succeeded"}


def test_late_money_leads_out_of_closed_and_paid_bills_stay_paid() -> None:
    assert states.next_status(PAYMENT, PaymentStatus.CLOSED, PaymentMove.SUCCEED).to == PaymentStatus.SUCCEEDED
    assert states.sources(BILL, BillMove.PAY) == ["UNPAID", "PAYING"]
    with pytest.raises(InvalidTransition):
        states.next_status(PAYMENT, PaymentStatus.SUCCEEDED, PaymentMove.CLOSE)


def test_every_move_of_a_table_has_one_target_per_source() -> None:
    for table in (BILL, PAYMENT, REFUND):
        for move in {move for _, move in table}:
            targets = {edge.to for (_, m), edge in table.items() if m == move}
            assert len(targets) == 1, "compare-and-set writes one target"


@pytest.mark.parametrize(
    ("asked", "passed_seconds", "expected_seconds"),
    [
        (0, 0, 5),
        (1, 5, 30),
        (2, 31, 60),
        (6, 700, 1800),
        (2, 400, 600),
        (7, 1799, 1800),
        (7, 1801, 1861),
        (9, 2000, 2300),
    ],
)
def test_ladder_leaves_out_passed_rungs_and_never_skips_the_expiry(asked, passed_seconds, expected_seconds) -> None:
    expires_at = NOW + timedelta(seconds=1800)
    moment = NOW + timedelta(seconds=passed_seconds)
    found = states.next_question_at(NOW, expires_at, asked, moment)
    assert (found - NOW).total_seconds() == expected_seconds


def test_expiry_comes_before_a_later_rung() -> None:
    found = states.next_question_at(NOW, NOW + timedelta(seconds=90), 3, NOW + timedelta(seconds=61))
    assert (found - NOW).total_seconds() == 90


def test_order_never_outlives_its_bill() -> None:
    due_at = NOW + timedelta(seconds=600, microseconds=5)
    assert states.order_expiry(NOW, 1800, due_at) == NOW + timedelta(seconds=600)
    assert states.order_expiry(NOW, 1800, None) == NOW + timedelta(seconds=1800)
    assert states.is_expired(NOW, NOW + timedelta(seconds=60))
    assert not states.is_expired(NOW, NOW + timedelta(seconds=61))
    assert not states.is_expired(NOW, None)


def test_prepay_is_fresh_only_with_minutes_to_spare() -> None:
    assert states.prepay_is_fresh(NOW + timedelta(seconds=301), NOW)
    assert not states.prepay_is_fresh(NOW + timedelta(seconds=300), NOW)
    assert not states.prepay_is_fresh(None, NOW)


def test_refund_questions_come_at_growing_distance() -> None:
    distances = [(states.next_refund_question_at(n, NOW) - NOW).total_seconds() for n in range(8)]
    assert distances == [60, 120, 300, 600, 1800, 3600, 3600, 3600]


def test_channel_says_when_the_first_question_makes_sense() -> None:
    first = states.next_refund_question_at(0, NOW, timedelta(seconds=10))
    assert (first - NOW).total_seconds() == 10
    later = states.next_refund_question_at(1, NOW, timedelta(seconds=10))
    assert (later - NOW).total_seconds() == 120


@pytest.mark.parametrize(
    ("amount_fen", "refunded_fen", "approval_fen", "expected"),
    [(499, 0, 500, False), (500, 0, 500, True), (1, 499, 500, True), (1, 498, 500, False), (1, 0, 0, True)],
)
def test_second_person_is_needed_by_the_sum_of_a_payments_refunds(
    amount_fen, refunded_fen, approval_fen, expected
) -> None:
    assert states.needs_second_person(amount_fen, refunded_fen, approval_fen) is expected


def test_money_that_a_bank_gives_back_opens_the_bill_again() -> None:
    assert set(states.sources(BILL, BillMove.REFUND_BOUNCED)) == {"PAID", "CONFIRMED", "REFUNDED"}
    assert states.sources(REFUND, RefundMove.BOUNCE) == ["SUCCEEDED"]
